"""Editors' schemas of an API that is not ours: its bounds, patterns and required fields are in them."""

import json
from pathlib import Path

import jsonschema_rs

from katib_codegen.load import load
from katib_codegen.model import bundle
from katib_codegen.render.editor_schemas import render_editor_schemas

SMALL = Path(__file__).parent / "mistakes"
PIZZA = {"apiVersion": "kitchen.example.org/v1beta1", "kind": "Pizza"}


def test_what_a_crd_enforces_an_editor_tells_too() -> None:
    printed = render_editor_schemas(bundle(load(SMALL)))["docs/schemas/v1beta1/pizza.json"]
    validator = jsonschema_rs.Draft202012Validator(json.loads(printed))

    def wrong(**spec: object) -> list[list[str | int]]:
        return [list(error.instance_path) for error in validator.iter_errors({**PIZZA, "spec": spec})]

    topping = {"name": "basil", "share": "1"}
    assert wrong(dough="rye", slices=16, toppings=[topping]) == []
    assert wrong(dough="rye", slices=17) == [["spec", "slices"]]
    assert wrong(slices=4) == [["spec"]]
    assert wrong(dough="rye", toppings=[{**topping, "share": "all"}]) == [["spec", "toppings", 0, "share"]]
    assert wrong(dough="rye", topings=[]) == [["spec"]]
