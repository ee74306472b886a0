"""CEL: expressions are compiled once and answer yes, no, a text or why they cannot. Pure.

The libraries are CEL's own, optional values, texts (`split`, `lowerAscii`, ...) and `isSorted`. Fields of objects are
not known when an expression is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

TYPES: Mapping[str, cel.Type] = {
    "array": cel.Type.LIST,
    "boolean": cel.Type.BOOL,
    "dyn": cel.Type.DYN,
    "integer": cel.Type.INT,
    "number": cel.Type.DOUBLE,
    "object": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "string": cel.Type.STRING,
    "timestamp": cel.Type.TIMESTAMP,
}
WORDING = (
    (re.compile(r'.*Key not found in map : "(.*)"'), r"no such key: \1"),
    (re.compile(r".*divide by zero"), "division by zero"),
    (re.compile(r"[A-Z_]+: (?s:(.*?))( \[[A-Z_]+\])?"), r"\1"),
)
"""The runtime's reasons, and what kube-apiserver says instead."""


class ExpressionError(Exception):
    """An expression that cannot be compiled or evaluated; the message says why."""


@dataclass(frozen=True)
class Expression:
    """A compiled expression. `returns` is the name of its type, `DYN` where that shows only when it is evaluated."""

    program: Any
    returns: str

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """What it comes to; raises ExpressionError."""
        value = self.program.eval(data=variables)
        if value.type() == cel.Type.ERROR:
            raise ExpressionError(_worded(str(value.plain_value())))
        return value.plain_value()


@lru_cache(maxsize=1024)
def compile_expression(text: str, variables: tuple[tuple[str, str], ...]) -> Expression:
    """Compile; `variables` are pairs of name and type, a key of TYPES. Raises ExpressionError."""
    try:
        program = _environment(variables).compile(text)
    except RuntimeError as error:
        raise ExpressionError(_worded(str(error))) from error
    return Expression(program, program.return_type().name())


@lru_cache(maxsize=64)
def _environment(variables: tuple[tuple[str, str], ...]) -> cel.Env:
    is_sorted = cel.Overload(
        "list_is_sorted", cel.Type.BOOL, [cel.Type.LIST], is_member=True, impl=lambda values: values == sorted(values)
    )
    return cel.NewEnv(
        variables={name: TYPES[kind] for name, kind in variables},
        extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings()],
        functions=[cel.FunctionDecl("isSorted", [is_sorted])],
    )


def _worded(text: str) -> str:
    for pattern, words in WORDING:
        found = pattern.fullmatch(text)
        if found:
            return found.expand(words)
    return text
