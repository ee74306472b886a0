"""Reads an object as its Kubernetes type: wrong forms are refused, unknown fields, nulls and zeros left out. Pure.

What can be written in several forms, a quantity or a time, has the one in which a cluster keeps it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from katib_local.apiserver.errors import Undecodable, json_name
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.kubernetes_types import MICRO_TIME, QUANTITY, Type, field_type, resolved, type_of
from katib_local.apiserver.quantities import canonical_quantity
from katib_local.apiserver.times import canonical_time
from katib_local.apiserver.zeros import keeps_zero

Json = dict[str, Any]
BOUNDS = {"int32": 2**31, "int64": 2**63}
FORMS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


GO_NAMES = {"string": "string", "boolean": "bool", "number": "float64"}
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
QUANTITY_FORM = re.compile(r"[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*")
QUANTITY_WORDS = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@dataclass(frozen=True)
class _Place:
    """Where a value is: its path, and how a server in Go says it, by the struct that has the field.

    That path has neither numbers of lists nor keys of maps.
    """

    path: str
    struct: str
    fields: str

    def field(self, key: str) -> _Place:
        fields = f"{self.fields}.{key}" if self.fields else key
        return _Place(f"{self.path}.{key}" if self.path else key, self.struct, fields)

    def entry(self, index: int) -> _Place:
        return replace(self, path=f"{self.path}[{index}]")

    def key(self, key: str) -> _Place:
        return replace(self, path=f"{self.path}.{key}")

    def inside(self, found: Type) -> _Place:
        target = found.get("$ref")
        return replace(self, struct=target.rpartition(".")[2]) if target else self


@dataclass
class _Reader:
    """What is found on the way: unknown fields and the first wrong form. Values are kept as they are `as_said`."""

    kind: Kind
    as_said: bool
    unknown: list[str] = field(default_factory=list)

    def read(self, value: Any, found: Type, place: _Place) -> Any:
        if found.get("$ref") == QUANTITY:
            return self._quantity(value)
        wanted, found = found, resolved(found)
        form = found.get("type")
        if form is None:
            return value
        forms = [form] if isinstance(form, str) else form
        if type(value) not in [allowed for name in forms for allowed in FORMS[name]]:
            raise self._wrong(value, _go_type(wanted), place)
        if form == "array":
            items = found["items"]
            return [self.read(entry, items, place.entry(index)) for index, entry in enumerate(value)]
        if form == "object":
            return self._object(value, found, place.inside(wanted))
        return self._scalar(value, wanted, place)

    def _object(self, value: Json, found: Type, place: _Place) -> Json:
        if "properties" not in found and "additionalProperties" not in found:
            return value
        known, rest = found.get("properties") or {}, found.get("additionalProperties")
        read: Json = {}
        for key, part in value.items():
            below = place.field(key) if key in known or rest is None else place.key(key)
            wanted = field_type(found, key)
            if wanted is None:
                self.unknown.append(below.path)
            elif part is not None:
                inner = self.read(part, wanted, below)
                if inner or key in (found.get("required") or ()) or self._stays(wanted, place, key, key in known):
                    read[key] = inner
            elif key not in known and rest is not None and rest.get("type") == "string":
                read[key] = ""
        return read

    def _stays(self, wanted: Type, place: _Place, key: str, known: bool) -> bool:
        """Whether what is empty or zero is more than nothing, at a field that not every object has."""
        if _is_collection(wanted):
            return False
        if self.as_said or not known:
            return True
        form = resolved(wanted).get("type")
        return form in (None, "object") or keeps_zero(place.struct, key)

    def _scalar(self, value: Any, found: Type, place: _Place) -> Any:
        """A value of a right form, as it is kept."""
        name = resolved(found).get("format", "")
        if name in BOUNDS and not -BOUNDS[name] <= value < BOUNDS[name]:
            raise self._wrong(value, _go_type(found), place)
        try:
            if name == "date-time":
                kept = canonical_time(value, micro=found.get("$ref") == MICRO_TIME)
                return value if self.as_said else kept
            if name == "byte":
                base64.b64decode(value, validate=True)
        except ValueError as error:
            why = f"illegal base64 data at input byte {_illegal(value)}" if name == "byte" else str(error)
            raise self._unreadable(why) from error
        return value

    def _quantity(self, value: Any) -> str:
        if type(value) not in (str, int, float):
            raise self._unreadable(QUANTITY_WORDS)
        text = str(value).strip()
        try:
            kept = canonical_quantity(text)
        except ValueError as error:
            suffix = QUANTITY_FORM.fullmatch(text) is not None
            raise self._unreadable("unable to parse quantity's suffix" if suffix else QUANTITY_WORDS) from error
        return text if self.as_said else kept

    def _wrong(self, value: Any, form: str, place: _Place) -> Exception:
        name = json_name(value)
        if name == "number" and form.startswith("int"):
            name = f"number {json.dumps(value)}"
        return self._unreadable(
            f"json: cannot unmarshal {name} into Go struct field {place.struct}.{place.fields} of type {form}"
        )

    def _unreadable(self, why: str) -> Exception:
        kind = f'{self.kind.kind} in version "{self.kind.version}" cannot be handled as a {self.kind.kind}'
        return Undecodable(f"{kind}: {why}")


def _go_type(found: Type) -> str:
    """How a server in Go calls a type."""
    target, whole = found.get("$ref"), resolved(found)
    if target and whole.get("type") == "object":
        return ".".join(target.split(".")[-2:])
    match whole.get("type"):
        case "array":
            return f"[]{_go_type(whole['items'])}"
        case "object":
            return f"map[string]{_go_type(whole.get('additionalProperties') or {'type': 'string'})}"
        case "integer":
            return str(whole.get("format") or "int")
        case form:
            return GO_NAMES.get(str(form), str(form))


def _illegal(text: str) -> int:
    """The first byte that is none of base64; where the last four of what is too short begin."""
    return next((index for index, sign in enumerate(text) if sign not in BASE64), len(text) // 4 * 4)


def _is_collection(found: Type) -> bool:
    """Whether a field is a list or a map: an empty one is none, unless every object has it."""
    return found.get("type") == "array" or "additionalProperties" in found


def read_object(kind: Kind, document: Json, *, as_said: bool = False) -> tuple[Json, list[str]]:
    """The object as its type has it, and the paths of fields that it does not know; raises a refusal.

    Zeros, quantities and times are as a cluster keeps them, or `as_said`: what somebody applies he owns as he said it. Of
    a custom object only the metadata is read: its own schema says the rest.
    """
    reader = _Reader(kind, as_said)
    if not kind.custom:
        return reader.read(document, type_of(kind), _Place("", kind.kind, "")), reader.unknown
    metadata = document.get("metadata")
    place = _Place("metadata", kind.kind, "metadata")
    read = reader.read(metadata if metadata is not None else {}, type_of(kind)["properties"]["metadata"], place)
    return {**document, "metadata": read}, reader.unknown
