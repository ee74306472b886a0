"""One suite for two Kubernetes: what the laptop does otherwise is a named exception, and there are few."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house.sources import ROOT, nodes

MOST = 15


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
