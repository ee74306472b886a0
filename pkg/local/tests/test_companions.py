"""What stands beside an Experiment comes with it or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from katib_local.bootstrap import object_path
from katib_local.companions import brought
from katib_local.documents import Document, InputError, read_documents
from katib_local.testing import ApiServer, running_api_server
from katib_machinery.kube import connect
from katib_machinery.transport import ApiError

TEXT = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: NAME\n  namespace: default\ndata: {a: new}\n"
OLD = {
    "kind": "ConfigMap",
    "apiVersion": "v1",
    "metadata": {"name": "old", "namespace": "default"},
    "data": {"a": "old"},
}
NAMESPACE = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "default"}}


@pytest.fixture
def api_server(tmp_path: Path) -> Iterator[ApiServer]:
    with running_api_server(tmp_path / "server") as server:
        server.install([NAMESPACE])
        yield server


def companion(name: str) -> Document:
    return read_documents("x.yaml", TEXT.replace("NAME", name))[0]


async def held(api_server: ApiServer, document: Document) -> dict[str, Any] | None:
    async with connect(str(api_server.kubeconfig)) as transport:
        try:
            found: dict[str, Any] = json.loads(await transport.request("GET", object_path(document.value)))
        except ApiError:
            return None
    data: dict[str, Any] = found["data"]
    return data


@pytest.mark.parametrize("refused", [True, False])
async def test_companions_are_as_they_were_when_the_experiment_is_refused(api_server: ApiServer, refused: bool) -> None:
    old, new = companion("old"), companion("new")
    async with connect(str(api_server.kubeconfig)) as transport:
        await transport.request("POST", "/api/v1/namespaces/default/configmaps", body=json.dumps(OLD).encode())
        try:
            async with brought(transport, [old, new]):
                assert await held(api_server, new) == await held(api_server, old) == {"a": "new"}
                if refused:
                    raise ApiError(422, "Invalid", "the Experiment is refused")
        except ApiError:
            assert refused
    assert await held(api_server, new) == (None if refused else {"a": "new"})
    assert await held(api_server, old) == ({"a": "old"} if refused else {"a": "new"})


REFUSED = {
    "a namespace that is not there": (
        ("namespace: default", "namespace: nosuchns"),
        'x.yaml:5: ConfigMap script is refused: namespaces "nosuchns" not found; correct it, or remove it',
    ),
    "a name that is a path": (("name: script", "name: a/b?c"), "x.yaml:4: ConfigMap a/b?c is refused: "),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_refused_companion_is_named_with_its_line(
    api_server: ApiServer, change: tuple[str, str], message: str
) -> None:
    (document,) = read_documents("x.yaml", TEXT.replace("NAME", "script").replace(*change))
    async with connect(str(api_server.kubeconfig)) as transport:
        with pytest.raises(InputError) as caught:
            async with brought(transport, [document]):
                pass
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)
