"""Reads the trees of celpy: what an expression is, without the steps of the grammar. Knows no types."""

import ast
import re
from collections.abc import Mapping
from typing import Any

from celpy import Environment

from katib_codegen.cel_functions import NAMESPACES
from katib_codegen.cel_types import CelType

RESERVED = (
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "var", "void", "while",
)  # fmt: skip
_ESCAPES = {"__dot__": ".", "__dash__": "-", "__slash__": "/", "__underscores__": "__"}
# celpy reads neither `.?` nor `[?`, and takes the minus of `a -1` for a sign.
_TEXT = r"[rRbB]*(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
_UNREAD = re.compile(rf"({_TEXT})|\.\?|\[\?|(?<=[\w)\]])(\s*)-(?=[\d.])", re.DOTALL)
OPTIONALLY = "optionally__"


def parse_rule(text: str) -> Any:
    """The tree of an expression; raises celpy's CELParseError."""
    return Environment().compile(_UNREAD.sub(_readable, text))


def _readable(match: re.Match[str]) -> str:
    """The same in words that celpy reads."""
    if match[1]:
        return match[1]
    if match[0] == ".?":
        return f".{OPTIONALLY}"
    return f".{OPTIONALLY}[" if match[0] == "[?" else f"{match[2]}- "


def arguments_of(children: list[Any]) -> list[Any]:
    return [child for group in children if group is not None for child in group.children]


def namespace(tree: Any, bound: Mapping[str, CelType]) -> str:
    """The library that the expression names; empty where it is none."""
    name = variable(tree)
    return name if name in NAMESPACES and name not in bound else ""


def variable(tree: Any) -> str:
    """The name that is all of the expression; empty where it is more."""
    tree = _innermost(tree)
    return str(tree.children[0]) if tree.data == "ident" else ""


def _innermost(tree: Any) -> Any:
    """What the expression does last, without the steps of the grammar around it."""
    while len(tree.children) == 1 and hasattr(tree.children[0], "data"):
        tree = tree.children[0]
    return tree


def last_member(tree: Any) -> Any:
    """The field that the expression reads last; None where it does something else."""
    tree = _innermost(tree)
    return tree if tree.data == "member_dot" else None


def constant_text(tree: Any) -> str | None:
    """The text that the expression is; None where it is more than that."""
    tokens = list(tree.scan_values(lambda _: True))
    if len(tokens) != 1 or tokens[0].type not in ("STRING_LIT", "MLSTRING_LIT"):
        return None
    try:
        text: object = ast.literal_eval(str(tokens[0]).replace("R", "r", 1) if tokens[0][0] == "R" else str(tokens[0]))
    except (SyntaxError, ValueError):
        return None
    return text if isinstance(text, str) else None


def escaped(name: str) -> str:
    """How CEL spells the field."""
    if name in RESERVED:
        return f"__{name}__"
    spelled = name.replace("__", "__underscores__")
    for escaped, plain in _ESCAPES.items():
        spelled = spelled.replace(plain, escaped) if plain != "__" else spelled
    return spelled
