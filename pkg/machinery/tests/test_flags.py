"""A wrong command line is told in one line."""

import pytest

from katib_machinery.flags import FlagParser, ShowVersion, parse_listen_address


def a_parser() -> FlagParser:
    parser = FlagParser(prog="weigh", allow_abbrev=False)
    parser.add_argument("--grams", type=int)
    parser.add_argument("--listen", type=parse_listen_address)
    parser.add_argument("--version", action=ShowVersion, distribution="katib-machinery")
    return parser


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--pounds"], "weigh: unrecognized arguments: --pounds; see weigh --help\n"),
        (["--grams", "many"], "weigh: argument --grams: invalid int value: 'many'; see weigh --help\n"),
        (["--grams"], "weigh: argument --grams: expected one argument; see weigh --help\n"),
        (
            ["--listen", "here:65536"],
            "weigh: argument --listen: 'here:65536': ports go up to 65535: choose a lower one; see weigh --help\n",
        ),
        (
            ["--listen=here"],
            "weigh: argument --listen: 'here' is no address: write host:port or unix:/path; see weigh --help\n",
        ),
        (
            ["--listen=he re:1"],
            "weigh: argument --listen: 'he re:1' is no address: write host:port or unix:/path; see weigh --help\n",
        ),
    ],
)
def test_a_wrong_flag_ends_with_one_line_that_names_it_and_the_cure(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        a_parser().parse_args(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", says)


@pytest.mark.parametrize("text", ["localhost:6789", ":0", "[::1]:65535", "unix:/run/katib.sock"])
def test_an_address_is_taken_as_it_is_written(text: str) -> None:
    assert a_parser().parse_args(["--listen", text]).listen == text


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    with pytest.raises(SystemExit) as ended:
        a_parser().parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"weigh {version('katib-machinery')}\n"


@pytest.mark.parametrize("words", [["-grams=3"], ["-grams", "3"], ["--grams=3"], ["--grams", "3"]])
def test_one_dash_is_as_good_as_two(words: list[str]) -> None:
    """install.md §5: Go flag style."""
    assert a_parser().parse_args(words).grams == 3


def test_one_dash_works_for_help_too_and_other_words_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        a_parser().parse_args(["-help"])
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("usage: weigh ")
    assert a_parser().parse_known_args(["-g", "-gram=1", "grams", "-"])[1] == ["-g", "-gram=1", "grams", "-"]
