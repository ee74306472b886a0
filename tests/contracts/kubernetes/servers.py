"""A Kubernetes API server as the suite sees it: a URL, an authority, credentials; and how either kind is started."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

from controlplane.plane import ControlPlane

from katib_local.apiserver.store import Store
from katib_local.credentials import make_credentials
from katib_local.state import open_state

Json = dict[str, Any]
Value = TypeVar("Value")
PATIENCE = 30
OLDEST = 34
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
SPACE = "/api/v1/namespaces/default"


@dataclass(frozen=True)
class Answer:
    """Code, headers and parsed body of a response."""

    code: int
    body: Any
    headers: Mapping[str, str]

    @property
    def warnings(self) -> list[str]:
        """The texts of all warnings."""
        texts = re.findall(r'299 - "((?:\\.|[^"\\])*)"', self.headers.get("warning", ""))
        return [re.sub(r"\\(.)", r"\1", text) for text in texts]

    @property
    def causes(self) -> set[tuple[str, str, str]]:
        """Field, reason and text of each cause of a refusal."""
        listed = self.body["details"]["causes"]
        return {(cause["field"], cause["reason"], cause["message"]) for cause in listed}

    @property
    def version(self) -> str:
        version: str = self.body["metadata"]["resourceVersion"]
        return version


@dataclass(frozen=True)
class Server:
    """How a server is reached."""

    url: str
    kubeconfig: Path
    authority: Path
    certificate: tuple[Path, Path] | None
    token: str = ""
    kind: str = "laptop"
    accept: str = "application/json"

    @property
    def minor(self) -> int:
        """The version of Kubernetes that it is, as 37 of 1.37."""
        return int(self.good("GET", "/version").body["minor"])

    def bearing(self, token: str) -> Server:
        """The same server for a caller who has a token and no certificate."""
        return replace(self, certificate=None, token=token)

    def accepting(self, forms: str) -> Server:
        """The same server for a caller who takes answers in these forms."""
        return replace(self, accept=forms)

    def connection(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.authority)
        if self.certificate is not None:
            context.load_cert_chain(*self.certificate)
        parts = urlsplit(self.url)
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=PATIENCE)

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json", **query: str) -> Answer:
        """One request; a body that is no text is sent as JSON."""
        connection = self.connection()
        try:
            return self.send(connection, method, f"{path}?{urlencode(query)}" if query else path, body, content)
        finally:
            connection.close()

    def get(self, target: str, accept: str, **headers: str) -> Answer:
        """One GET of a path and query, for an answer of this form; headers with `_` for `-`."""
        connection = self.connection()
        try:
            more = {name.replace("_", "-"): value for name, value in headers.items()}
            return self._asked(connection, "GET", target, None, {"Accept": accept, **more})
        finally:
            connection.close()

    def send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        target: str,
        body: Any = None,
        content: str = "application/json",
    ) -> Answer:
        """One request over a connection that the caller keeps."""
        data = body if isinstance(body, str | bytes | None) else json.dumps(body)
        return self._asked(connection, method, target, data, {"Content-Type": content, "Accept": self.accept})

    def _asked(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        target: str,
        data: str | bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        connection.request(method, target, data, {**headers, **bearer})
        response = connection.getresponse()
        text = response.read()
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = text.decode(errors="replace")
        names = {name.lower() for name, _ in response.getheaders()}
        return Answer(
            response.status, parsed, {name: ", ".join(response.headers.get_all(name) or ()) for name in names}
        )

    def good(self, method: str, path: str, body: Any = None, content: str = "application/json", **query: str) -> Answer:
        answer = self.call(method, path, body, content, **query)
        assert answer.code < 300, (answer.code, answer.body)
        return answer

    @contextmanager
    def watch(self, path: str, accept: str = "application/json", **query: str) -> Iterator[Iterator[Json]]:
        """The events of a watch, as they come."""
        connection = self.connection()
        try:
            target = f"{path}?{urlencode({'watch': '1', 'timeoutSeconds': '20', **query})}"
            connection.request("GET", target, headers={"Accept": accept})
            response = connection.getresponse()
            try:
                yield (json.loads(line) for line in iter(response.readline, b""))
            finally:
                response.close()
        finally:
            connection.close()

    def kubectl(
        self, *arguments: str, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, **environment}
        )


class OfAKind(Protocol):
    """A server, or Katib on one, that runs on the laptop or is real."""

    @property
    def kind(self) -> str: ...


class LaptopServer:
    """The laptop's API server in a process of its own, which can be killed and started again.

    `controllers` adds another process, with the laptop's controllers of workloads.
    """

    def __init__(self, folder: Path, *, controllers: bool = False) -> None:
        self.controllers = controllers
        self.working: subprocess.Popen[str] | None = None
        self.state = open_state(folder / "state")
        self.credentials = make_credentials(self.state, server="https://127.0.0.1:1", now=datetime.now(UTC))
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Server:
        files = self.credentials
        command = [
            *(sys.executable, "-m", "katib_local.apiserver", f"--state-dir={self.state.objects}"),
            *(f"--tls-cert={files.certificate('apiserver')}", f"--tls-key={files.key('apiserver')}"),
            f"--client-ca={files.authority}",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        url = f"https://127.0.0.1:{self.process.stdout.readline().strip()}"
        make_credentials(self.state, server=url, now=datetime.now(UTC))
        pair = (files.certificate("admin"), files.key("admin"))
        if self.controllers:
            program = [sys.executable, str(Path(__file__).with_name("controllers.py")), str(self.state.kubeconfig)]
            self.working = subprocess.Popen(program, stdin=subprocess.PIPE, text=True)
        return Server(url, self.state.kubeconfig, files.authority, pair)

    def kill(self) -> None:
        """Without a warning, and with everything it was doing."""
        self._end(signal.SIGKILL)

    def start_with(self, documents: Iterable[Json]) -> Server:
        """A server that has these ConfigMaps, put into its store directly: so many requests would take minutes."""
        store = Store(self.state.objects)
        for document in documents:
            store.write(("configmaps", "default", document["metadata"]["name"]), document)
        store.close()
        return self.start()

    def forget(self) -> Server:
        """The same server when it knows no version any more that it had before."""
        self.kill()
        return self.start()

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.working is not None:
            self.working.communicate(timeout=PATIENCE)
            self.working = None
        if self.process is not None:
            self.process.send_signal(number)
            self.process.communicate(timeout=PATIENCE)
            self.process = None


class RealServer:
    """A real control plane, whose API server can be killed and started again."""

    def __init__(self, binaries: Path, folder: Path, *, controllers: bool = True) -> None:
        self.plane = ControlPlane(binaries, folder, controllers=controllers)

    def start(self) -> Server:
        self.plane.start()
        pair = self.plane.admin.pair
        files = (pair.certificate, pair.key)
        return Server(self.plane.url, self.plane.kubeconfig, self.plane.credentials.ca, files, kind="real")

    def kill(self) -> None:
        self.plane.kill("kube-apiserver")

    def start_with(self, documents: Iterable[Json]) -> Server:
        """A server that has these ConfigMaps, put into its store directly: so many requests would take minutes."""
        server = self.start()
        folder = "/registry/configmaps/default"
        self.plane.put({f"{folder}/{held['metadata']['name']}": json.dumps(held).encode() for held in documents})
        return server

    def forget(self) -> Server:
        """The same server when it knows no version any more that it had before."""
        newest = self.start().good("GET", "/api/v1/namespaces").version
        self.plane.compact(int(newest))
        self.kill()
        return self.start()

    def stop(self) -> None:
        self.plane.stop()


def laptop_differs(server: OfAKind, *, real: Value, laptop: Value, why: str, row: str) -> Value:
    """What to expect of this server: a named exception to "one suite, two servers".

    `why` is the reason, `row` the topic of docs/laptop.md that tells users. tests/house counts them: there are few.
    """
    return laptop if server.kind == "laptop" else real


def by_version(server: Server, *, newest: Value, oldest: Value) -> Value:
    """What to expect where the oldest Kubernetes that is supported, 1.34, answers otherwise. The laptop is as the newest."""
    return oldest if server.minor <= OLDEST else newest


def until(look: Callable[[], Any]) -> Any:
    """Look again until something is there, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return seen


def a_config_map(name: str, labels: Mapping[str, str] | None = None, **data: str) -> Json:
    metadata: Json = {"name": name, **({"labels": dict(labels)} if labels else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def a_crd(plural: str = "pizzas", kind: str = "Pizza", short: str = "pz") -> Json:
    """A kind with a status, a default, bounds, a free-form field and a printer column."""
    spec = {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 50},
            "crust": {"type": "string", "enum": ["thin", "thick"], "default": "thin"},
            "toppings": {"type": "array", "items": {"type": "string"}},
            "notes": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    status = {"type": "object", "properties": {"eaten": {"type": "boolean"}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
    }
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List", "shortNames": [short]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.food.example.com"},
        "spec": {"group": "food.example.com", "names": names, "scope": "Namespaced", "versions": [version]},
    }


def a_pizza(name: str, **spec: Any) -> Json:
    return {
        "apiVersion": "food.example.com/v1",
        "kind": "Pizza",
        "metadata": {"name": name},
        "spec": {"size": 30, **spec},
    }
