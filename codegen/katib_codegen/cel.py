"""Checks CEL expressions against a schema as kube-apiserver does: syntax, names, functions, the type of the result.

celpy parses; types are schemas of the dialect. A type that cannot be told is None, and everything is allowed on it.
"""

import ast
from collections.abc import Mapping
from typing import Any

from celpy import Environment
from celpy.celparser import CELParseError

from katib_codegen.complaints import near_hint
from katib_codegen.model import Api, properties
from katib_codegen.rules.costs import Sizes
from katib_codegen.rules.nodes import target
from katib_codegen.rules.patterns import pattern_fault
from katib_codegen.rules.values import with_article

Type = Mapping[str, Any] | None
_RESERVED = (
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "var", "void", "while",
)  # fmt: skip
_ESCAPES = {"__dot__": ".", "__dash__": "-", "__slash__": "/", "__underscores__": "__"}
_BOOLEAN: Type = {"type": "boolean"}
_STRING: Type = {"type": "string"}
_INTEGER: Type = {"type": "integer"}
# What functions return; None where it depends.
_FUNCTIONS: Mapping[str, Type] = {
    "size": _INTEGER, "int": _INTEGER, "uint": _INTEGER, "double": {"type": "number"}, "string": _STRING,
    "bool": _BOOLEAN, "bytes": None, "duration": None, "timestamp": None, "dyn": None, "type": None, "quantity": None,
    "isQuantity": _BOOLEAN, "url": None, "isURL": _BOOLEAN, "ip": None, "isIP": _BOOLEAN, "cidr": None,
    "isCIDR": _BOOLEAN, "semver": None, "isSemver": _BOOLEAN,
}  # fmt: skip
_TRUTHS = (
    "contains", "startsWith", "endsWith", "matches", "isSorted", "isInteger", "isLessThan", "isGreaterThan",
    "containsIP", "containsCIDR", "isLoopback", "isUnspecified", "isGlobalUnicast", "isLinkLocalUnicast",
    "isLinkLocalMulticast", "hasValue", "isCanonical",
)  # fmt: skip
_TEXTS = ("charAt", "lowerAscii", "upperAscii", "replace", "substring", "trim", "join", "find", "getScheme", "getHost")
_NUMBERS = (
    "size",
    "indexOf",
    "lastIndexOf",
    "getFullYear",
    "getMonth",
    "getHours",
    "getMinutes",
    "getSeconds",
    "family",
)
_OTHERS = (
    "split", "reverse", "format", "findAll", "sum", "min", "max", "asInteger", "asApproximateFloat", "sign", "add",
    "sub", "compareTo", "getHostname", "getPort", "getEscapedPath", "getQuery", "getDate", "getDayOfMonth",
    "getDayOfWeek", "getDayOfYear", "getMilliseconds", "prefixLength", "masked", "value", "or", "orValue", "validate",
    "major", "minor", "patch", "flatten", "distinct", "sort", "slice", "first", "last",
)  # fmt: skip
_METHODS: Mapping[str, Type] = {
    **dict.fromkeys(_TRUTHS, _BOOLEAN),
    **dict.fromkeys(_TEXTS, _STRING),
    **dict.fromkeys(_NUMBERS, _INTEGER),
    **dict.fromkeys(_OTHERS),
}
_MACROS = ("all", "exists", "exists_one", "existsOne", "filter", "map")
_LIBRARIES = ("sets", "math", "optional", "format", "ip", "cidr", "strings", "cel")
_SIMPLE = ("integer", "number", "boolean")
_A_BYTE = 0.1
_SEARCHES = ("contains", "matches", "find", "findAll", "indexOf", "lastIndexOf", "replace", "split")
_PATTERNED = ("matches", "find", "findAll")
_COLLECTIONS = ("list_lit", "map_lit", "exprlist", "mapinits")


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
        self._self = schema
        self._faults: list[str] = []
        self.reads_old_self = False

    def check(self, text: str, wanted: str) -> list[str]:
        """What is wrong with the expression, which has to be of the type `wanted`."""
        self._faults = []
        try:
            tree = Environment().compile(text)
        except CELParseError as error:
            return [
                (
                    f"does not compile at column {error.column}; mend the expression"
                    if error.column
                    else "does not compile"
                )
            ]
        found = self._kind(self._type(tree, {}))
        if not self._faults and found not in (wanted, None):
            self._faults.append(f"is of type {found}; write one of type {wanted}")
        return self._faults

    def _type(self, tree: Any, bound: Mapping[str, Type]) -> Type:
        rule = str(getattr(tree, "data", ""))
        handler = getattr(self, f"_{rule}", None)
        if handler is not None:
            return handler(tree.children, bound)  # type: ignore[no-any-return]
        inner = [self._type(child, bound) for child in getattr(tree, "children", ()) if hasattr(child, "data")]
        return inner[0] if len(inner) == 1 and rule not in _COLLECTIONS else None

    def _expr(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        kinds = [self._type(child, bound) for child in children]
        if len(kinds) > 1 and self._kind(kinds[0]) not in ("boolean", None):
            self._faults.append(
                f"asks {with_article(str(self._kind(kinds[0])))} as a condition; compare it with something"
            )
        return kinds[-1]

    def _conditionalor(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        kinds = [self._type(child, bound) for child in children]
        if len(kinds) == 1:
            return kinds[0]
        for kind in kinds:
            if self._kind(kind) not in ("boolean", None):
                self._faults.append(
                    f"joins {with_article(str(self._kind(kind)))} with && or ||; compare it with something"
                )
        return _BOOLEAN

    _conditionaland = _conditionalor

    def _relation(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        found = [self._type(child, bound) for child in children]
        if len(found) == 1:
            return found[0]
        kinds = [self._kind(kind) for kind in found]
        inside = str(children[0].data) == "relation_in"
        self._compare(found, inside=inside)
        if inside and kinds[-1] not in ("array", "object", None):
            self._faults.append(f"looks into {with_article(kinds[-1])}; write a list or a map after in")
        self._check_known(found, children)
        if "relation_in" != str(children[0].data) and None not in kinds:
            left, right = ("number" if kind == "integer" else str(kind) for kind in kinds)
            if left != right:
                self._faults.append(
                    f"compares {with_article(str(kinds[0]))} with {with_article(str(kinds[1]))}; compare what is of one type"
                )
        return _BOOLEAN

    def _addition(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        kinds = [self._type(child, bound) for child in children]
        # What times and durations add up to depends on both.
        known = {self._kind(kind) for kind in kinds}
        if len(known) > 1 and None not in known:
            what = " and ".join(sorted(with_article(str(kind)) for kind in known))
            self._faults.append(f"reckons with {what}; convert one, such as string(self)")
        return kinds[0] if len(kinds) == 1 or (len(known) == 1 and None not in known) else None

    _multiplication = _addition

    def _unary(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        return self._type(children[-1], bound)

    def _literal(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        kind = str(children[0].type)
        kinds = {"BOOL_LIT": "boolean", "INT_LIT": "integer", "UINT_LIT": "integer", "FLOAT_LIT": "number"}
        if kind in ("STRING_LIT", "MLSTRING_LIT"):
            return {"type": "string", "maxLength": len(children[0])}
        return {"type": kinds[kind]} if kind in kinds else None

    def _ident(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        name = str(children[0])
        self._spend()
        if name in bound:
            return bound[name]
        if name == "oldSelf":
            self.reads_old_self = True
            if self.old_self_is_optional:
                return None
        elif name != "self" and name not in _LIBRARIES:
            self._faults.append(f"names {name}, which is nothing here; begin with self or oldSelf")
            return None
        return self._self if name in ("self", "oldSelf") else None

    def _member_dot(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        owner, name = self._resolve(self._type(children[0], bound)), str(children[1])
        self._spend()
        if owner is None:
            return None
        known = {_escape(field): schema for field, schema in self._fields(owner).items()}
        if name in known:
            return known[name]  # type: ignore[no-any-return]
        if isinstance(owner.get("additionalProperties"), Mapping):
            return owner["additionalProperties"]  # type: ignore[no-any-return]
        if name in _RESERVED and _escape(name) in known:
            self._faults.append(f"names {name}, which is a word of CEL; write {_escape(name)}")
        else:
            self._faults.append(f"names {name}, which is no field there{near_hint(name, known)}; name one")
        return None

    def _member_index(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        owner = self._resolve(self._type(children[0], bound))
        self._spend()
        self._type(children[1], bound)
        self._require(owner, "looks by [] into")
        inner = (owner or {}).get("items", (owner or {}).get("additionalProperties"))
        return inner if isinstance(inner, Mapping) else None

    def _ident_arg(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        name, arguments = str(children[0]), _arguments(children[1:])
        self._spend()
        if name == "has":
            for argument in arguments:
                if _outermost(argument) != "member_dot":
                    self._faults.append("asks has() of what is no field; write has(self.field)")
                self._type(argument, bound)
            return _BOOLEAN
        if name not in _FUNCTIONS:
            self._faults.append(
                f"calls {name}(), which CEL does not have{near_hint(name, _FUNCTIONS)}; call one of its own"
            )
        elif len(arguments) != 1 and name != "semver":
            self._faults.append(f"calls {name}() with {len(arguments)} values; give it one")
        for argument in arguments:
            self._type(argument, bound)
        return _FUNCTIONS.get(name)

    def _member_dot_arg(self, children: list[Any], bound: Mapping[str, Type]) -> Type:
        name, arguments = str(children[1]), _arguments(children[2:])
        owner = self._resolve(self._type(children[0], bound))
        if name in _MACROS:
            return self._macro(name, owner, arguments, bound)
        if self._kind(owner) in _SIMPLE:
            self._faults.append(
                f"calls {name}() of {with_article(str(self._kind(owner)))}, which has none; compare it instead"
            )
        elif name not in _METHODS and not _is_library(children[0]):
            known = [*_METHODS, *_MACROS]
            self._faults.append(f"calls {name}(), which CEL does not have{near_hint(name, known)}; call one of its own")
        others = [self._type(argument, bound) for argument in arguments]
        if name in _PATTERNED and arguments:
            self._check_pattern(arguments[0])
        # Functions of texts and lists read them to the end; these read what is given to them again at each place.
        again = max([self._sizes.largest(other) for other in others], default=1.0) if name in _SEARCHES else 1.0
        self._spend()
        if name != "size":
            self._walk(owner, _A_BYTE * again if self._kind(owner) == "string" else 1.0, *others)
        return None if _is_library(children[0]) else _METHODS.get(name)

    def _check_pattern(self, argument: Any) -> None:
        """A pattern that stands in the rule itself is one that kube-apiserver compiles with it."""
        pattern = _text(argument)
        if pattern is not None and (fault := pattern_fault(pattern)):
            self._faults.append(f"has the pattern {pattern!r}, {fault}")

    def _macro(self, name: str, owner: Type, arguments: list[Any], bound: Mapping[str, Type]) -> Type:
        variable = next((tree.children[0] for tree in arguments[0].find_data("ident")), None) if arguments else None
        if variable is None or len(arguments) < 2:
            self._faults.append(
                f"calls {name}() without a variable and a condition; write {name}(item, item.name != '')"
            )
            return None
        self._require(owner, f"calls {name}() of")
        item = (owner or {}).get("items")
        if isinstance((owner or {}).get("additionalProperties"), Mapping):
            item = _STRING
        outer = self._times
        self._times *= self._walk(owner)
        kinds = [self._type(argument, {**bound, str(variable): item}) for argument in arguments[1:]]
        self._times = outer
        if name == "map":
            return {"type": "array", "items": kinds[-1]} if kinds[-1] else None
        return owner if name == "filter" else _BOOLEAN

    def _require(self, owner: Type, what: str) -> None:
        if self._kind(owner) in (*_SIMPLE, "string"):
            self._faults.append(f"{what} {with_article(str(self._kind(owner)))}; that needs a list or a map")

    def _check_known(self, found: list[Type], children: list[Any]) -> None:
        """A text that stands in the rule is one of the known values that it is compared with."""
        if len(found) != 2:
            return
        enums = [(self._resolve(kind) or {}).get("enum") for kind in found]
        for known, other in ((enums[0], children[1]), (enums[1], children[0])):
            text = _text(other)
            if known and text is not None and text not in known and all(isinstance(value, str) for value in known):
                cure = f"{near_hint(text, known)}; write one of {', '.join(map(str, known))}"
                self._faults.append(f"compares with {text!r}, which is no known value{cure}")

    def _spend(self, steps: float = 1.0) -> None:
        self.cost += self._times * steps

    def _walk(self, owner: Type, each: float = 1.0, *others: Type) -> float:
        """Reads the value to its end; returns how long it may be."""
        size = self._sizes.largest(owner)
        self._spend(max(1.0, size * each))
        if size > 1:
            self.walked += [schema for schema in (owner, *others) if schema is not None]
        return size

    def _compare(self, found: list[Type], inside: bool) -> None:
        """Equal values are read to the end of the shorter one; a list is searched to its end."""
        shorter = min(found, key=self._sizes.largest)
        self._walk(found[-1] if inside else shorter, _A_BYTE if self._kind(shorter) == "string" and not inside else 1.0)

    def _fields(self, owner: Mapping[str, Any]) -> dict[str, Any]:
        metadata = self._api.definitions.get("ObjectMeta")
        if metadata is not None and owner is metadata.schema:
            return {"name": _STRING, "generateName": _STRING}
        return properties(self._api, owner)

    def _resolve(self, schema: Type) -> Type:
        return None if schema is None else target(self._api, schema)

    def _kind(self, schema: Type) -> str | None:
        resolved = self._resolve(schema)
        if (
            resolved is None
            or resolved.get("x-kubernetes-int-or-string")
            or resolved.get("format") in ("date-time", "duration")
        ):
            return None
        return resolved.get("type")


def _arguments(children: list[Any]) -> list[Any]:
    return [child for group in children if group is not None for child in group.children]


def _outermost(tree: Any) -> str:
    """What the expression does last."""
    while len(tree.children) == 1 and hasattr(tree.children[0], "data"):
        tree = tree.children[0]
    return str(tree.data)


def _text(tree: Any) -> str | None:
    """The text that the expression is; None where it is more than that."""
    tokens = list(tree.scan_values(lambda _: True))
    if len(tokens) != 1 or tokens[0].type not in ("STRING_LIT", "MLSTRING_LIT"):
        return None
    try:
        text: object = ast.literal_eval(str(tokens[0]).replace("R", "r", 1) if tokens[0][0] == "R" else str(tokens[0]))
    except (SyntaxError, ValueError):
        return None
    return text if isinstance(text, str) else None


def _is_library(tree: Any) -> bool:
    return any(str(ident.children[0]) in _LIBRARIES for ident in tree.find_data("ident"))


def _escape(name: str) -> str:
    """How CEL spells the field."""
    if name in _RESERVED:
        return f"__{name}__"
    spelled = name.replace("__", "__underscores__")
    for escaped, plain in _ESCAPES.items():
        spelled = spelled.replace(plain, escaped) if plain != "__" else spelled
    return spelled
