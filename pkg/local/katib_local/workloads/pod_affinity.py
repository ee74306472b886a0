"""Which pods a pod must be near to or far from, on one node. Pure.

Near and far mean a node with the same value of a label (`topologyKey`): here the node itself, if it has that label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from katib_local.requirements import Labels, selects
from katib_local.workloads.node_filters import Objection, required
from katib_machinery.objects import Unstructured

Json = Mapping[str, Any]
Namespaces = Mapping[str, Labels]


def find_dislike(
    pod: Unstructured, node: Unstructured, there: Sequence[Unstructured], namespaces: Namespaces
) -> Objection | None:
    """What speaks against a node because of the pods that are there; `namespaces` are the labels of each."""

    def about(term: Json, owner: Unstructured, other: Unstructured) -> bool:
        return _spoken_of(term, owner, other, namespaces)

    near, far = required(pod, "podAffinity") or (), required(pod, "podAntiAffinity") or ()
    if any(term.get("topologyKey") not in node.labels for term in near):
        return Objection(("node(s) didn't match pod affinity rules",))
    # The first of pods that want to be near each other is near to itself.
    if not any(all(about(term, pod, other) for term in near) for other in (*there, pod)):
        return Objection(("node(s) didn't match pod affinity rules",))
    if any(about(term, pod, other) for term in _here(far, node) for other in there):
        return Objection(("node(s) didn't match pod anti-affinity rules",), lasting=False)
    for other in there:
        if any(about(term, other, pod) for term in _here(required(other, "podAntiAffinity") or (), node)):
            return Objection(("node(s) didn't satisfy existing pods anti-affinity rules",), lasting=False)
    return None


def _here(terms: Sequence[Json], node: Unstructured) -> list[Json]:
    return [term for term in terms if term.get("topologyKey") in node.labels]


def _spoken_of(term: Json, owner: Unstructured, other: Unstructured, namespaces: Namespaces) -> bool:
    """Whether a term of its owner is about another pod: by namespace and labels. Without namespaces the owner's is meant."""
    named, selector = term.get("namespaces") or (), term.get("namespaceSelector")
    if not named and selector is None:
        named = (owner.namespace,)
    meant = other.namespace in named or selects(selector, namespaces.get(other.namespace, {}))
    return meant and selects(term.get("labelSelector"), other.labels)
