"""WH-16, COL-16: exactly RE2."""

from __future__ import annotations

import pytest

from katib_domain.regex import RegexError, capture_groups, compile_re2


@pytest.mark.parametrize("text", [r"\pN", "[[:alpha:]]", r"a\z", "(?P<n>a)", "(?<n>a)", "(a|b)*"])
def test_what_re2_knows_is_accepted(text: str) -> None:
    assert compile_re2(text).text == text


@pytest.mark.parametrize("text", ["(?=a)", r"(a)\1", "(", "a{1001}", "[z-a]"])
def test_what_re2_does_not_know_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(RegexError, match="no RE2 expression: ") as caught:
        compile_re2(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(("text", "groups"), [(r"\(a\)\(b\)", 0), ("(a)(?:b)", 1), ("((a)b)", 2)])
def test_only_real_groups_are_counted(text: str, groups: int) -> None:
    assert capture_groups(text) == groups


def test_word_characters_are_ascii() -> None:
    assert list(compile_re2(r"(\w+)=(\d+)").pairs("größe=1 b=2")) == [("e", "1"), ("b", "2")]
