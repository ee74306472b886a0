"""What was acknowledged stays, whatever happens to the server; and who may call."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from contracts.kubernetes.servers import SPACE, LaptopServer, RealServer, Server, a_config_map, laptop_differs

MAPS = f"{SPACE}/configmaps"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
HALF_CRD: dict[str, object] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "halves.a.b"},
}


def test_every_acknowledged_write_survives_a_kill(restartable: LaptopServer | RealServer) -> None:
    """SIGKILL in the middle of writes, three times; versions only ever rise."""
    acknowledged: dict[str, int] = {}
    highest = 0
    for life in range(3):
        server = restartable.start()
        ready = threading.Event()

        def write(server: Server = server, life: int = life, ready: threading.Event = ready) -> None:
            for number in range(10_000):
                name = f"w-{life}-{number}"
                try:
                    acknowledged[name] = int(server.good("POST", MAPS, a_config_map(name)).version)
                except OSError:
                    return
                if number == 30:
                    ready.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert ready.wait(60)
        restartable.kill()
        writer.join(60)
        assert min(acknowledged[name] for name in acknowledged if name.startswith(f"w-{life}-")) > highest
        highest = max(acknowledged.values())
    page = restartable.start().good("GET", MAPS).body
    held = {item["metadata"]["name"]: int(item["metadata"]["resourceVersion"]) for item in page["items"]}
    assert acknowledged.items() <= held.items()
    assert int(page["metadata"]["resourceVersion"]) >= highest


def test_a_watch_after_a_restart_misses_nothing_or_says_that_it_would(restartable: LaptopServer | RealServer) -> None:
    server = restartable.start()
    version = server.good("POST", MAPS, a_config_map("before")).version
    server.good("POST", MAPS, a_config_map("between"))
    restartable.kill()
    server = restartable.start()
    server.good("POST", MAPS, a_config_map("after"))
    with server.watch(MAPS, resourceVersion=version) as events:
        first = next(events)
        if first["type"] == "ERROR":
            assert (first["object"]["code"], first["object"]["reason"]) == (410, "Expired")
            return
        seen = [event["object"]["metadata"]["name"] for event in (first, next(events))]
        assert seen == ["between", "after"]


HALVES: dict[str, tuple[str, dict[str, object], int]] = {
    "an owner that is a text": (MAPS, {"metadata": {"name": "half", "ownerReferences": ["x"]}}, 400),
    "owners that are a text": (MAPS, {"metadata": {"name": "half", "ownerReferences": "x"}}, 400),
    "a definition without names": (
        CRDS,
        {**HALF_CRD, "spec": {"group": "a.b", "scope": "Cluster", "versions": []}},
        422,
    ),
    "a definition of nothing": (CRDS, {**HALF_CRD, "spec": "x"}, 400),
}


@pytest.mark.parametrize("case", HALVES)
def test_what_is_refused_is_not_stored(restartable: LaptopServer | RealServer, case: str) -> None:
    """Nor does it end the next start."""
    path, document, code = HALVES[case]
    server = restartable.start()
    answer = server.call("POST", path, document)
    assert answer.code == code and answer.body["kind"] == "Status", answer.body
    restartable.kill()
    assert restartable.start().good("GET", path).body["items"] == []


def test_nobody_calls_without_a_certificate(server: Server) -> None:
    answer = replace(server, certificate=None).call("GET", MAPS)
    assert answer.code == 401 and answer.body["reason"] == "Unauthorized"


def test_nobody_calls_with_a_certificate_of_somebody_else(server: Server, tmp_path: Path) -> None:
    """Certificates of another state directory's authority are worth nothing here."""
    files = LaptopServer(tmp_path).credentials
    stranger = replace(server, certificate=(files.certificate("admin"), files.key("admin")))
    try:
        code = stranger.call("GET", MAPS).code
    except OSError:
        code = 0  # no connection at all
    why = (
        "Python's TLS refuses a connection whose certificate it cannot verify; Go's goes on and lets the server answer"
    )
    assert code == laptop_differs(server, real=401, laptop=0, why=why, row="strangers' certificates")


def test_credentials_are_their_owners_alone(tmp_path: Path) -> None:
    laptop = LaptopServer(tmp_path)
    files = [path for path in laptop.state.path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"kubeconfig", "tls.key", "ca.crt"}
    assert not [path for path in [laptop.state.path, *files] if path.stat().st_mode & 0o077]
