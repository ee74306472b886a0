"""The GJSON subset of controllers.md §4, with the results of its checked examples."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_domain.gjson import MISSING, PathSyntaxError, find
from katib_domain.glob import glob_matches

COMPLETE = {"type": "Complete", "status": "True", "reason": "R", "message": "M"}
RUNNING = {"type": "Running", "status": "False"}
FAILED = {"type": "Failed", "status": "False"}
STATUS = {"phase": "Succeeded", "succeeded": 1, "conditions": [RUNNING, COMPLETE, FAILED]}
DOCUMENT = {"status": STATUS, "dotted.key": {"x": 1}, "list": [1, "two", None, {"a": {"b": 5}}], "flag": True}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('status.conditions.#(type=="Complete")#|#(status=="True")#', [COMPLETE]),
        ('status.conditions.#(type=="Failed")#|#(status=="True")#', []),
        ('status.missing.#(type=="X")#|#(status=="True")#', MISSING),
        ('status.[@this].#(phase=="Succeeded")#', [STATUS]),
        ('nostatus.[@this].#(phase=="Failed")#', []),
        ("status.[@this].#(succeeded==1)", STATUS),
        ('status.[@this].#(succeeded=="1")', STATUS),
        ('status.conditions.#(type=="Complete")', COMPLETE),
        ("status.phase", "Succeeded"),
        ("[status.phase]", ["Succeeded"]),
        ("[status.phase,status.nothing,status.succeeded]", ["Succeeded", 1]),
        ("", MISSING),
        (r"dotted\.key.x", 1),
        ("list.1", "two"),
        ("list.9", MISSING),
        ("list.2", None),
        ("list.#", 4),
        ("status.conditions.#", 3),
        ("status.conditions.#.type", ["Running", "Complete", "Failed"]),
        ("status.conditions.#.reason", ["R"]),
        ("status.conditions.#.reason|0", "R"),
        ('status.conditions.#(status=="False")#.type', ["Running", "Failed"]),
        ('status.conditions.#(status=="False")#.#(type=="Failed")#', []),
        ('status.conditions.#(status=="False")#|#', 2),
        ('status.conditions.#(type=="Nope")', MISSING),
        ("status.conditions.#(reason)#", [COMPLETE]),
        ('status.conditions.#(reason!="X")#', [COMPLETE]),
        ('status.conditions.#(type%"Comp*")#', [COMPLETE]),
        ('status.conditions.#(type!%"Comp*")#', [RUNNING, FAILED]),
        ("status.conditions.#(type==Complete)#|0|reason", "R"),
        ("list.#(a.b>=5)", {"a": {"b": 5}}),
        ("list.#(a.b<5)", MISSING),
        ('list.#(=="two")', "two"),
        ("[flag].#(==true)", True),
        ('[flag].#(=="true")', True),
        ("[flag].#(==yes)", MISSING),
        ("sta*.phase", "Succeeded"),
        ("status.phase.more", MISSING),
        ("status.conditions.type", MISSING),
        ("@this.flag", True),
    ],
)
def test_a_path_leads_to_what_the_contract_says(path: str, expected: object) -> None:
    assert find(DOCUMENT, path) == expected


@pytest.mark.parametrize(
    "path",
    [
        'status.conditions.#(type=="Complete"',
        'status.conditions.#(type=="Complete)#',
        "[status.phase",
        "status.@reverse",
        "{status.phase}",
        "status.conditions.#(type==a && status==b)#",
        'status.conditions.#(type=="Complete")x',
    ],
)
def test_a_path_that_cannot_be_read_is_an_error_that_quotes_it(path: str) -> None:
    with pytest.raises(PathSyntaxError, match=re.escape(repr(path)[1:-1])):
        find(DOCUMENT, path)


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("", "", True),
        ("", "*", True),
        ("abc", "a?c", True),
        ("abc", "a*", True),
        ("abc", "*b*", True),
        ("abc", "b*", False),
        ("a*c", r"a\*c", True),
        ("abc", r"a\*c", False),
        ("aaab", "*a*b", True),
    ],
)
def test_glob_patterns(text: str, pattern: str, fits: bool) -> None:
    assert glob_matches(text, pattern) is fits


@given(st.text(alphabet='ab.#|[]()"\\=@*,1{', max_size=20))
def test_any_text_is_either_followed_or_refused(path: str) -> None:
    try:
        find(DOCUMENT, path)
    except PathSyntaxError as error:
        assert error.path == path
