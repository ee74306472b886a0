"""Katib's own definitions, as they are printed: taken without a word, and the golden mistakes that they see refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from contracts.kubernetes.definitions import CRDS
from contracts.kubernetes.servers import Server, by_version, until
from golden.test_refused_experiments import BASE, CASES, changed

Json = dict[str, Any]
PRINTED = Path(__file__).parents[3] / "manifests" / "v1beta1" / "components" / "crd"
EXPERIMENTS = "/apis/kubeflow.org/v1beta1/namespaces/default/experiments"
SEEN = {
    "1 name ends with a dash (WH-3)": {"metadata.name"},
    "3 more trials than a count can hold": {"<nil>"},
    "several at once": {"metadata.name"},
}
"""The golden mistakes that a server sees without Katib's webhook, with the fields that it names."""
UNSEEN_ONCE = {"3 more trials than a count can hold"}
"""Those of them that 1.34 leaves to the webhook: it does not hold numbers to their formats."""


@pytest.fixture(scope="module")
def warnings(server: Server) -> list[str]:
    """What the server has to say of the definitions, which it takes."""
    said: list[str] = []
    for file in sorted(PRINTED.glob("*.yaml")):
        said += server.good("POST", CRDS, yaml.safe_load(file.read_text()), fieldValidation="Strict").warnings
    until(lambda: server.call("GET", EXPERIMENTS).code == 200)
    return said


def test_printed_definitions_are_taken_without_a_warning(warnings: list[str]) -> None:
    assert warnings == []


@pytest.mark.parametrize("case", CASES)
def test_a_golden_mistake_is_refused_by_name_if_the_schema_sees_it(
    server: Server, warnings: list[str], case: str
) -> None:
    answer = server.call("POST", EXPERIMENTS, changed(BASE, **CASES[case]), dryRun="All")
    seen = SEEN if by_version(server, newest=True, oldest=False) else SEEN.keys() - UNSEEN_ONCE
    assert answer.code == (422 if case in seen else 201), answer.body
    assert case not in seen or {field for field, _, _ in answer.causes} == SEEN[case]
