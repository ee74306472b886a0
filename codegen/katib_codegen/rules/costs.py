"""How large values may be, and how often a rule may run, as kube-apiserver estimates it when a CRD is installed.

What has no bound may fill a whole request. The estimate is coarser than kube-apiserver's: it tells rules that are cheap
from rules that walk what has no bound.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.model import Api, references
from katib_codegen.rules.nodes import Node, nodes, target

# What one rule may cost over all places at which it runs in one object.
LIMIT = 10_000_000.0
_REQUEST = 3 * 2**20
_BYTES_OF_A_CHARACTER = 4
_BYTES_OF_A_KEY = 6
_BOUNDS = {"array": "maxItems", "string": "maxLength"}
_SHORT = ("date", "date-time", "duration", "uuid")


class Sizes:
    """The sizes that the schemas of one API allow."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._places = {id(node.schema): node.place for node in nodes(api)}
        self._nodes = {node.place: node for node in nodes(api)}
        self._runs = self._runs_by_type()

    def largest(self, schema: Mapping[str, Any] | None) -> float:
        """How many items or bytes a value may have; 1 where it is neither a list, a map nor a text."""
        schema = target(self._api, schema or {})
        kind, bound = schema.get("type"), schema.get(_BOUNDS.get(str(schema.get("type")), ""))
        if kind == "string":
            if "enum" in schema:
                return max([len(str(value)) for value in schema["enum"]], default=1)
            if schema.get("format") in _SHORT:
                return 36.0
            return _REQUEST if bound is None else float(bound * _BYTES_OF_A_CHARACTER)
        if kind == "array":
            return _REQUEST / (self._smallest(schema["items"]) + 1) if bound is None else float(bound)
        values = schema.get("additionalProperties")
        return _REQUEST / (self._smallest(values) + _BYTES_OF_A_KEY) if isinstance(values, Mapping) else 1.0

    def runs(self, node: Node) -> float:
        """How often a rule at the node may run in one object; 0 where no kind holds it, so that no server runs it."""
        return self._runs.get(_owner(node), 0.0) * self._repeated(node)

    def missing(self, schemas: list[Mapping[str, Any]], node: Node) -> list[str]:
        """Which bounds would make a rule cheaper that walks these schemas, as `maxItems at PizzaSpec.wishes`."""
        found = [text for schema in schemas if (text := self._without(target(self._api, schema)))]
        return list(dict.fromkeys([*found, *self._way(node)]))

    def _without(self, schema: Mapping[str, Any]) -> str:
        place = self._places.get(id(schema), "")
        if not place:
            return ""  # A value that the rule itself makes.
        if isinstance(schema.get("additionalProperties"), Mapping):
            return f"a list with maxItems in place of the map {place}"
        bound = _BOUNDS.get(str(schema.get("type")), "")
        fixed = "enum" in schema or schema.get("format") in _SHORT
        return f"{bound} at {place}" if bound and bound not in schema and not fixed else ""

    def _way(self, node: Node) -> Iterator[str]:
        """The bounds that are missing of lists that lead to the node."""
        for place, outer in self._nodes.items():
            inner = _repeated_by(outer)
            holds = node.place.startswith((f"{place}[]", f"{place}{{}}"))
            if inner is not None and (holds or _owner(node) in references(inner)):
                if text := self._without(outer.schema):
                    yield text

    def _runs_by_type(self) -> dict[str, float]:
        runs = {kind.name: 1.0 for kind in self._api.kinds}
        waiting = list(runs)
        while waiting:
            name = waiting.pop(0)
            for node in [node for node in self._nodes.values() if _owner(node) == name and "$ref" in node.schema]:
                times = runs[name] * self._repeated(node)
                [inner] = references({"$ref": node.schema["$ref"]})
                # No type holds itself, so this comes to an end.
                if times > runs.get(inner, 0.0):
                    runs[inner] = times
                    waiting.append(inner)
        return runs

    def _repeated(self, node: Node) -> float:
        """How many nodes there may be in one object of its type."""
        times, place = 1.0, node.place
        while place.endswith(("[]", "{}")):
            place = place[:-2]
            times *= self.largest(self._nodes[place].schema)
        return times

    def _smallest(self, schema: Mapping[str, Any]) -> float:
        """How many bytes the smallest value has in JSON."""
        schema = target(self._api, schema)
        if schema.get("type") == "object":
            fields = {name: schema.get("properties", {}).get(name, {}) for name in schema.get("required", ())}
            return 2 + sum(len(name) + 4 + self._smallest(field) for name, field in fields.items())
        if "enum" in schema:
            return 2 + min([len(str(value)) for value in schema["enum"]], default=0)
        smallest: Mapping[str, float] = {"string": 2 + schema.get("minLength", 0), "array": 2, "boolean": 4}
        return smallest.get(str(schema.get("type")), 1)


def _owner(node: Node) -> str:
    """The type that the node belongs to."""
    return node.place.split(".")[0].rstrip("[]{}")


def _repeated_by(node: Node) -> Mapping[str, Any] | None:
    inner = node.schema.get("items", node.schema.get("additionalProperties"))
    return inner if isinstance(inner, Mapping) else None
