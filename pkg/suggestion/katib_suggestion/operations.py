"""What a neural architecture may be made of: the operations of spec.nasConfig, checked and counted (algorithms.md §13, §14).

Knows what users write and what trial images read. Which operations are good is for algorithms to find out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from katib_domain.search_space import Grid, ParameterText, parse_domain, space_errors
from katib_suggestion.problem import NasText, OperationText
from katib_suggestion.settings import shown

PATH = "spec.nasConfig"
GRAPH = f"{PATH}.graphConfig"
SPECIAL = frozenset("\"'\\$`")
"""Characters that would not come out of the double quotes of a shell command line as they went in (D-46)."""
MOST_OPERATIONS = 1000


@dataclass(frozen=True)
class Operation:
    """One layer to choose: a kind of operation with one value for each of its parameters."""

    type: str
    parameters: tuple[tuple[str, str | int | float], ...]

    def describe(self, number: int) -> dict[str, Any]:
        """What a trial image is told of it."""
        return {"opt_id": number, "opt_type": self.type, "opt_params": dict(self.parameters)}


def to_command_text(content: Any) -> str:
    """JSON as it stands between the double quotes of a command line: with single quotes, which trial images turn back."""
    return json.dumps(content).replace('"', "'")


def quote_errors(path: str, texts: Sequence[str]) -> Iterator[str]:
    """Texts that would not arrive in a trial as they were written."""
    for text in texts:
        found = sorted(SPECIAL & set(text))
        if found:
            yield (
                f"{path}: {shown(text)} holds {' '.join(found)}, which does not pass through the command line of a trial: "
                "use letters, digits, - and _"
            )


def operations_errors(nas: NasText, *, bare: Sequence[str] = ()) -> list[str]:
    """All that is wrong with the operations; those of a type in `bare` need no parameters."""
    if not nas.operations:
        return [f"{PATH}.operations: there are none: name at least one operation"]
    return [
        error
        for index, entry in enumerate(nas.operations)
        for error in _operation_errors(entry, f"{PATH}.operations[{index}]", entry.type in bare)
    ]


def _operation_errors(operation: OperationText, path: str, bare: bool) -> Iterator[str]:
    if not operation.type:
        yield f"{path}.operationType: is missing: name the kind of layer, for example convolution"
    yield from quote_errors(f"{path}.operationType", [operation.type])
    if not operation.parameters and not bare:
        yield f"{path}.parameters: there are none: name at least one parameter of {shown(operation.type)}"
    yield from map(str, space_errors(operation.parameters, path=f"{path}.parameters"))
    for index, entry in enumerate(operation.parameters):
        place = f"{path}.parameters[{index}]"
        yield from quote_errors(f"{place}.name", [entry.name])
        yield from quote_errors(f"{place}.feasibleSpace.list", entry.list)
        if entry.type == "double" and not entry.step.strip():
            yield f"{place}.feasibleSpace.step: is missing: a double of an operation needs a step, so that it can be counted"


def count_errors(nas: NasText) -> list[str]:
    """What is wrong with the number of operations, once each of them is right."""
    count = sum(math.prod(map(_size, entry.parameters)) for entry in nas.operations)
    if count <= MOST_OPERATIONS:
        return []
    return [
        f"{PATH}.operations: their parameters have more than {MOST_OPERATIONS} combinations, which is the most: "
        "use larger steps or shorter lists"
    ]


def read_operations(nas: NasText) -> tuple[Operation, ...]:
    """Every operation with every combination of its values, the last parameter fastest; the place is the id."""
    return tuple(
        Operation(entry.type, tuple(zip([one.name for one in entry.parameters], values, strict=True)))
        for entry in nas.operations
        for values in product(*map(_values, entry.parameters))
    )


def _size(parameter: ParameterText) -> int:
    """How many values a parameter has; one with a step that is too fine for doubles has too many."""
    size = parse_domain(parameter).size
    return MOST_OPERATIONS + 1 if size is None else size


def _values(parameter: ParameterText) -> Sequence[str | int | float]:
    """The values in the order in which they are written, numbers from min on (D-46)."""
    domain = parse_domain(parameter)
    return [domain.number(index) for index in range(domain.size)] if isinstance(domain, Grid) else parameter.list
