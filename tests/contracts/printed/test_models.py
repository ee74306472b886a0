"""What every printed model promises: nothing is lost, nothing is shared, a wrong value has a path."""

from __future__ import annotations

import importlib
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from contracts.printed.apis import PrintedKind
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from katib_machinery.model import FrozenError, describe_validation_error


def a_whole(printed: PrintedKind) -> dict[str, Any]:
    """An object with status, an unknown field, an explicit null and an unknown value."""
    document = printed.document("whole", labels={"a": "b"})
    return {**document, "spec": {**document["spec"], "newer": {"field": [1, None]}}, "status": dict(printed.status)}


def test_what_is_read_is_written_back_byte_for_byte(printed: PrintedKind) -> None:
    document = {**a_whole(printed), "later": None}
    loaded = printed.model.from_dict(document)
    assert loaded.to_dict() == document
    assert list(loaded.to_dict()) == list(printed.model.from_dict(document).to_dict())


def test_a_deep_copy_is_equal_and_shares_nothing(printed: PrintedKind) -> None:
    original = printed.model.from_dict(a_whole(printed))
    copied = original.deep_copy()
    assert copied == original and copied.to_dict() == original.to_dict()
    copied.metadata.labels["a"] = "changed"
    copied.spec.model_extra["newer"]["field"].append(2)
    copied.status = None
    assert original.to_dict() == a_whole(printed)


def test_a_frozen_object_refuses_changes_and_its_copy_does_not(printed: PrintedKind) -> None:
    frozen = printed.model.from_dict(a_whole(printed)).walk_freeze()
    with pytest.raises(FrozenError):
        frozen.spec = None
    with pytest.raises(FrozenError):
        frozen.metadata.labels["a"] = "changed"
    thawed = frozen.deep_copy()
    thawed.metadata.labels["a"] = "changed"
    assert frozen.labels == {"a": "b"} and pickle.loads(pickle.dumps(thawed)) == thawed


def test_a_value_of_a_wrong_type_names_its_path(printed: PrintedKind) -> None:
    spec, path = printed.wrong
    with pytest.raises(ValidationError) as refused:
        printed.model.from_dict({**printed.document("wrong"), "spec": dict(spec)})
    assert [place for place, _ in describe_validation_error(refused.value)] == [path]


def test_a_duration_is_checked_and_written_back_as_it_was(foreign: Path) -> None:
    spec = importlib.import_module("pizza_apis.v1.models").PizzaSpec
    assert spec.from_dict({"bakingTime": "1h30m"}).to_dict() == {"bakingTime": "1h30m"}
    with pytest.raises(ValidationError) as refused:
        spec.from_dict({"bakingTime": "90 seconds"})
    assert list(describe_validation_error(refused.value)) == [
        ("bakingTime", "should be a duration such as 1h30m, 1.5s or 300ms, not '90 seconds'")
    ]
    crd = yaml.safe_load((foreign / "manifests/v1/components/crd/pizza.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    field = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["bakingTime"]
    assert (field["type"], field["format"]) == ("string", "duration")
    assert "| `bakingTime` | duration | `1m30s` |" in (foreign / "docs/reference/v1/pizza.md").read_text()
    schema = json.loads((foreign / "docs/schemas/v1/pizza.json").read_text())
    field = schema["$defs"]["PizzaSpec"]["properties"]["bakingTime"]
    for value, good in (("1h30m", True), ("0", True), ("1.5s", True), (None, True), ("P1D", False), ("90", False)):
        assert Draft202012Validator(field).is_valid(value) == good, value


def test_times_are_times_and_are_written_as_kubernetes_writes_them(printed: PrintedKind) -> None:
    text = "2026-01-31T12:00:00Z"
    loaded = printed.model.from_dict(printed.document("timed", creationTimestamp=text))
    assert loaded.creation_timestamp.year == 2026
    assert loaded.to_dict()["metadata"]["creationTimestamp"] == text
