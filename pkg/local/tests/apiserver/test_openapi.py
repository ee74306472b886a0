"""The documents that describe all that is served: kept, and never older than the kinds."""

from __future__ import annotations

from katib_local.apiserver.kinds import Catalog
from katib_local.apiserver.openapi import Specification


def test_an_openapi_document_is_made_once_until_a_kind_comes_or_goes() -> None:
    catalog = Catalog()
    specification = Specification(catalog)
    first = specification.find("apis/food.example.com/v1"), specification.find("api/v1")
    assert first[0] is None and first[1] is specification.find("api/v1")
    crd = {
        "spec": {
            "group": "food.example.com",
            "names": {"kind": "Pizza", "plural": "pizzas"},
            "versions": [{"name": "v1"}],
        }
    }
    catalog.define(crd)
    pizza = specification.find("apis/food.example.com/v1")
    assert pizza is not None and "apis/food.example.com/v1" in specification.root()["paths"]
    catalog.define({"spec": {**crd["spec"], "names": {"kind": "Pie", "plural": "pizzas"}}})
    changed = specification.find("apis/food.example.com/v1")
    assert changed is not None and changed.tag != pizza.tag
    catalog.drop(crd)
    assert specification.find("apis/food.example.com/v1") is None
