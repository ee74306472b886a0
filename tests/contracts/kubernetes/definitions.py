"""Custom kinds that a case makes for itself: a schema in, the path of its collection out."""

from __future__ import annotations

from typing import Any

from contracts.kubernetes.servers import Answer, Server, a_crd, until

Json = dict[str, Any]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "food.example.com"


def a_definition(plural: str, spec: Json | None = None, **version: Any) -> Json:
    """A definition of a kind in one version; `spec` is the schema of its objects' spec."""
    crd = a_crd(plural, plural.capitalize())
    crd["spec"]["names"].pop("shortNames")
    schema = {"type": "object", "properties": {"spec": spec or {"type": "object"}}}
    crd["spec"]["versions"] = [a_version("v1", schema, storage=True, **version)]
    return crd


def a_version(name: str, schema: Json, *, storage: bool, **more: Any) -> Json:
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}, **more}


def fields(**properties: Any) -> Json:
    """The schema of an object with these fields."""
    return {"type": "object", "properties": properties}


def spec_of(crd: Json) -> Json:
    """The schema of the spec, to be changed in place."""
    schema: Json = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def path_of(plural: str, version: str = "v1") -> str:
    return f"/apis/{GROUP}/{version}/namespaces/default/{plural}"


def define(server: Server, crd: Json) -> str:
    """Install a definition; returns the path of its first version's collection, which is served."""
    server.good("POST", CRDS, crd)
    path = path_of(crd["spec"]["names"]["plural"], crd["spec"]["versions"][0]["name"])
    until(lambda: server.call("GET", path).code == 200)
    return path


def an_object(plural: str, name: str, spec: Json, version: str = "v1") -> Json:
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": plural.capitalize(),
        "metadata": {"name": name},
        "spec": spec,
    }


def create(server: Server, path: str, name: str, spec: Json) -> Answer:
    """Create an object of a kind that a case has defined."""
    plural, version = path.rsplit("/", 1)[1], path.split("/")[3]
    return server.call("POST", path, an_object(plural, name, spec, version))
