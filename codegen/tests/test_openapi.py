"""The OpenAPI document, as real tools read it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
import yaml
from openapi_spec_validator import validate

from katib_codegen.load import load
from katib_codegen.model import Api, bundle
from katib_codegen.render.openapi import openapi, render_openapi

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples/v1beta1").glob("*/*.yaml"))
VERBS = {
    "/{plural}": {"get"},
    "/namespaces/{namespace}/{plural}": {"get", "post", "delete"},
    "/namespaces/{namespace}/{plural}/{name}": {"get", "put", "patch", "delete"},
    "/namespaces/{namespace}/{plural}/{name}/status": {"get", "put", "patch"},
}

Document = Mapping[str, Any]


@pytest.fixture(scope="module")
def document(api: Api) -> Document:
    found: Document = json.loads(render_openapi(api)["docs/openapi/v1beta1.json"])
    return found


def test_the_validator_accepts_the_document(document: Document) -> None:
    validate(document)


def test_schemathesis_loads_every_operation(document: Document) -> None:
    operations = [result.ok() for result in schemathesis.openapi.from_dict(dict(document)).get_all_operations()]
    assert len(operations) == 3 * sum(len(verbs) for verbs in VERBS.values())


def test_its_first_key_is_the_mark(document: Document) -> None:
    key, value = next(iter(document.items()))
    assert key == "x-comment" and value.endswith("DO NOT EDIT.")


def test_every_kind_has_every_path_with_every_verb(document: Document) -> None:
    expected = {
        f"/apis/kubeflow.org/v1beta1{path.replace('{plural}', plural)}": verbs
        for plural in ("experiments", "suggestions", "trials")
        for path, verbs in VERBS.items()
    }
    assert {path: item.keys() - {"parameters"} for path, item in document["paths"].items()} == expected


def test_operations_have_names_of_their_own(document: Document) -> None:
    names = [
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(names) == len(set(names)) and "listNamespacedTrial" in names and "patchNamespacedTrialStatus" in names


def test_a_foreign_api_has_a_document_too() -> None:
    document = openapi(bundle(load(Path(__file__).parent / "pizza")))
    validate(document)
    assert "/apis/food.example.com/v1/namespaces/{namespace}/pizzas/{name}/status" in document["paths"]
    assert document["components"]["schemas"]["V1PizzaList"]["properties"]["items"]["items"] == {
        "$ref": "#/components/schemas/V1Pizza"
    }


def test_a_list_can_be_watched(document: Document) -> None:
    listing = document["paths"]["/apis/kubeflow.org/v1beta1/trials"]["get"]
    assert {"$ref": "#/components/parameters/watch"} in listing["parameters"]
    content = listing["responses"]["200"]["content"]
    assert content["application/json;stream=watch"]["schema"] == {"$ref": "#/components/schemas/V1WatchEvent"}


def test_every_published_field_has_words(document: Document) -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        if name.startswith("V1beta1")
        for field, inner in schema["properties"].items()
        if not inner.get("description")
    ]
    assert not silent


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_what_the_document_says(document: Document, file: Path) -> None:
    whole = {"$ref": "#/components/schemas/V1beta1Experiment", "components": document["components"]}
    jsonschema_rs.validator_for(whole).validate(yaml.safe_load(file.read_text()))


def test_a_wrong_type_is_not_what_the_document_says(document: Document) -> None:
    whole = {"$ref": "#/components/schemas/V1beta1Experiment", "components": document["components"]}
    check = jsonschema_rs.validator_for(whole)
    assert not check.is_valid({"spec": {"maxTrialCount": "12"}})
    assert check.is_valid({"spec": {"resumePolicy": "SomethingNew", "trialTemplate": {"trialSpec": {"any": [1]}}}})
