"""One suite for two Kubernetes: what the laptop does otherwise is a named exception, and there are few."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TypeGuard

import pytest
from house.sources import ROOT, nodes

MOST = 15
SUITES = ("tests/contracts/kubernetes", "tests/e2e")
KINDS = {"server_kind", "LaptopServer", "RealServer"}
CODES = {"code", "status_code"}


def exceptions() -> Iterator[tuple[str, dict[str, object]]]:
    """Each call of laptop_differs: where it is, and its words."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        words = {
            target.id: node.value.value
            for node in nodes(path)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in nodes(path):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "laptop_differs":
                given = {word.arg or "": _constant(word.value, words) for word in node.keywords}
                yield f"{path.relative_to(ROOT)}:{node.lineno}", given


def _constant(node: ast.expr, words: dict[str, object]) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    return words.get(node.id) if isinstance(node, ast.Name) else None


def topics() -> set[str]:
    """The first column of the table of what is less than a cluster."""
    lines = (ROOT / "docs/laptop.md").read_text().splitlines()
    return {line.split("|")[1].strip() for line in lines if line.startswith("| ")}


def test_there_are_few_exceptions_to_one_suite_for_two_kubernetes() -> None:
    assert len(list(exceptions())) <= MOST, "mend the laptop's server instead"


def test_each_exception_says_why_and_users_can_read_it() -> None:
    silent = [place for place, given in exceptions() if not isinstance(given.get("why"), str) or not given["why"]]
    assert not silent, "say why, as a text"
    untold = [f"{place}: {given.get('row')!r}" for place, given in exceptions() if given.get("row") not in topics()]
    assert not untold, "add a row with this topic to docs/laptop.md"


def hidden(tree: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Where a case treats one server otherwise without saying so, or takes more than one code; and what to do."""
    for node in tree:
        if _asks_who_serves(node):
            yield node.lineno, "use laptop_differs, not the server's kind or class"
        elif _takes_many_codes(node):
            yield node.lineno, "assert the one code that a real server answers with"


def _asks_who_serves(node: ast.AST) -> TypeGuard[ast.expr]:
    match node:
        case ast.arg(arg="server_kind") | ast.Name(id="server_kind") | ast.Constant(value="server_kind"):
            return True
        case ast.Attribute(value=ast.Name(id="kind"), attr="kind"):
            return False  # a kind of objects by its name
        case ast.Attribute(attr="kind") | ast.Call(
            func=ast.Name(id="getattr"), args=[_, ast.Constant(value="kind"), *_]
        ):
            return True
        case ast.Call(func=ast.Name(id="isinstance" | "type")):
            return bool(KINDS & _names(node))
    return False


def _takes_many_codes(node: ast.AST) -> TypeGuard[ast.expr | ast.stmt]:
    match node:
        case ast.Compare(ops=ops):
            return _has_code(node) and any(not isinstance(op, ast.Eq | ast.NotEq) for op in ops)
        case ast.BoolOp(op=ast.Or(), values=values):
            return sum(map(_has_code, values)) > 1
        case ast.Assert(test=test):
            return _has_code(test) and any(isinstance(part, ast.NotEq) for part in ast.walk(test))
        case ast.BinOp(op=ast.FloorDiv(), left=left):
            return _has_code(left)
    return False


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _has_code(node: ast.AST) -> bool:
    """Whether the code of an answer is looked at, as an attribute, a name or an entry of a Status."""
    for part in ast.walk(node):
        match part:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Subscript(slice=ast.Constant(value=name)):
                if name in CODES:
                    return True
    return False


HIDING = (
    "assert answer.code in (400, 422)",
    "assert answer.code in REFUSED",
    "assert answer.body['code'] not in {200, 201}",
    "assert answer.code >= 400",
    "assert answer.code != 200",
    "assert answer.code // 100 == 4",
    "assert answer.code == 400 or answer.code == 422",
    "def test_a(server_kind): ...",
    "request.getfixturevalue('server_kind')",
    "code = 400 if server.kind == 'laptop' else 500",
    "code = {'laptop': 400, 'real': 500}[server.kind]",
    "getattr(server, 'kind')",
    "isinstance(restartable, LaptopServer)",
)


@pytest.mark.parametrize("text", HIDING)
def test_a_hidden_difference_is_found(text: str) -> None:
    assert list(hidden(ast.walk(ast.parse(text))))


@pytest.mark.parametrize("text", ["assert answer.code == 422", "while server.call().code != 200: ..."])
def test_one_code_is_no_hidden_difference(text: str) -> None:
    assert not list(hidden(ast.walk(ast.parse(text))))


def test_no_case_hides_what_the_laptop_does_otherwise() -> None:
    files = [path for suite in SUITES for path in sorted((ROOT / suite).glob("test_*.py"))]
    found = [f"{path.relative_to(ROOT)}:{line}: {cure}" for path in files for line, cure in hidden(nodes(path))]
    assert not found, "\n".join(found)
