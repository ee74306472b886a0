"""A webhook server of a case's own: HTTPS on loopback, with an authority that configurations name."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from contracts.kubernetes.definitions import until
from contracts.kubernetes.servers import SPACE, Server

from katib_certgenerator.authority import Authority

Json = dict[str, Any]
Think = Callable[[Json], Json | tuple[int, bytes]]
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1"
MAPS = f"{SPACE}/configmaps"
CREATIONS = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}


@dataclass
class Webhooks:
    """Answers at each path as a case has said; `seen` are the paths and requests, in their order."""

    url: str
    bundle: str
    answers: dict[str, Think] = field(default_factory=dict)
    seen: list[tuple[str, Json]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for path, _ in self.seen]

    def respond(self, path: str, review: Json) -> tuple[int, bytes]:
        request = review["request"]
        self.seen.append((path, request))
        answer = self.answers.get(path, lambda _: {})(request)
        if isinstance(answer, tuple):
            return answer
        response = {"uid": request["uid"], "allowed": True, **answer}
        body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        return 200, json.dumps(body).encode()

    def configure(self, server: Server, name: str, *webhooks: Json, kind: str = "Validating") -> None:
        """Store a configuration; returns when the server follows it.

        Each webhook is one of ConfigMaps with the label `case: NAME`, unless it says otherwise; `path` is its place here.
        """
        listed = [self.complete(name, index, webhook) for index, webhook in enumerate(webhooks)]
        beacon = {"path": "/beacon", "objectSelector": {"matchLabels": {"case": f"{name}-beacon"}}}
        listed.append(self.complete(name, len(listed), beacon))
        server.good("POST", f"{CONFIGURATIONS}/{kind.lower()}webhookconfigurations", configuration(kind, name, listed))
        until(lambda: server.good("POST", MAPS, a_map(f"{name}-beacon"), dryRun="All") and "/beacon" in self.paths())
        self.seen.clear()

    def complete(self, name: str, index: int, webhook: Json) -> Json:
        rest = {key: value for key, value in webhook.items() if key != "path"}
        return {
            "name": f"w{index}.{name}.example.com",
            "clientConfig": {"url": f"{self.url}{webhook['path']}", "caBundle": self.bundle},
            "rules": [CREATIONS],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "objectSelector": {"matchLabels": {"case": name}},
            **rest,
        }


def configuration(kind: str, name: str, webhooks: list[Json]) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": webhooks,
    }


def a_map(case: str, **labels: str) -> Json:
    """A ConfigMap that the webhooks of a case see."""
    metadata = {"generateName": f"{case}-", "labels": {"case": case, **labels}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


def a_patch(*operations: Json) -> Json:
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(operations).encode()).decode()}


@contextmanager
def serving(folder: Path) -> Iterator[Webhooks]:
    """Serve webhooks while the block runs."""
    now = datetime.now(UTC)
    authority = Authority.create("webhooks", now=now)
    issued = authority.issue_server("webhooks", now=now, dns_names=["localhost"], ip_addresses=["127.0.0.1"])
    file = folder / "webhooks.pem"
    file.write_bytes(issued.certificate_pem + issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code, content = webhooks.respond(self.path.partition("?")[0], body)
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing: a case says what it expects."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    bundle = base64.b64encode(authority.certificate_pem).decode()
    webhooks = Webhooks(f"https://127.0.0.1:{listening.server_port}", bundle)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield webhooks
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
