"""Reads an object as its Kubernetes type: wrong forms are refused, unknown fields and nulls left out. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from katib_local.apiserver.errors import Undecodable
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.kubernetes_types import QUANTITY, Type, field_type, resolved, type_of
from katib_machinery.scalars import parse_quantity

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


@dataclass
class _Reader:
    """What is found on the way: unknown fields and the first wrong form."""

    kind: Kind
    unknown: list[str] = field(default_factory=list)

    def read(self, value: Any, found: Type, path: str) -> Any:
        if found.get("$ref") == QUANTITY:
            return self._quantity(value, path)
        found = resolved(found)
        form = found.get("type")
        if form is None:
            return value
        self._check_form(value, [form] if isinstance(form, str) else form, path)
        if form == "array":
            items = found["items"]
            return [self.read(entry, items, f"{path}[{index}]") for index, entry in enumerate(value)]
        if form == "object":
            return self._object(value, found, path)
        self._check_format(value, found.get("format", ""), path)
        return value

    def _object(self, value: Json, found: Type, path: str) -> Json:
        if "properties" not in found and "additionalProperties" not in found:
            return value
        known, rest = found.get("properties") or {}, found.get("additionalProperties")
        read: Json = {}
        for key, part in value.items():
            place = f"{path}.{key}" if path else key
            wanted = field_type(found, key)
            if wanted is None:
                self.unknown.append(place)
            elif part is not None:
                inner = self.read(part, wanted, place)
                if inner or not _is_collection(wanted) or key in (found.get("required") or ()):
                    read[key] = inner
            elif key not in known and rest is not None and rest.get("type") == "string":
                read[key] = ""
        return read

    def _check_form(self, value: Any, forms: list[str], path: str) -> None:
        allowed = [form for name in forms for form in FORMS[name]]
        if type(value) not in allowed:
            raise self._wrong(value, " or ".join(forms), path)

    def _check_format(self, value: Any, name: str, path: str) -> None:
        try:
            if name in BOUNDS and not -BOUNDS[name] <= value < BOUNDS[name]:
                raise ValueError
            if name == "date-time":
                datetime.fromisoformat(value)
            elif name == "byte":
                base64.b64decode(value, validate=True)
        except ValueError as error:
            raise self._wrong(value, name, path) from error

    def _quantity(self, value: Any, path: str) -> str:
        self._check_form(value, ["string", "number"], path)
        text = str(value)
        try:
            parse_quantity(text)
        except ValueError as error:
            raise self._wrong(value, "quantity", path) from error
        return text

    def _wrong(self, value: Any, form: str, path: str) -> Exception:
        shown = json.dumps(value, default=str, ensure_ascii=False)[:80]
        kind = f'{self.kind.kind} in version "{self.kind.version}" cannot be handled as a {self.kind.kind}'
        return Undecodable(f"{kind}: {path}: {shown} is no {form}")


def _is_collection(found: Type) -> bool:
    """Whether a field is a list or a map: an empty one is none, unless every object has it."""
    return found.get("type") == "array" or "additionalProperties" in found


def read_object(kind: Kind, document: Json) -> tuple[Json, list[str]]:
    """The object as its type has it, and the paths of fields that it does not know; raises a refusal.

    Of a custom object only the metadata is read: its own schema says the rest.
    """
    reader = _Reader(kind)
    if not kind.custom:
        return reader.read(document, type_of(kind), ""), reader.unknown
    metadata = document.get("metadata")
    read = reader.read(metadata if metadata is not None else {}, type_of(kind)["properties"]["metadata"], "metadata")
    return {**document, "metadata": read}, reader.unknown
