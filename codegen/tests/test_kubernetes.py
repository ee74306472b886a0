"""What is cut out of Kubernetes' definitions: fields and types, none of its words or rules."""

from collections.abc import Iterator
from typing import Any

import pytest

from katib_codegen.kubernetes import cut, whole
from katib_codegen.model import Api

CONTAINER = "io.k8s.api.core.v1.Container"
ENV = "io.k8s.api.core.v1.EnvVar"


def keywords(node: Any, *, fields: bool = False) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if not fields:
                yield key
            yield from keywords(value, fields=key == "properties" and not fields)
    elif isinstance(node, list):
        for value in node:
            yield from keywords(value)


def test_a_listed_type_is_referred_to_and_another_is_a_free_object() -> None:
    fields = cut(CONTAINER, {ENV: "EnvVar"})["properties"]
    assert fields["env"] == {"type": "array", "items": {"$ref": "#/$defs/EnvVar"}}
    assert fields["livenessProbe"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert fields["image"] == {"type": "string"}


def test_maps_keep_the_type_of_their_values() -> None:
    fields = cut("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", {})["properties"]
    assert fields["labels"] == {"type": "object", "additionalProperties": {"type": "string"}}
    assert fields["generation"] == {"type": "integer", "format": "int64"}


@pytest.mark.parametrize("full_name", [CONTAINER, ENV, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"])
def test_no_words_and_no_rules_come_along(full_name: str) -> None:
    allowed = {"type", "format", "items", "properties", "additionalProperties", "x-kubernetes-preserve-unknown-fields"}
    assert set(keywords(cut(full_name, {}))) <= allowed


def test_a_whole_type_brings_all_that_it_leads_to_and_how_its_lists_merge() -> None:
    types = whole(["io.k8s.api.core.v1.Service"])
    ports = types["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"]
    assert ports["items"] == {"$ref": "io.k8s.api.core.v1.ServicePort"}
    assert ports["x-kubernetes-patch-merge-key"] == "port"
    assert types["io.k8s.api.core.v1.ServicePort"]["required"] == ["port"]
    assert types["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] == {"type": ["integer", "string"]}
    assert "description" not in set(keywords(types))


def test_borrowed_types_are_marked(api: Api) -> None:
    borrowed = {name for name, definition in api.definitions.items() if definition.borrowed}
    assert {"ObjectMeta", "Container", "Time"} <= borrowed
    assert "AlgorithmSpec" not in borrowed
