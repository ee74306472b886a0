"""Checks CEL expressions against a schema as kube-apiserver does: syntax, names, functions, types, and what they cost.

celpy parses. What a value is follows from the schemas (`cel_types`), what may be called from `cel_functions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from celpy.celparser import CELParseError

from katib_codegen.cel_faults import constant_fault, lengths, listed, method_fault, wanted
from katib_codegen.cel_functions import FUNCTIONS, METHODS, OPERATORS, TYPES, given
from katib_codegen.cel_trees import (
    OPTIONALLY,
    RESERVED,
    arguments_of,
    constant_text,
    escaped,
    last_member,
    namespace,
    parse_rule,
    variable,
)
from katib_codegen.cel_types import BOOL, DOUBLE, DYN, INT, NULL, STRING, CelType, fits, joined, list_of, optional
from katib_codegen.complaints import near_hint
from katib_codegen.model import Api, properties
from katib_codegen.rules.costs import Sizes
from katib_codegen.rules.nodes import target
from katib_codegen.rules.patterns import pattern_fault
from katib_codegen.rules.values import with_article

_LITERALS = {
    "BOOL_LIT": BOOL, "INT_LIT": INT, "UINT_LIT": CelType("uint"), "FLOAT_LIT": DOUBLE, "NULL_LIT": NULL,
    "BYTES_LIT": CelType("bytes"),
}  # fmt: skip
_RANGES = {"INT_LIT": (-(2**63), 2**63 - 1), "UINT_LIT": (0, 2**64 - 1)}
_FORMATS = {"date-time": "timestamp", "date": "timestamp", "duration": "duration", "byte": "bytes"}
_SCALARS = {"boolean": BOOL, "integer": INT, "number": DOUBLE}
_WANTED = {"boolean": BOOL, "string": STRING}
# Macros by how many variables they bind; what follows is an expression for each item, after one that chooses items.
_MACROS = {
    1: ("all", "exists", "exists_one", "filter", "map", "sortBy", "optMap", "optFlatMap"),
    2: ("all", "exists", "existsOne", "transformList", "transformMap"),
}
_MACRO_NAMES = tuple(sorted({name for names in _MACROS.values() for name in names}))
_MAPPING = ("map", "sortBy", "transformList", "transformMap", "optMap", "optFlatMap")
_A_BYTE = 0.1
_SEARCHES = ("contains", "matches", "find", "findAll", "indexOf", "lastIndexOf", "replace", "split")
_PATTERNED = ("matches", "find", "findAll")
# What makes a list or map, and what another item in it costs.
_COPYING = ("filter", "map", "transformList", "transformMap")
_A_COPY = 11.0
# Functions of lists that compare or copy what is in each item.
_COMPARING = ("distinct", "indexOf", "isSorted", "join", "lastIndexOf", "max", "min", "sort", "sum")


class Checker:
    """Checks one expression at a time; `self` is of the given schema."""

    def __init__(self, api: Api, schema: Mapping[str, Any], sizes: Sizes | None = None) -> None:
        self._api = api
        self._sizes = sizes or Sizes(api)
        self._times = 1.0
        self.old_self_is_optional = False
        """Whether oldSelf is a value that may be absent, on which only hasValue(), value() and the like are called."""
        self.cost = 0.0
        """Steps that one run may take."""
        self.walked: list[Mapping[str, Any]] = []
        """What makes the run long."""
        self._self = self._settled(schema, "self")
        self._mixed = False
        self._faults: list[str] = []
        self.reads_old_self = False

    def check(self, text: str, wanted: str) -> list[str]:
        """What is wrong with the expression, which has to be of the type `wanted`."""
        self._faults = []
        try:
            tree = parse_rule(text)
        except CELParseError as error:
            return [
                (
                    f"does not compile at column {error.column}; mend the expression"
                    if error.column
                    else "does not compile"
                )
            ]
        found = self._type(tree, {})
        if not self._faults and not fits(_WANTED[wanted], found, {}):
            self._faults.append(f"is of type {found.spelled}; write one of type {wanted}")
        return self._faults

    def _settled(self, schema: Mapping[str, Any], place: str) -> CelType:
        """The type of a value of this schema."""
        resolved = target(self._api, schema)
        kind = resolved.get("type")
        if resolved.get("x-kubernetes-int-or-string") or kind is None:
            return CelType("dyn", schema=schema)
        if kind == "string":
            return CelType(_FORMATS.get(str(resolved.get("format")), "string"), schema=schema)
        if kind == "array":
            return list_of(self._settled(resolved["items"], f"{place}[]"), schema)
        if isinstance(resolved.get("additionalProperties"), Mapping):
            value = self._settled(resolved["additionalProperties"], f"{place}{{}}")
            return CelType("map", (STRING, value), schema=schema)
        return _SCALARS.get(str(kind), CelType("object", place=place, schema=schema))

    def _type(self, tree: Any, bound: Mapping[str, CelType]) -> CelType:
        handler = getattr(self, f"_{tree.data}", None)
        if handler is not None:
            return handler(tree.children, bound)  # type: ignore[no-any-return]
        inner = [self._type(child, bound) for child in tree.children if hasattr(child, "data")]
        return inner[0] if len(inner) == 1 else DYN

    def _expr(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        kinds = [self._type(child, bound) for child in children]
        if len(kinds) == 1:
            return kinds[0]
        self._require_truth(kinds[0], "asks {} as a condition")
        chosen = joined(kinds[1], kinds[2])
        if chosen is None:
            one, other = (with_article(kind.spelled) for kind in kinds[1:])
            self._faults.append(f"gives {one} or {other}; give what is of one type")
        return chosen or DYN

    def _conditionalor(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        kinds = [self._type(child, bound) for child in children]
        if len(kinds) == 1:
            return kinds[0]
        for kind in kinds:
            self._require_truth(kind, "joins {} with && or ||")
        return BOOL

    _conditionaland = _conditionalor

    def _require_truth(self, kind: CelType, text: str) -> None:
        if not fits(BOOL, kind, {}):
            self._faults.append(f"{text.format(with_article(kind.spelled))}; compare it with something")

    def _relation(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        if len(children) == 1:
            return self._type(children[0], bound)
        found = [self._type(children[0].children[0], bound), self._type(children[1], bound)]
        name = str(children[0].data).removeprefix("relation_")
        self._compare(found, inside=name == "in")
        operator = {"in": "in", "eq": "eq", "ne": "eq"}.get(name, "less")
        if given(OPERATORS[operator], found) is None:
            left, right = (with_article(kind.spelled) for kind in found)
            if name == "in" and found[1].name not in ("list", "map"):
                self._faults.append(f"looks into {right}; write a list or a map after in")
            elif name == "in":
                self._faults.append(f"looks for {left} in {right} of others; look for what may be in it")
            else:
                what = "compares" if found[0].name != found[1].name else "compares, of different types,"
                what = "orders" if operator == "less" and found[0].name == found[1].name else what
                self._faults.append(f"{what} {left} with {right}; compare what is of one type")
        elif operator != "less":
            self._check_known(found, children)
        return BOOL

    def _addition(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        if len(children) == 1:
            return self._type(children[0], bound)
        kinds = [self._type(children[0].children[0], bound), self._type(children[1], bound)]
        gives = given(OPERATORS[str(children[0].data).rsplit("_", 1)[1]], kinds)
        if gives is None:
            what = " and ".join(sorted({with_article(kind.spelled) for kind in kinds}))
            self._faults.append(f"reckons with {what}; convert one, such as string(self)")
            return DYN
        # A sum of texts or lists is about as long as the longer one.
        return self._sized(gives, max(kinds, key=lambda kind: self._sizes.largest(kind.schema)))

    _multiplication = _addition

    def _unary(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        kind = self._type(children[-1], bound)
        if len(children) == 1:
            return kind
        name = str(children[0].data).removeprefix("unary_")
        gives = given(OPERATORS[name], [kind])
        if gives is None:
            what, wanted = ("negates", "a boolean") if name == "not" else ("takes the negative of", "a number")
            self._faults.append(f"{what} {with_article(kind.spelled)}; write {wanted}")
        return gives or DYN

    def _literal(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        token = children[0]
        if token.type in ("STRING_LIT", "MLSTRING_LIT"):
            return CelType("string", schema={"type": "string", "maxLength": len(token)})
        if token.type in _RANGES:
            low, high = _RANGES[token.type]
            if not low <= int(str(token).rstrip("uU"), 0 if "x" in token else 10) <= high:
                self._faults.append(f"has the number {token}, which is no 64-bit one; write one from {low} to {high}")
        return _LITERALS[token.type]

    def _list_lit(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        mixed, self._mixed = self._mixed, False
        kinds = [self._type(child, bound) for child in arguments_of(children)]
        if mixed:
            return list_of(DYN)
        self._require_alike(kinds, "lists")
        return list_of(kinds[0] if kinds else DYN)

    def _map_lit(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        kinds = [self._type(child, bound) for child in arguments_of(children)]
        self._require_alike(kinds[::2], "maps")
        self._require_alike(kinds[1::2], "maps to")
        return CelType("map", (kinds[0], kinds[1]) if kinds else (DYN, DYN))

    def _require_alike(self, kinds: Sequence[CelType], what: str) -> None:
        """kube-apiserver takes lists and maps only of what is of one type, unless all of it is dyn()."""
        for kind in kinds[1:]:
            if not fits(kinds[0], kind, {}) or (kind == DYN) != (kinds[0] == DYN):
                one, other = (with_article(found.spelled) for found in (kinds[0], kind))
                self._faults.append(f"{what} {one} and {other}; write what is of one type")
                return

    def _member_object(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        self._faults.append("makes a message, which no rule can; write a map")
        return DYN

    def _ident(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        name = str(children[0])
        self._spend()
        if name in bound:
            return bound[name]
        if name == "oldSelf":
            self.reads_old_self = True
            return optional(self._self) if self.old_self_is_optional else self._self
        if name == "self":
            return self._self
        if name in TYPES:
            return CelType("type")
        self._faults.append(f"names {name}, which is nothing here; begin with self or oldSelf")
        return DYN

    def _member_dot(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        owner, name = self._type(children[0], bound), str(children[1])
        self._spend()
        if name == OPTIONALLY:  # What comes next is `[?`.
            return optional(owner)
        asked = name.startswith(OPTIONALLY)
        if owner.name == "optional":
            asked, owner = True, owner.of[0]
        found = self._field(owner, name.removeprefix(OPTIONALLY))
        return optional(found) if asked else found

    def _field(self, owner: CelType, name: str) -> CelType:
        if owner.name == "dyn":
            return DYN
        if owner.name == "map":
            return owner.of[1]
        fields = self._fields(owner) if owner.name == "object" else {}
        known = {escaped(field): field for field in fields}
        if name in known:
            return self._settled(fields[known[name]], f"{owner.place}.{known[name]}")
        if name in RESERVED and escaped(name) in known:
            self._faults.append(f"names {name}, which is a word of CEL; write {escaped(name)}")
        else:
            self._faults.append(f"names {name}, which is no field there{near_hint(name, known)}; name one")
        return DYN

    def _member_index(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        owner, key = self._type(children[0], bound), self._type(children[1], bound)
        self._spend()
        asked = owner.name == "optional"
        owner = owner.of[0] if asked else owner
        gives = given(OPERATORS["at"], [owner, key])
        if gives is None and owner.name in ("list", "map"):
            wanted = "an integer" if owner.name == "list" else with_article(owner.of[0].spelled)
            self._faults.append(
                f"looks up {with_article(key.spelled)} in {with_article(owner.spelled)}; write {wanted}"
            )
        elif gives is None:
            cure = "write a dot and the field" if owner.name == "object" else "that needs a list or a map"
            self._faults.append(f"looks by [] into {with_article(owner.spelled)}; {cure}")
        return optional(gives or DYN) if asked else gives or DYN

    def _ident_arg(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        name, arguments = str(children[0]), arguments_of(children[1:])
        self._spend()
        if name != "has":
            return self._call(name, arguments, bound)
        for argument in arguments:
            last = last_member(argument)
            if last is None or str(last.children[1]).startswith(OPTIONALLY):
                self._faults.append("asks has() of what is no field; write has(self.field)")
            self._type(argument, bound)
        return BOOL

    def _call(self, name: str, arguments: list[Any], bound: Mapping[str, CelType]) -> CelType:
        """A function that is called of nothing."""
        kinds = [self._type(argument, bound) for argument in arguments]
        if name not in FUNCTIONS:
            hint = near_hint(name, FUNCTIONS)
            self._faults.append(f"calls {name}(), which CEL does not have{hint}; call one of its own")
            return DYN
        if name == "matches" and len(arguments) == 2:
            self._check_pattern(arguments[1])
        if name.startswith("sets.") and len(kinds) == 2:
            self._walk(kinds[0], self._sizes.largest(kinds[1].schema), kinds[1])
        gives = given(FUNCTIONS[name], kinds)
        if gives is None:
            several = "values" if len(kinds) != 1 else "value"
            what = f"{len(kinds)} {several}" if len(kinds) not in lengths(FUNCTIONS[name]) else listed(kinds)
            self._faults.append(f"calls {name}() with {what}; give it {wanted(FUNCTIONS[name])}")
        elif arguments and (text := constant_text(arguments[0])) is not None and (fault := constant_fault(name, text)):
            self._faults.append(fault)
        return gives or DYN

    def _member_dot_arg(self, children: list[Any], bound: Mapping[str, CelType]) -> CelType:
        name, arguments = str(children[1]), arguments_of(children[2:])
        space = namespace(children[0], bound)
        if space and f"{space}.{name}" in FUNCTIONS:
            return self._call(f"{space}.{name}", arguments, bound)
        owner = self._type(children[0], bound) if not space else DYN
        if name in _MACRO_NAMES:
            return self._macro(name, owner, arguments, bound)
        if space or name not in METHODS:
            hint = near_hint(name, [*METHODS, *_MACRO_NAMES])
            self._faults.append(f"calls {name}(), which CEL does not have{hint}; call one of its own")
            return DYN
        self._mixed = name == "format"
        kinds = [owner, *(self._type(argument, bound) for argument in arguments)]
        self._mixed = False
        if name in _PATTERNED and arguments:
            self._check_pattern(arguments[0])
        self._spend_on(name, owner, kinds[1:])
        gives = given(METHODS[name], kinds)
        if gives is None:
            self._faults.append(method_fault(name, kinds))
            return DYN
        return self._sized(gives, owner)

    def _sized(self, made: CelType, source: CelType) -> CelType:
        """What was made of a text or list, with how long it may be."""
        if source.schema is None or made.schema is not None or made.name not in ("string", "list"):
            return made
        if made.name == source.name:
            return replace(made, schema={k: v for k, v in target(self._api, source.schema).items() if k != "enum"})
        longest: dict[str, Any] = {"type": "string"}
        if made.name == "list":
            longest = {"type": "array", "items": longest, "maxItems": self._sizes.largest(source.schema)}
        return replace(made, schema=longest)

    def _spend_on(self, name: str, owner: CelType, others: Sequence[CelType]) -> None:
        if name == "size":
            self._spend()
            return
        # Functions of texts read them to the end; these read what is given to them again at each place.
        again = max([self._sizes.largest(other.schema) for other in others], default=1.0) if name in _SEARCHES else 1.0
        self._spend(again)
        if owner.name == "list" and name in _COMPARING and owner.of[0].name in ("string", "bytes"):
            each = 1.0 + _A_BYTE * self._sizes.largest(owner.of[0].schema)
            self._walk(owner, each, owner.of[0], *others)
        else:
            self._walk(owner, _A_BYTE * again if owner.name == "string" else 1.0, *others)

    def _check_pattern(self, argument: Any) -> None:
        """A pattern that stands in the rule itself is one that kube-apiserver compiles with it."""
        pattern = constant_text(argument)
        if pattern is not None and (fault := pattern_fault(pattern)):
            self._faults.append(f"has the pattern {pattern!r}, {fault}")

    def _macro(self, name: str, owner: CelType, arguments: list[Any], bound: Mapping[str, CelType]) -> CelType:
        names = [variable(argument) for argument in arguments]
        several = 2 if len(names) > 2 and names[1] and name in _MACROS[2] else 1
        rest = arguments[several:]
        if not rest or not all(names[:several]) or name not in _MACROS[several]:
            self._faults.append(
                f"calls {name}() without a variable and a condition; write {name}(item, item.name != '')"
            )
            return DYN
        items = _items(name, owner, several)
        if items is None:
            cure = "that needs a value that may be absent" if name.startswith("opt") else "that needs a list or a map"
            self._faults.append(f"calls {name}() of {with_article(owner.spelled)}; {cure}")
            return DYN
        outer = self._times
        self._times *= self._walk(owner)
        self._spend(_A_COPY if name in _COPYING else 0.0)
        inner = {**bound, **dict(zip(map(str, names), items, strict=False))}
        kinds = [self._type(argument, inner) for argument in rest]
        self._times = outer
        if name == "sortBy":
            self._spend_on("sort", list_of(kinds[-1], owner.schema), ())
        for kind in kinds[: -1 if name in _MAPPING else None]:
            self._require_truth(kind, "asks {} as a condition")
        return self._mapped(name, owner, kinds[-1])

    def _mapped(self, name: str, owner: CelType, last: CelType) -> CelType:
        """What the macro makes of its owner, where the last expression is of that type."""
        if name in ("map", "transformList"):
            schema = {"type": "array", "items": last.schema or {}, "maxItems": self._sizes.largest(owner.schema)}
            return list_of(last, schema)
        if name == "transformMap":
            return CelType("map", (owner.of[0] if owner.name == "map" else INT, last))
        if name in ("optMap", "optFlatMap"):
            return optional(last)
        if name == "filter":
            return owner if owner.name != "map" else list_of(owner.of[0])
        return owner if name == "sortBy" else BOOL

    def _check_known(self, found: list[CelType], children: list[Any]) -> None:
        """A text that stands in the rule is one of the known values that it is compared with."""
        enums = [target(self._api, kind.schema or {}).get("enum") for kind in found]
        for known, other in ((enums[0], children[1]), (enums[1], children[0])):
            text = constant_text(other)
            if known and text is not None and text not in known and all(isinstance(value, str) for value in known):
                cure = f"{near_hint(text, known)}; write one of {', '.join(map(str, known))}"
                self._faults.append(f"compares with {text!r}, which is no known value{cure}")

    def _spend(self, steps: float = 1.0) -> None:
        self.cost += self._times * steps

    def _walk(self, owner: CelType, each: float = 1.0, *others: CelType) -> float:
        """Reads the value to its end; returns how long it may be."""
        size = self._sizes.largest(owner.schema)
        self._spend(max(1.0, size * each))
        if size > 1:
            self.walked += [kind.schema for kind in (owner, *others) if kind.schema is not None]
        return size

    def _compare(self, found: list[CelType], inside: bool) -> None:
        """Equal values are read to the end of the shorter one; a list is searched to its end."""
        shorter = min(found, key=lambda kind: self._sizes.largest(kind.schema))
        self._walk(found[-1] if inside else shorter, _A_BYTE if shorter.name == "string" and not inside else 1.0)

    def _fields(self, owner: CelType) -> dict[str, Any]:
        schema, metadata = target(self._api, owner.schema or {}), self._api.definitions.get("ObjectMeta")
        if metadata is not None and schema is metadata.schema:
            return {"name": {"type": "string"}, "generateName": {"type": "string"}}
        return properties(self._api, schema)


def _items(name: str, owner: CelType, several: int) -> tuple[CelType, ...] | None:
    """What the variables of the macro are; None where it cannot be called of the value."""
    if owner.name == "dyn":
        return (DYN, DYN)
    if name.startswith("opt"):
        return owner.of if owner.name == "optional" else None
    if owner.name == "list":
        return owner.of if several == 1 else (INT, *owner.of)
    return owner.of if owner.name == "map" and name != "sortBy" else None
