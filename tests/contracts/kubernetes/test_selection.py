"""Selectors to the letter, and which version of a list is shown, in which pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.kubernetes.servers import SPACE, LaptopServer, RealServer, Server, a_config_map

MAPS = f"{SPACE}/configmaps"
Fresh = Callable[[], str]


@pytest.fixture(scope="module")
def group(server: Server, fresh: Fresh) -> str:
    """A label value that four objects have, named `GROUP-0` to `GROUP-3`."""
    name = fresh()
    for number in range(4):
        labels = {"group": name, "n": str(number), "empty": "", "parity": "odd" if number % 2 else "even"}
        server.good("POST", MAPS, a_config_map(f"{name}-{number}", labels))
    return name


def numbers(server: Server, group: str, **query: str) -> list[int]:
    items = server.good("GET", MAPS, **query).body["items"]
    return [int(item["metadata"]["name"].removeprefix(f"{group}-")) for item in items]


SELECTIONS = {
    "n>1": [2, 3],
    "n<2": [0, 1],
    "parity>1": [],
    "parity = odd": [1, 3],
    "parity in (odd, even),n notin (0)": [1, 2, 3],
    "empty in (,x)": [0, 1, 2, 3],
    "empty in ()": [0, 1, 2, 3],
    "empty=": [0, 1, 2, 3],
    "other!=1": [0, 1, 2, 3],
    "other notin (1)": [0, 1, 2, 3],
    "parity=odd,parity=even": [],
    "notin!=x": [0, 1, 2, 3],
}


@pytest.mark.parametrize("selector", SELECTIONS)
def test_a_selector_of_labels(server: Server, group: str, selector: str) -> None:
    assert numbers(server, group, labelSelector=f"group={group},{selector}") == SELECTIONS[selector]


UNREADABLE = {
    "=odd": "found '=', expected: !, identifier, or 'end of string'",
    ",a": "found ',', expected: !, identifier, or 'end of string'",
    "a,": "found '', expected: identifier after ','",
    "a=b=c": "found '=', expected: ',' or 'end of string'",
    "!a=b": "found '=', expected: ',' or 'end of string'",
    "a=b c": "found 'c', expected: ',' or 'end of string'",
    "!": "unable to parse requirement: found '', expected: identifier",
    "a b": "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
    "a in b": "unable to parse requirement: found 'b' expected: '('",
    "a in (b": "unable to parse requirement: found '', expected: ',' or ')'",
    "a>=1": "unable to parse requirement: found '=', expected: identifier",
    "a>b": "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
    "-a=b": 'unable to parse requirement: <nil>: Invalid value: "-a": ',
    "a=-b": 'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be an empty string',
    f"a={'b' * 64}": f'unable to parse requirement: values[0][a]: Invalid value: "{"b" * 64}": ',
}


@pytest.mark.parametrize("selector", UNREADABLE)
def test_what_is_no_selector_of_labels_is_told_by_its_word(server: Server, selector: str) -> None:
    for query in ({}, {"watch": "1", "timeoutSeconds": "1"}):
        answer = server.call("GET", MAPS, labelSelector=selector, **query)
        assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
        assert answer.body["message"].startswith(UNREADABLE[selector])


KNOWN = 'is not a known field selector: only "metadata.name", "metadata.namespace"'
FIELDS = {
    "data.a=1": f'"data.a" {KNOWN}',
    " metadata.name =x": f'" metadata.name " {KNOWN}',
    "metadata.name": "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
    "metadata.name=a=b": "invalid field selector: unescaped character in value: 61",
    "metadata.name=a\\x": "invalid field selector: invalid escape sequence: \\x",
}


@pytest.mark.parametrize("selector", FIELDS)
def test_what_is_no_selector_of_fields_is_told(server: Server, selector: str) -> None:
    answer = server.call("GET", MAPS, fieldSelector=selector)
    assert (answer.code, answer.body["message"]) == (400, FIELDS[selector])


@pytest.mark.parametrize(("operator", "found"), [("=", [1]), ("==", [1]), ("!=", [0, 2, 3])])
def test_fields_are_equal_or_not(server: Server, group: str, operator: str, found: list[int]) -> None:
    query = {"labelSelector": f"group={group}", "fieldSelector": f"metadata.name{operator}{group}-1,"}
    assert numbers(server, group, **query) == found
    assert server.good("GET", MAPS, fieldSelector="metadata.name=a\\,b").body["items"] == []


def test_services_are_selected_by_type_and_address(server: Server, fresh: Fresh) -> None:
    name = fresh()
    spec = {"ports": [{"port": 80}], "clusterIP": "None"}
    server.good("POST", f"{SPACE}/services", {"metadata": {"name": name}, "spec": spec})
    for selector, there in (
        ("spec.type=ClusterIP,spec.clusterIP=None", True),
        ("spec.type!=ClusterIP", False),
        ("spec.clusterIP!=None", False),
    ):
        found = server.good("GET", f"{SPACE}/services", fieldSelector=selector).body["items"]
        assert (name in [item["metadata"]["name"] for item in found]) is there
    answer = server.call("GET", f"{SPACE}/services", fieldSelector="spec.externalIP=x")
    assert (answer.code, answer.body["message"]) == (400, "field label not supported: spec.externalIP")


MATCH = "resourceVersionMatch"
REFUSED: dict[str, tuple[dict[str, str], str, str]] = {
    "a match without version": (
        {MATCH: "Exact"},
        "Forbidden",
        f"{MATCH} is forbidden unless resourceVersion is provided",
    ),
    "exactly any version": (
        {MATCH: "Exact", "resourceVersion": "0"},
        "Forbidden",
        f'{MATCH} "exact" is forbidden for resourceVersion "0"',
    ),
    "an unknown match": (
        {MATCH: "Newest", "resourceVersion": "1"},
        "NotSupported",
        '"Newest": supported values: "Exact", "NotOlderThan", ""',
    ),
    "first events": ({"sendInitialEvents": "true"}, "Forbidden", "sendInitialEvents is forbidden for list"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_list_does_not_understand(server: Server, case: str) -> None:
    query, reason, words = REFUSED[case]
    body = server.call("GET", MAPS, **query).body
    assert (body["code"], body["reason"]) == (422, "Invalid"), body
    assert body["details"].keys() == {"group", "kind", "causes"} and body["details"]["kind"] == "ListOptions"
    assert [cause["reason"] for cause in body["details"]["causes"]] == [f"FieldValue{reason}"]
    assert body["message"].endswith(words)


def test_a_list_of_exactly_a_version_shows_what_there_was(server: Server, fresh: Fresh) -> None:
    name = fresh()
    query = {"labelSelector": f"exact={name}"}
    server.good("POST", MAPS, a_config_map(f"{name}-0", {"exact": name}))
    version = server.good("POST", MAPS, a_config_map(f"{name}-1", {"exact": name})).version
    server.good("DELETE", f"{MAPS}/{name}-0")
    server.good("POST", MAPS, a_config_map(f"{name}-2", {"exact": name}))
    page = server.good("GET", MAPS, **query, resourceVersion=version, resourceVersionMatch="Exact")
    assert page.version == version and [item["metadata"]["name"][-1] for item in page.body["items"]] == ["0", "1"]
    assert numbers(server, name, **query, resourceVersion=version, resourceVersionMatch="NotOlderThan") == [1, 2]
    assert numbers(server, name, **query, resourceVersion=version) == [1, 2]
    # So was a page asked for before there was a match.
    assert numbers(server, name, **query, resourceVersion=version, limit="1") == [0]


def test_pages_of_exactly_a_version(server: Server, fresh: Fresh) -> None:
    name = fresh()
    for number in range(3):
        version = server.good("POST", MAPS, a_config_map(f"{name}-{number}", {"pages": name})).version
    server.good("DELETE", f"{MAPS}/{name}-2")
    query = {"labelSelector": f"pages={name}", "limit": "2"}
    first = server.good("GET", MAPS, **query, resourceVersion=version, resourceVersionMatch="Exact").body["metadata"]
    assert numbers(server, name, **query, **{"continue": first["continue"]}) == [2]
    assert numbers(server, name, **query, **{"continue": first["continue"], "resourceVersion": "0"}) == [2]
    again = server.call("GET", MAPS, **query, **{"continue": first["continue"], "resourceVersion": version})
    assert (
        again.code == 400 and "specifying resource version is not allowed when using continue" in again.body["message"]
    )
    token = {"continue": first["continue"], MATCH: "Exact", "resourceVersion": version}
    assert server.call("GET", MAPS, **query, **token).code == 422


@pytest.mark.parametrize("limit", ["0", "-1"])
def test_no_limit_is_no_page(server: Server, group: str, limit: str) -> None:
    page = server.good("GET", MAPS, labelSelector=f"group={group}", limit=limit).body
    assert len(page["items"]) == 4 and page["metadata"].keys() == {"resourceVersion"}


def test_an_object_of_the_future_cannot_be_read(server: Server, group: str) -> None:
    path = f"{MAPS}/{group}-1"
    assert server.good("GET", path, resourceVersion="0").body["metadata"]["name"] == f"{group}-1"
    late = server.call("GET", path, resourceVersion="99999999")
    assert (late.code, late.body["reason"]) == (504, "Timeout")
    assert late.body["message"].startswith("Timeout: Too large resource version: 99999999, current: ")
    assert server.call("GET", path, resourceVersion="soon").code == 500


def test_a_page_of_what_was_forgotten_is_gone_and_the_list_can_go_on(
    restartable: LaptopServer | RealServer,
) -> None:
    """With a token that shows what there is now: no consistent list any more."""
    server = restartable.start()
    for letter in "abcd":
        server.good("POST", MAPS, a_config_map(f"m-{letter}", {"page": "x"}))
    query = {"labelSelector": "page=x", "limit": "2"}
    first = server.good("GET", MAPS, **query).body["metadata"]
    server.good("DELETE", f"{MAPS}/m-c")
    server = restartable.forget()
    gone = server.call("GET", MAPS, **query, **{"continue": first["continue"]})
    assert (gone.code, gone.body["reason"]) == (410, "Expired")
    assert gone.body["message"].startswith(
        "The provided continue parameter is too old to display a consistent list result."
    )
    rest = server.good("GET", MAPS, **query, **{"continue": gone.body["metadata"]["continue"]}).body
    assert [item["metadata"]["name"] for item in rest["items"]] == ["m-d"]
    exact = {"resourceVersion": first["resourceVersion"], MATCH: "Exact"}
    old = server.call("GET", MAPS, **exact)
    assert (old.code, old.body["reason"]) == (410, "Expired")
    assert old.body["message"] == "The resourceVersion for the provided list is too old."
