"""YAML is read as kubectl reads it, and what JSON cannot hold is refused with its field and line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_local.documents import MOST_LEVELS, InputError, read_documents

READ = {
    "a: 2020-01-01": "2020-01-01",
    "a: 1:30": "1:30",
    "a: 1e-3": 0.001,
    "a: 0x10": 16,
    "a: -1_000": -1000,
    "a: .5": 0.5,
    "a: yes": True,
    "a: ~": None,
    "a: '1'": "1",
    "a: {1: b}": {"1": "b"},
    "b: &b {x: 1, y: 1}\na: {<<: *b, y: 2}": {"x": 1, "y": 2},
    "b: &b {x: 1}\nc: &c {x: 2}\na: {<<: [*b, *c]}": {"x": 1},
    "b: &b [1]\na: [*b, *b]": [[1], [1]],
}


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_text_is_read_as_kubectl_reads_it(text: str, value: object) -> None:
    (document,) = read_documents("x.yaml", text)
    assert document.value["a"] == value


WRONG = {
    "binary": ("a:\n  b: !!binary aGk=", "x.yaml:2: a.b: has the type !!binary, which no field has"),
    "a set": ("a: [1, !!set {b}]", "x.yaml:1: a[1]: has the type !!set, which no field has"),
    "a foreign tag": ("a: !thing 1", "x.yaml:1: a: has the type !thing, which no field has"),
    "an alias of itself": ("a: &s\n- b\n- *s", "x.yaml:1: a[1]: contains itself by an alias"),
    "a merge of itself": ("a: &s\n  <<: *s", "x.yaml:1: a.<<: contains itself by an alias"),
    "a merge of a list": ("a: {<<: [1]}", "x.yaml:1: a.<<: merges something that is no mapping"),
    "no number": ("spec:\n  goal: .nan", "x.yaml:2: spec.goal: .nan is no number that JSON can hold"),
    "too large a number": ("goal: 1e999", "x.yaml:1: goal: 1e999 is no number that JSON can hold"),
    "no integer": ("a: !!int b", "x.yaml:1: a: 'b' cannot be read as int"),
    "a key twice": ("a:\n  b: 1\n  c: 2\n  b: 1", "x.yaml:4: a.b: stands here again, after line 2: remove one"),
    "a key that is a list": ("a:\n  ? [b]\n  : 1", "x.yaml:2: a: has a key that is no plain text"),
    "20000 brackets": ("[" * 20000, "x.yaml: is nested too deeply"),
    "too many levels": (f"a: {'[' * MOST_LEVELS}{']' * MOST_LEVELS}", "x.yaml:1: is nested too deeply"),
    "aliases of aliases": (
        "\n".join(
            [f"l0: &l0 [{', '.join('1' * 9)}]"]
            + [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]" for level in range(1, 9)]
        ),
        "x.yaml: grows to more than 100000 values by its aliases",
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_json_cannot_hold_is_refused_with_its_field_and_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_documents("x.yaml", text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="ab:-[]{}&*<!?,#|>'\"~.e1 \n", max_size=60))
def test_any_text_is_either_refused_in_one_line_or_read_as_json(text: str) -> None:
    try:
        documents = read_documents("x.yaml", text)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        json.dumps([document.value for document in documents], allow_nan=False)
