"""Whether one JSON Schema takes all that another one takes, as far as that shows in their keywords."""

from collections.abc import Callable, Mapping
from typing import Any

_LOW = (
    "exclusiveMinimum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
)
_HIGH = ("exclusiveMaximum", "maxItems", "maxLength", "maxProperties", "maximum")


def admits_all_of(wide: Any, narrow: Any) -> bool:
    """Whether whatever `narrow` takes `wide` takes too; False where that cannot be told."""
    if wide == narrow:
        return True
    if not isinstance(wide, Mapping) or not isinstance(narrow, Mapping):
        return False
    # Each keyword forbids something, and `else` or `contains` mean something only beside others.
    if any(keyword not in narrow for keyword in wide) or _asked_by_others(wide, narrow):
        return False
    return all(_wider(keyword, wide[keyword], narrow[keyword]) for keyword in wide)


def _asked_by_others(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Whether keywords differ that say something only together."""
    together = ("if", "then", "else", "contains", "minContains", "maxContains", "additionalProperties", "prefixItems")
    if not any(keyword in narrow for keyword in together):
        return False
    return any(wide.get(keyword) != narrow.get(keyword) for keyword in (*together, "patternProperties", "properties"))


def _wider(keyword: str, wide: Any, narrow: Any) -> bool:
    if wide == narrow:
        return True
    compare = _COMPARED.get(keyword)
    return compare is not None and compare(wide, narrow)


def _each(wide: Any, narrow: Any) -> bool:
    """Whether every field that is looked at was looked at, and no closer."""
    return all(name in narrow and admits_all_of(schema, narrow[name]) for name, schema in wide.items())


def _more(wide: Any, narrow: Any) -> bool:
    return isinstance(wide, list) and isinstance(narrow, list) and all(value in wide for value in narrow)


def _less(wide: Any, narrow: Any) -> bool:
    return _more(narrow, wide)


_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(_LOW, lambda wide, narrow: wide <= narrow),
    **dict.fromkeys(_HIGH, lambda wide, narrow: wide >= narrow),
    "properties": _each,
    "items": admits_all_of,
    "propertyNames": admits_all_of,
    "not": lambda wide, narrow: admits_all_of(narrow, wide),
    "enum": _more,
    "anyOf": _more,
    "required": _less,
    "allOf": _less,
}
