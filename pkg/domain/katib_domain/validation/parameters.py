"""Rows 38 to 45 of webhooks.md §4.1 with WH-4: the search space of an Experiment, or its neural networks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from katib_apis.v1beta1.enums import Distribution, ParameterType
from katib_apis.v1beta1.models import ExperimentSpec, FeasibleSpace, ParameterSpec
from katib_domain.search_space import space_errors
from katib_domain.validation.errors import FieldError, invalid, required

RANGES = (ParameterType.INT, ParameterType.DOUBLE)
LISTS = (ParameterType.CATEGORICAL, ParameterType.DISCRETE)
DISTRIBUTIONS = tuple(entry for entry in Distribution if entry is not Distribution.UNKNOWN)


def parameter_errors(spec: ExperimentSpec) -> list[FieldError]:
    """Every error of the parameters, those of nasConfig included."""
    if not spec.parameters and spec.nas_config is None:
        return [required("spec", "say what to search: parameters, or nasConfig")]
    if spec.parameters and spec.nas_config is not None:
        return [invalid("spec", "parameters and nasConfig", "only one of the two may be given: remove the other")]
    if spec.nas_config is None:
        return _list_errors(spec.parameters or [], "spec.parameters")
    errors = []
    for index, operation in enumerate(spec.nas_config.operations or []):
        path = f"spec.nasConfig.operations[{index}].parameters"
        errors += _list_errors(operation.parameters or [], path)
    return errors


def _list_errors(parameters: Sequence[ParameterSpec], path: str) -> list[FieldError]:
    shapes = [error for index, entry in enumerate(parameters) for error in _shape_errors(entry, f"{path}[{index}]")]
    named = {error.path for error in shapes}
    values = [
        required(error.path, error.detail) if error.missing else invalid(error.path, error.value, error.detail)
        for error in space_errors(parameters, path=path)
        if not any(
            error.path == one or error.path.startswith(f"{one}.") or one.startswith(f"{error.path}.") for one in named
        )
    ]
    return shapes + values


def _shape_errors(parameter: ParameterSpec, path: str) -> Iterator[FieldError]:
    """Rows 40 to 45: which fields go with which type."""
    kind = parameter.parameter_type or ""
    if kind not in tuple(ParameterType):
        yield invalid(f"{path}.parameterType", kind, f"must be one of {', '.join((*RANGES, *LISTS))}")
    space = parameter.feasible_space
    if space is None or space == FeasibleSpace():
        yield required(f"{path}.feasibleSpace", "give min and max (int, double), or list (categorical, discrete)")
        return
    if space.distribution and space.distribution not in tuple(Distribution):
        detail = f"must be one of {', '.join(DISTRIBUTIONS)}"
        yield invalid(f"{path}.feasibleSpace.distribution", space.distribution, detail)
    if kind in RANGES:
        if space.list_:
            detail = f"goes with categorical and discrete parameters; a parameter of type {kind} has min and max"
            yield invalid(f"{path}.feasibleSpace.list", space.list_, detail)
        if not space.max or not space.min:
            yield required(f"{path}.feasibleSpace.max", f"a parameter of type {kind} needs both min and max")
    if kind in LISTS:
        given = [name for name in ("min", "max", "step") if getattr(space, name)]
        if given:
            detail = f"{', '.join(given)}: a {kind} parameter has a list and nothing of these; remove them"
            yield invalid(f"{path}.feasibleSpace", getattr(space, given[0]), detail)
