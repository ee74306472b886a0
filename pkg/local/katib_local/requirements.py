"""What selectors of nodes, pods and namespaces ask of labels. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
Labels = Mapping[str, str]
NUMBER = re.compile(r"[-+]?\d+")


def meets(requirement: Json, labels: Labels) -> bool:
    """Whether labels (or fields) are as a key, an operator and values ask; an operator that nobody knows is not met."""
    key, values = str(requirement.get("key") or ""), requirement.get("values") or ()
    match requirement.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt":
            return _compared(labels.get(key), values) > 0
        case "Lt":
            return _compared(labels.get(key), values) < 0
    return False


def _compared(held: str | None, values: Any) -> int:
    """Whether a label is above (1) or below (-1) the only value; 0 also where one of them is no whole number."""
    texts = [held or "", *map(str, values)]
    if len(texts) != 2 or not all(map(NUMBER.fullmatch, texts)):
        return 0
    number, bound = map(int, texts)
    return (number > bound) - (number < bound)


def selects(selector: Json | None, labels: Labels) -> bool:
    """Whether labels are as a LabelSelector asks: none selects nothing, an empty one everything."""
    if selector is None:
        return False
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(meets(requirement, labels) for requirement in selector.get("matchExpressions") or ())
