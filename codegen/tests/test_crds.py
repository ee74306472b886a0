"""The CRDs are what kube-apiserver accepts, and accept what Katib's users write."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml

from katib_codegen.load import load
from katib_codegen.model import Api, bundle
from katib_codegen.render.crds import render_crds

ROOT = Path(__file__).parents[2]
KINDS = ("Experiment", "Suggestion", "Trial")
ALLOWED = {
    "description", "type", "format", "properties", "additionalProperties", "items", "nullable",
    "x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-preserve-unknown-fields",
}  # fmt: skip

Schema = dict[str, Any]


def spec_of(api: Api, name: str) -> Schema:
    """The spec of a kind's CRD."""
    return yaml.safe_load(render_crds(api)[f"manifests/v1beta1/components/crd/{name.lower()}.yaml"])["spec"]  # type: ignore[no-any-return]


def schema_of(api: Api, name: str) -> Schema:
    return spec_of(api, name)["versions"][0]["schema"]["openAPIV3Schema"]  # type: ignore[no-any-return]


def nodes(schema: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    yield place, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{place}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{place}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], f"{place}{{}}")


def as_json_schema(node: Any) -> Any:
    """The structural schema as plain JSON Schema, so that a validator of today can judge objects by it."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: as_json_schema(value) for key, value in node.items()}
    if plain.pop("x-kubernetes-int-or-string", False):
        plain["type"] = ["integer", "string"]
    if plain.pop("nullable", False):
        kinds = plain["type"] if isinstance(plain["type"], list) else [plain["type"]]
        plain["type"] = [*kinds, "null"]
    return plain


@pytest.mark.parametrize("path", sorted(render_crds(bundle(load(ROOT)))))
def test_kubernetes_own_schema_accepts_the_crd(api: Api, path: str) -> None:
    [document] = yaml.safe_load_all(render_crds(api)[path])
    kubernetes_validate.validate(document, "1.37.0", strict=True)


@pytest.mark.parametrize("name", KINDS)
def test_the_schema_is_structural(api: Api, name: str) -> None:
    root = schema_of(api, name)
    assert "nullable" not in root and root["properties"]["metadata"] == {"type": "object"}
    for place, node in nodes(root, name):
        assert node.keys() <= ALLOWED, place
        assert ("type" in node) != bool(node.get("x-kubernetes-int-or-string")), place
        assert not ("properties" in node and "additionalProperties" in node), place
        if node.get("type") == "array":
            assert node["x-kubernetes-list-type"] == "atomic", f"{place}: RES-20"


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_ours_tells_kubectl_explain_what_it_is(api: Api, name: str) -> None:
    spec = schema_of(api, name)["properties"]["spec"]["properties"]
    assert all(field["description"].endswith(".") for field in spec.values())


def test_free_form_templates_keep_everything(api: Api) -> None:
    template = schema_of(api, "Experiment")["properties"]["spec"]["properties"]["trialTemplate"]["properties"][
        "trialSpec"
    ]
    run = schema_of(api, "Trial")["properties"]["spec"]["properties"]["runSpec"]
    for node in (template, run):
        assert node["type"] == "object" and node["x-kubernetes-preserve-unknown-fields"] is True
        assert "x-kubernetes-embedded-resource" not in node


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("Experiment", ["Type", "Status", "Age"]),
        ("Suggestion", ["Type", "Status", "Requested", "Assigned", "Age"]),
        ("Trial", ["Type", "Status", "Age"]),
    ],
)
def test_names_columns_and_subresources_are_katibs(api: Api, name: str, columns: list[str]) -> None:
    spec = spec_of(api, name)
    [version] = spec["versions"]
    assert [column["name"] for column in version["additionalPrinterColumns"]] == columns
    assert version["additionalPrinterColumns"][0]["jsonPath"] == ".status.conditions[-1:].type"
    assert version["subresources"] == {"status": {}}
    assert spec["names"]["categories"] == ["all", "kubeflow", "katib"]
    assert "shortNames" not in spec["names"]
    assert (spec["group"], version["name"], spec["scope"]) == ("kubeflow.org", "v1beta1", "Namespaced")


def test_the_open_variant_enforces_nothing(api: Api) -> None:
    document = yaml.safe_load(render_crds(api)["manifests/v1beta1/components/crd-open/trial.yaml"])
    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


EXAMPLES = sorted((ROOT / "examples/v1beta1").rglob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_are_accepted(api: Api, path: Path) -> None:
    validator = jsonschema_rs.validator_for(as_json_schema(schema_of(api, "Experiment")))
    for document in yaml.safe_load_all(path.read_text()):
        if document and document.get("kind") == "Experiment":
            assert [error.message for error in validator.iter_errors(document)] == []


ACCEPTED = [
    pytest.param("Experiment", {"status": {"currentOptimalTrial": {"observation": {}}}}, id="what Go always writes"),
    pytest.param("Experiment", {"status": {"completionTime": None}}, id="a zero time"),
    pytest.param("Experiment", {"spec": {"algorithm": {"algorithmSettings": None}}}, id="YAML with nothing after it"),
    pytest.param(
        "Experiment", {"spec": {"resumePolicy": "", "objective": {"type": "best"}}}, id="admission's to refuse"
    ),
    pytest.param("Experiment", {"spec": {"parallelTrialCount": -1, "maxTrialCount": 0}}, id="bounds are admission's"),
    pytest.param(
        "Experiment", {"spec": {"parameters": [{"name": "a"}, {"name": "a"}, {}]}}, id="and so are duplicates"
    ),
    pytest.param("Experiment", {"spec": {"objective": {"goal": 1}}}, id="a goal without a point"),
    pytest.param(
        "Experiment",
        {"spec": {"nasConfig": {"graphConfig": {"inputSizes": [32, 32, 3]}, "operations": []}}},
        id="sizes repeat",
    ),
    pytest.param("Trial", {"spec": {"runSpec": {"apiVersion": 1, "x": [{}, "${trialParameters.a}"]}}}, id="any job"),
    pytest.param("Trial", {"spec": {"metricsCollector": {"source": {"httpGet": {"port": "http"}}}}}, id="a named port"),
    pytest.param("Trial", {"spec": {"metricsCollector": {}}, "status": {}}, id="a fresh Trial"),
    pytest.param("Suggestion", {"spec": {"requests": 2}, "status": {"suggestions": []}}, id="a fresh Suggestion"),
]


@pytest.mark.parametrize(("name", "document"), ACCEPTED)
def test_an_object_that_katib_accepts_is_accepted(api: Api, name: str, document: Schema) -> None:
    validator = jsonschema_rs.validator_for(as_json_schema(schema_of(api, name)))
    assert [error.message for error in validator.iter_errors({"metadata": {"name": "x"}, **document})] == []


REFUSED = [
    pytest.param({"spec": {"parallelTrialCount": "3"}}, ["spec", "parallelTrialCount"], id="text for a number"),
    pytest.param({"spec": {"maxTrialCount": 1.5}}, ["spec", "maxTrialCount"], id="a broken count"),
    pytest.param(
        {"spec": {"parameters": [{"feasibleSpace": {"min": 0.1}}]}},
        ["spec", "parameters", 0, "feasibleSpace", "min"],
        id="a number for text",
    ),
    pytest.param({"spec": {"trialTemplate": {"trialSpec": "a: b"}}}, ["spec", "trialTemplate", "trialSpec"], id="text"),
    pytest.param({"spec": {"objective": []}}, ["spec", "objective"], id="a list for an object"),
]


@pytest.mark.parametrize(("document", "place"), REFUSED)
def test_a_wrong_type_is_refused_at_its_place(api: Api, document: Schema, place: list[str | int]) -> None:
    validator = jsonschema_rs.validator_for(as_json_schema(schema_of(api, "Experiment")))
    assert [list(error.instance_path) for error in validator.iter_errors(document)] == [place]


def test_what_a_schema_states_is_enforced() -> None:
    """Katib's schemas state types only (RES-20); another API's may state more."""
    small = bundle(load(Path(__file__).parent / "mistakes"))
    root = schema_of(small, "Pizza")
    spec = root["properties"]["spec"]
    dough, slices, toppings = (spec["properties"][name] for name in ("dough", "slices", "toppings"))
    assert spec["required"] == ["dough"] and "nullable" not in dough and slices["nullable"] is True
    assert (slices["minimum"], slices["maximum"]) == (1, 16)
    assert slices["x-kubernetes-validations"] == [{"rule": "self == oldSelf", "message": "it is cut once"}]
    assert [rule["message"] for rule in spec["x-kubernetes-validations"]] == ["wheat breaks into more than 12 slices"]
    assert (toppings["x-kubernetes-list-type"], toppings["x-kubernetes-list-map-keys"]) == ("map", ["name"])
    assert toppings["items"]["required"] == ["name"] and "nullable" not in toppings["items"]["properties"]["name"]
    [document] = yaml.safe_load_all(render_crds(small)["manifests/v1beta1/components/crd/pizza.yaml"])
    kubernetes_validate.validate(document, "1.37.0", strict=True)


def test_the_package_data_is_what_clusters_install(api: Api) -> None:
    printed = render_crds(api)
    for kind in api.kinds:
        file = f"{kind.singular}.yaml"
        assert (
            printed[f"pkg/apis/katib_apis/v1beta1/crds/{file}"] == printed[f"manifests/v1beta1/components/crd/{file}"]
        )
    assert json.dumps(yaml.safe_load(printed["pkg/apis/katib_apis/v1beta1/crds/trial.yaml"]))
