"""What a fresh laptop cluster holds before anybody uses it: namespaces, kinds, configuration, webhooks.

Knows Kubernetes objects. Must not know processes.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any
from urllib.parse import quote

import yaml

from katib_apis.v1beta1 import names
from katib_local.credentials import LOOPBACK
from katib_local.node.lease import NAMESPACE as NODE_LEASES
from katib_local.programs import CORE_NAMESPACE, Laptop
from katib_machinery.transport import ApiError, Transport

NAMESPACES = ("default", CORE_NAMESPACE)
Document = dict[str, Any]
PLURALS = {
    "Namespace": "/api/v1/namespaces",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
}


def shipped(folder: str) -> list[Document]:
    """The documents of every YAML file in a folder of katib_apis.v1beta1, by file name."""
    files = resources.files("katib_apis.v1beta1").joinpath(folder).iterdir()
    texts = (
        file.read_text(encoding="utf-8")
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(".yaml")
    )
    return [document for text in texts for document in yaml.load_all(text, Loader=_loader()) if document]


def _loader() -> Any:
    """libyaml's loader where it is there: several times as fast on the CRDs."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def desired_namespaces() -> list[Document]:
    labels = {names.LABEL_METRICS_COLLECTOR_INJECTION: names.LABEL_VALUE_INJECTION_ENABLED}
    ready = [{"name": name, "labels": labels} for name in NAMESPACES]
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": entry} for entry in (*ready, {"name": NODE_LEASES})]


def desired_config_map(text: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": names.OBJECT_CONFIG_MAP, "namespace": CORE_NAMESPACE},
        "data": {names.OBJECT_CONFIG_KEY: text},
    }


def desired_webhooks(configurations: Iterable[Document], laptop: Laptop) -> list[Document]:
    """The printed webhook configurations, with the addresses of this start instead of a Service."""
    bundle = base64.b64encode(laptop.credentials.authority.read_bytes()).decode()
    return [
        {**configuration, "webhooks": [_reached(webhook, laptop, bundle) for webhook in configuration["webhooks"]]}
        for configuration in configurations
    ]


def _reached(webhook: Mapping[str, Any], laptop: Laptop, bundle: str) -> Document:
    path = webhook["clientConfig"]["service"]["path"]
    url = f"https://{LOOPBACK}:{laptop.ports.webhook}{path}"
    return {**webhook, "clientConfig": {"url": url, "caBundle": bundle}}


async def install(transport: Transport, laptop: Laptop, config: str) -> None:
    """Bring the cluster to what it must hold; what is there already is changed in place."""
    webhooks, crds = shipped("."), shipped("crds")
    await asyncio.gather(*(apply(transport, document) for document in [*desired_namespaces(), *crds]))
    rest = [desired_config_map(config), *desired_webhooks(webhooks, laptop)]
    await asyncio.gather(*(apply(transport, document) for document in rest))


async def apply(transport: Transport, document: Document) -> Document:
    """Create an object, or replace what the one of that name says; returns what the server holds then."""
    try:
        return await _call(transport, "POST", _collection(document), document)
    except ApiError as error:
        if not error.already_exists:
            raise
    path = object_path(document)
    held = await _call(transport, "GET", path)
    merged = {**held, **document, "metadata": {**held["metadata"], **_merged_metadata(held, document)}}
    return held if merged == held else await _call(transport, "PUT", path, merged)


def object_path(document: Mapping[str, Any]) -> str:
    """Where the object of one of these kinds is, however odd its name is."""
    return f"{_collection(document)}/{quote(str(document['metadata']['name']), safe='')}"


def _collection(document: Mapping[str, Any]) -> str:
    namespace = quote(str(document["metadata"].get("namespace")), safe="")
    return PLURALS[document["kind"]].format(namespace=namespace)


def _merged_metadata(held: Document, document: Document) -> Document:
    maps = ("labels", "annotations")
    return {
        key: {**(held["metadata"].get(key) or {}), **document["metadata"].get(key, {})}
        for key in maps
        if document["metadata"].get(key)
    }


async def _call(transport: Transport, method: str, path: str, body: Document | None = None) -> Document:
    encoded = json.dumps(body).encode() if body is not None else None
    answer: Document = json.loads(await transport.request(method, path, body=encoded))
    return answer
