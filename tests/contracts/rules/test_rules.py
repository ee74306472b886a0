"""What the press says of a rule of CEL is what kube-apiserver says of it: a real one is asked, with dryRun."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from contracts.kubernetes.servers import RealServer, Server

from katib_codegen.load import load
from katib_codegen.model import Api, bundle
from katib_codegen.render.crds import render_crds
from katib_codegen.rules.expressions import rule_faults
from katib_codegen.rules.nodes import nodes

HERE = Path(__file__).parent
SMALL = HERE.parents[2] / "codegen/tests/mistakes"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All"
RULES = [line.split(": ", 1) for line in (HERE / "rules.txt").read_text().splitlines() if not line.startswith("#")]
KEYWORD = "x-kubernetes-validations"


@pytest.fixture(scope="module")
def api() -> Api:
    return bundle(load(SMALL))


@pytest.fixture(scope="module")
def server(kubernetes_binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = RealServer(kubernetes_binaries, tmp_path_factory.mktemp("api"), controllers=False)
    yield running.start()
    running.stop()


def told(api: Api, place: str, rule: str) -> list[str]:
    """What the press says of the rule at that place."""
    name = {"root": "Pizza", "spec": "PizzaSpec"}.get(place, f"PizzaSpec.{place}")
    node = next(node for node in nodes(api) if node.place == name)
    return rule_faults(api, node, {"rule": rule, "message": "it is wrong"})


def crd_with(api: Api, place: str, rule: str) -> Any:
    """The printed CRD with no other rule than this one."""
    printed = render_crds(api)["manifests/v1beta1/components/crd/pizza.yaml"]
    crd = copy.deepcopy(yaml.safe_load(printed))
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = root["properties"]["spec"]
    for schema in (spec, spec["properties"]["slices"]):
        del schema[KEYWORD]
    schema = {"root": root, "spec": spec}.get(place) or spec["properties"][place]
    schema[KEYWORD] = [{"rule": rule, "message": "it is wrong"}]
    return crd


def test_a_rule_is_right_for_the_press_if_it_is_for_a_kube_apiserver(api: Api, server: Server) -> None:
    assert len(RULES) > 280
    different = []
    for place, rule in RULES:
        answer = server.call("POST", CRDS, crd_with(api, place, rule))
        assert answer.code in (201, 422), answer.body
        ours = told(api, place, rule)
        if (answer.code == 201) != (not ours):
            different.append((place, rule, ours, answer.body.get("message")))
    assert not different
