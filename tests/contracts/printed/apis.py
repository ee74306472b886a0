"""What the suite knows of each printed kind: where its modules are, and an example of it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PrintedKind:
    """One kind of one printed API. `spec` sets a field `number`, and `wrong` names a value of a wrong type and its path."""

    name: str
    project: str
    packages: tuple[str, str]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    number: str
    wrong: tuple[Mapping[str, Any], str]

    @property
    def models(self) -> Any:
        return importlib.import_module(f"{self.packages[0]}.models")

    @property
    def clients(self) -> Any:
        return importlib.import_module(self.packages[1])

    @property
    def resource(self) -> Any:
        resources = importlib.import_module(f"{self.packages[0]}.resources")
        return getattr(resources, f"{self.name.upper()}S")

    @property
    def model(self) -> Any:
        return getattr(self.models, self.name)

    def client(self, transport: Any) -> Any:
        clientset = getattr(self.clients, f"{self.project}Clientset")(transport)
        return getattr(clientset, self.resource.plural)

    def informer(self, transport: Any, **options: Any) -> Any:
        make = getattr(self.clients, f"new_{self.name.lower()}_informer")
        return make(transport, on_bad=lambda error, raw: None, **options)

    def lister(self, informer: Any) -> Any:
        return getattr(self.clients, f"{self.name}Lister")(informer.indexer)

    def document(self, name: str, **metadata: Any) -> dict[str, Any]:
        return {
            "apiVersion": self.resource.api_version,
            "kind": self.name,
            "metadata": {"name": name, "namespace": "default", **metadata},
            "spec": dict(self.spec),
        }


_KATIB = ("katib_apis.v1beta1", "katib_client.v1beta1")
KATIB = (
    PrintedKind(
        name="Experiment",
        project="Katib",
        packages=_KATIB,
        spec={"parallelTrialCount": 2, "objective": {"type": "maximize", "goal": 0.5}, "parameters": [{"name": "x"}]},
        status={"trials": 3, "conditions": [{"type": "Running", "status": "True"}]},
        number="parallelTrialCount",
        wrong=({"parameters": [{}, {}, {"feasibleSpace": {"min": 1}}]}, "spec.parameters[2].feasibleSpace.min"),
    ),
    PrintedKind(
        name="Suggestion",
        project="Katib",
        packages=_KATIB,
        spec={"requests": 2, "algorithm": {"algorithmName": "random"}},
        status={"suggestionCount": 1, "suggestions": [{"name": "a", "parameterAssignments": []}]},
        number="requests",
        wrong=({"algorithm": {"algorithmName": 3}}, "spec.algorithm.algorithmName"),
    ),
    PrintedKind(
        name="Trial",
        project="Katib",
        packages=_KATIB,
        spec={"earlyStoppingRules": [{"name": "loss", "startStep": 2}], "runSpec": {"kind": "Job", "free": [1]}},
        status={"observation": {"metrics": [{"name": "loss", "latest": "1"}]}},
        number="earlyStoppingRules",
        wrong=({"retainRun": "yes"}, "spec.retainRun"),
    ),
)
PIZZA = PrintedKind(
    name="Pizza",
    project="Pizza",
    packages=("pizza_apis.v1", "pizza_client.v1"),
    spec={"diameter": 26, "bakingTime": "90s", "toppings": ["basil", "olives"], "oven": "gas"},
    status={"phase": "Baking", "bakedAt": "2026-01-31T12:00:00Z"},
    number="diameter",
    wrong=({"toppings": ["basil", 3]}, "spec.toppings[1]"),
)
