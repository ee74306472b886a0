"""No fact is typed twice: what the sources under apis/ say, the code imports.

A plain word (`Failed`, `min`, `suggestion`) means something else elsewhere and is not looked for. Two things help with
those: the functions that look for conditions want the printed type, which mypy checks, and so do most others that take
a known value.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from types import ModuleType

import pytest
from house.sources import ROOT, hand_written, nodes

from katib_apis.v1beta1 import defaults, enums, names, resources

# A plain word: one of any spelling that an English sentence or another program could hold as well, or a number.
PLAIN = re.compile(r"[A-Z]?[a-z]*|[A-Z]+|[0-9]+")
# Long enough to be nothing else when it stands within a longer text.
ADDRESS = re.compile(r"(?=.*[/.]).{12,}")
# Texts that are printed for Katib, and typed where they are somebody else's.
FOREIGN = {
    ("bcdfghjklmnpqrstvwxz2456789", "pkg/local/"): "Kubernetes' own alphabet of generated names",
    ("IfNotPresent", "pkg/local/"): "Kubernetes' own pull policy",
    ("IfNotPresent", "pkg/domain/katib_domain/katib_config.py"): "one of the pull policies that Kubernetes has",
    ("/metrics", "pkg/local/katib_local/apiserver/"): "kube-apiserver's own path",
    ("/healthz", "pkg/local/katib_local/apiserver/"): "kube-apiserver's own path",
    ("/readyz", "pkg/local/katib_local/apiserver/"): "kube-apiserver's own path",
    ("katib-config", "pkg/controller/katib_controller/options.py"): "a flag of the command line",
}


def printed_facts() -> Mapping[str | int, str]:
    """Every telling value, with the constant that prints it; of several the first."""
    facts: dict[str | int, str] = {}
    for name, value in _constants():
        port = name.startswith("names.PORT_") and isinstance(value, int)
        if port or (isinstance(value, str) and not PLAIN.fullmatch(value)):
            facts.setdefault(value, name)  # type: ignore[arg-type]
    return facts


def _constants() -> Iterator[tuple[str, object]]:
    for module in (names, defaults):
        yield from ((f"{_last(module)}.{name}", value) for name, value in vars(module).items() if name.isupper())
    for kind in vars(enums).values():
        if isinstance(kind, type) and issubclass(kind, Enum):
            yield from ((f"enums.{kind.__name__}.{member.name}", str(member.value)) for member in kind)
    for name, resource in vars(resources).items():
        if name.isupper():
            yield from ((f"resources.{name}.{part}", getattr(resource, part)) for part in ("group", "api_version"))


def _last(module: ModuleType) -> str:
    return module.__name__.rsplit(".", 1)[1]


FACTS = printed_facts()
WITHIN = re.compile(
    r"(?<![\w.-])(?:"
    + "|".join(sorted((re.escape(fact) for fact in map(str, FACTS) if ADDRESS.fullmatch(fact)), key=len, reverse=True))
    + r")(?![\w-])"
)


def program_names() -> set[str]:
    """Names of distributions and commands: pyproject.toml is their source."""
    projects = [tomllib.loads(path.read_text())["project"] for path in ROOT.glob("pkg/*/pyproject.toml")]
    return {name for project in projects for name in (project["name"], *project.get("scripts", {}))}


def typed_facts(found: Iterable[ast.AST]) -> Iterator[tuple[int, str | int]]:
    """The facts that a module's nodes type, each with its line; docstrings say what they like."""
    found = list(found)
    silent = {id(node.value) for node in found if isinstance(node, ast.Expr)}
    for node in found:
        if not isinstance(node, ast.Constant) or id(node) in silent or isinstance(node.value, bool):
            continue
        if isinstance(node.value, str | int) and node.value in FACTS:
            yield node.lineno, node.value
        elif isinstance(node.value, str):
            yield from ((node.lineno, fact) for fact in WITHIN.findall(node.value))


@pytest.fixture(scope="module")
def typed() -> list[tuple[str, int, str | int]]:
    """Every fact that the product's modules type: where, its line, the fact."""
    return [
        (str(path.relative_to(ROOT)), line, fact)
        for path in hand_written("pkg/*/katib_*.py")
        for line, fact in typed_facts(nodes(path))
    ]


def test_no_fact_of_the_sources_is_typed_by_hand(typed: list[tuple[str, int, str | int]]) -> None:
    own = program_names()
    wrong = [
        f"{place}:{line} types {fact!r}: import {FACTS[fact]}"
        for place, line, fact in typed
        if fact not in own and not any(fact == foreign and place.startswith(where) for foreign, where in FOREIGN)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_nothing_is_excused_that_nobody_types(typed: list[tuple[str, int, str | int]]) -> None:
    unused = [
        (foreign, where)
        for foreign, where in FOREIGN
        if not any(fact == foreign and place.startswith(where) for place, _, fact in typed)
    ]
    assert not unused


TYPED = {
    'is_in(trial, "MetricsUnavailable")': "MetricsUnavailable",
    "serve(port=6789)": 6789,
    'f"KATIB_LISTEN_{port}"': "KATIB_LISTEN_",
    'labels["katib.kubeflow.org/trial"]': "katib.kubeflow.org/trial",
    'say("write to /var/log/katib/metrics.log instead")': "/var/log/katib/metrics.log",
    'get("/apis/kubeflow.org/v1beta1/experiments")': "kubeflow.org/v1beta1",
    'say("the label pbt.katib.kubeflow.org/generation")': None,
    'when == "Failed"': None,
    '"""Of MetricsUnavailable, and of katib.kubeflow.org/trial."""': None,
    "x = 8": None,
}


@pytest.mark.parametrize(("line", "fact"), TYPED.items())
def test_a_typed_fact_is_found_and_a_plain_word_is_not(line: str, fact: str | int | None) -> None:
    assert [found for _, found in typed_facts(ast.walk(ast.parse(line)))] == ([] if fact is None else [fact])
