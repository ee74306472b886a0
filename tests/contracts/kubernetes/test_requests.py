"""Forms of requests: options, media types and bodies are obeyed as they are meant, or refused with a Status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import (
    APPLY,
    JSON_PATCH,
    MERGE,
    SPACE,
    STRATEGIC,
    Server,
    a_config_map,
    a_pizza,
    by_version,
)

MAPS = f"{SPACE}/configmaps"
Fresh = Callable[[], str]


def test_a_dry_run_that_the_body_of_a_deletion_asks_for_deletes_nothing(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, {"dry": name}))
    dry = {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}
    server.good("DELETE", f"{MAPS}/{name}", dry)
    server.good("DELETE", MAPS, dry, labelSelector=f"dry={name}")
    assert server.call("GET", f"{MAPS}/{name}").code == 200


def test_a_dry_run_of_kubectl_deletes_nothing(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    done = server.kubectl("delete", "configmap", name, "--dry-run=server")
    assert done.returncode == 0, done.stderr
    assert server.call("GET", f"{MAPS}/{name}").code == 200


DELETIONS: dict[str, tuple[Any, dict[str, str], int]] = {
    "no such policy": ({"propagationPolicy": "Foo"}, {}, 422),
    "no such policy in the query": (None, {"propagationPolicy": "Foo"}, 422),
    "no such dry run": ({"dryRun": ["foo"]}, {}, 422),
    "no such dry run in the query": (None, {"dryRun": "foo"}, 422),
    "a grace that is no number": ({"gracePeriodSeconds": "soon"}, {}, 400),
    "a grace in the query that is no number": (None, {"gracePeriodSeconds": "soon"}, 400),
    "a list": ([1], {}, 400),
    "an object of another kind": ({"kind": "ConfigMap", "apiVersion": "v1"}, {}, 400),
}


@pytest.mark.parametrize("case", DELETIONS)
def test_a_deletion_that_cannot_be_understood_deletes_nothing(server: Server, fresh: Fresh, case: str) -> None:
    body, query, code = DELETIONS[case]
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    answer = server.call("DELETE", f"{MAPS}/{name}", body, **query)
    if code == 400 and body is not None:  # 1.34 calls it its own fault
        code = by_version(server, newest=code, oldest=500)
    assert (answer.code, answer.body["kind"]) == (code, "Status"), answer.body
    assert server.call("GET", f"{MAPS}/{name}").code == 200


@pytest.mark.parametrize("query", [{"dryRun": "foo"}, {"fieldValidation": "Foo"}, {"fieldManager": "x" * 129}])
def test_a_creation_with_options_that_do_not_exist_creates_nothing(
    server: Server, fresh: Fresh, query: dict[str, str]
) -> None:
    name = fresh()
    answer = server.call("POST", MAPS, a_config_map(name), **query)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    assert server.call("GET", f"{MAPS}/{name}").code == 404


def test_a_limit_that_is_no_number_is_a_bad_request(server: Server) -> None:
    assert server.call("GET", MAPS, limit="x").code == 400


FORMS = [("POST", "text/plain"), ("POST", MERGE), ("PUT", "text/plain"), ("PATCH", "application/json")]


@pytest.mark.parametrize(("method", "content"), [*FORMS, ("PATCH", "text/plain")])
def test_a_body_of_an_unknown_form_changes_nothing(server: Server, fresh: Fresh, method: str, content: str) -> None:
    name = fresh()
    path = MAPS if method == "POST" else f"{MAPS}/{name}"
    if method != "POST":
        server.good("POST", MAPS, a_config_map(name))
    answer = server.call(method, path, a_config_map(name, a="1"), content)
    assert (answer.code, answer.body["reason"]) == (415, "UnsupportedMediaType")
    assert server.call("GET", f"{MAPS}/{name}").body.get("data") in (None, {})


@pytest.mark.parametrize("word", ["1", "true", "True", "yes"])
def test_everything_but_false_and_zero_is_a_yes(server: Server, fresh: Fresh, word: str) -> None:
    """Older Python clients write True."""
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    query = {"watch": word, "fieldSelector": f"metadata.name={name}", "timeoutSeconds": "1"}
    assert server.good("GET", MAPS, **query).body["type"] == "ADDED"


@pytest.mark.parametrize("word", ["0", "false", "False"])
def test_false_and_zero_are_a_no(server: Server, word: str) -> None:
    assert server.good("GET", MAPS, watch=word, timeoutSeconds="1").body["kind"] == "ConfigMapList"


@pytest.mark.parametrize("path", ["/version/", "/api/", "/api/v1/", "/apis/", "/apis/apps/", "/apis/apps/v1/"])
def test_a_slash_at_the_end_is_no_other_page(server: Server, path: str) -> None:
    assert server.good("GET", path).body == server.good("GET", path.rstrip("/")).body


def test_kubernetes_own_kinds_need_not_be_named(server: Server, pizzas: str, fresh: Fresh) -> None:
    """The URL says what they are; of custom kinds it does not."""
    name = fresh()
    created = server.good("POST", MAPS, {"metadata": {"name": name}, "data": {"a": "1"}}).body
    assert (created["apiVersion"], created["kind"]) == ("v1", "ConfigMap")
    server.good("PUT", f"{MAPS}/{name}", {"metadata": {"name": name}, "data": {"a": "2"}})
    nameless = {key: value for key, value in a_pizza(fresh()).items() if key not in ("apiVersion", "kind")}
    assert server.call("POST", pizzas, nameless).code == 400


def test_yaml_with_numbers_as_keys_is_read_as_texts(server: Server, fresh: Fresh) -> None:
    name = fresh()
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{2: a, true: b, c: 2026-01-01}}\n"
    answer = server.call("POST", MAPS, text, "application/yaml")
    assert answer.body.get("data") == {"2": "a", "true": "b", "c": "2026-01-01"}, answer.body


A_NUMBER: tuple[Any, str] = ([{"op": "replace", "path": "", "value": 5}], JSON_PATCH)
PATCHES: dict[str, tuple[Any, str, int]] = {
    "a merge patch that is a list": ([1], MERGE, 400),
    "a merge patch that is a text": ('"a"', MERGE, 400),
    "a strategic patch that is a list": ([1], STRATEGIC, 400),
    "a JSON patch that is an object": ({}, JSON_PATCH, 400),
    "a JSON patch that leaves a number": (*A_NUMBER, 422),
    "a JSON patch of numbers": ([5], JSON_PATCH, 400),
    "a JSON patch of nothing": ([None], JSON_PATCH, 422),
    "a JSON patch without a path": ([{"op": "add"}], JSON_PATCH, 422),
    "a JSON patch whose path is a number": ([{"op": "add", "path": 5, "value": "1"}], JSON_PATCH, 400),
    "a JSON patch whose operation is a number": ([{"op": 5, "path": "/data"}], JSON_PATCH, 400),
    "an applied list": ([1], APPLY, 400),
    "an applied text": ('"a"', APPLY, 400),
}


@pytest.mark.parametrize("case", PATCHES)
def test_a_patch_of_nonsense_is_the_callers_fault(server: Server, fresh: Fresh, case: str) -> None:
    body, content, code = PATCHES[case]
    name = fresh()
    created = server.good("POST", MAPS, a_config_map(name))
    query = {"fieldManager": "me"} if content == APPLY else {}
    answer = server.call("PATCH", f"{MAPS}/{name}", body, content, **query)
    if (body, content) == A_NUMBER and by_version(server, newest=False, oldest=True):
        assert answer.code == 200  # 1.34 takes it for an object without fields, and there was none before
    else:
        assert answer.code == code and answer.body["kind"] == "Status", answer.body
    assert server.good("GET", f"{MAPS}/{name}").version == created.version


def test_an_object_of_many_levels_is_kept_and_one_of_too_many_is_the_callers_fault(
    server: Server, pizzas: str, fresh: Fresh
) -> None:
    """How many are too many differs: a cluster takes 9,990, and no kind that anybody has met needs 100."""
    name = fresh()
    kind = '"apiVersion": "food.example.com/v1", "kind": "Pizza"'

    def nested(levels: int, key: str = "a") -> str:
        notes = f'{{"{key}":' * levels + "1" + "}" * levels
        return f'{{{kind}, "metadata": {{"name": "{name}"}}, "spec": {{"size": 3, "notes": {notes}}}}}'

    assert server.call("POST", pizzas, nested(30_000)).code == 400
    place = f"{pizzas}/{name}"
    server.good("POST", pizzas, nested(190))
    server.good("PATCH", place, nested(190, "b"), MERGE)
    server.good("PATCH", place, nested(190, "c"), APPLY, fieldManager="me")
    server.good("PUT", place, server.good("GET", place).body)
    for forms in ("application/yaml", "application/json;as=Table;g=meta.k8s.io;v=v1"):
        server.accepting(forms).good("GET", pizzas, includeObject="Object")
    notes = {"kept": 1}
    server.good("PATCH", place, [{"op": "replace", "path": "/spec/notes", "value": notes}], JSON_PATCH)
    for content in (MERGE, APPLY):
        answer = server.call(
            "PATCH", place, nested(30_000), content, **({"fieldManager": "me"} if content == APPLY else {})
        )
        assert (answer.code, answer.body["kind"]) == (400, "Status")
    assert server.good("GET", place).body["spec"]["notes"] == notes
    server.good("DELETE", place)


def test_nobody_is_answered_in_the_name_of_somebody_who_may_not_ask(server: Server) -> None:
    for header in ("Impersonate_User", "impersonate_user"):
        answer = server.get(MAPS, "application/json", **{header: "nobody"})
        assert (answer.code, answer.body["kind"], answer.body["reason"]) == (403, "Status", "Forbidden")
    done = server.kubectl("get", "secrets", "-A", "--as=nobody")
    assert done.returncode == 1 and "(Forbidden)" in done.stderr and not done.stdout


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "bytes of no text": (b"a\xff\xfeb", "a\ufffd\ufffdb"),
    "a text cut short": (b"\xe2\x82 b", "\ufffd\ufffd b"),
    "half a pair in three bytes": (b"\xed\xa0\x80", "\ufffd" * 3),
    "half a pair, escaped": (rb"\ud83d b", "\ufffd b"),
    "the other half, escaped": (rb"\ude00", "\ufffd"),
    "a pair, escaped, beside a byte": (b"\\ud83d\\ude00\xff", "\U0001f600\ufffd"),
    "what only looks so": (rb"\\ud83d" + b"\xff", "\\ud83d\ufffd"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_text_that_is_none_is_stored_with_signs_for_what_cannot_be_read(
    server: Server, fresh: Fresh, case: str
) -> None:
    text, expected = UNREADABLE[case]
    name = fresh()
    body = b'{"metadata":{"name":"%b"},"data":{"a":"%b"}}' % (name.encode(), text)
    server.good("POST", MAPS, body)
    assert server.good("GET", f"{MAPS}/{name}").body["data"] == {"a": expected}


@pytest.mark.parametrize("body", [b'\xff{"metadata":{"name":"x"}}', b'{"metadata":{"name":"x"},"data":{"a":"\xff"}'])
def test_what_cannot_be_read_outside_of_texts_is_refused(server: Server, body: bytes) -> None:
    answer = server.call("POST", MAPS, body)
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
