"""Reads the YAML file that `katib run` is given; every error names file, line, field and cure.

Pure apart from reading the one file. Must not know Kubernetes' answers or processes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.resources import EXPERIMENTS

GROUP_VERSION = EXPERIMENTS.api_version
COMPANIONS = {"ConfigMap", "Secret"}
FIELD = re.compile(r"\b(?:metadata|spec)(?:\.[A-Za-z]\w*|\[\d+\])*")
NAMESPACES = ("default", names.ENV_CORE_NAMESPACE_DEFAULT)


class InputError(Exception):
    """The input cannot be used; the message is one readable line (or one per error)."""


@dataclass(frozen=True)
class ExperimentFile:
    """One Experiment, what it needs beside it (ConfigMaps, Secrets), and where its fields stand."""

    path: str
    experiment: Mapping[str, Any]
    companions: Sequence[Mapping[str, Any]]
    node: yaml.Node

    @property
    def name(self) -> str:
        return str(self.experiment["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.experiment["metadata"]["namespace"])

    def line(self, field: str) -> int:
        """The line of a field such as `spec.parameters[2].name`, or of its nearest parent that is written."""
        return find_line(self.node, field)

    def located(self, message: str) -> str:
        """A message about fields, led by the file and the line of the first field that it names."""
        found = FIELD.search(message)
        return f"{self.path}:{self.line(found.group()) if found else self.node.start_mark.line + 1}: {message}"


def read_experiment_file(path: Path) -> ExperimentFile:
    """Read a file with one Experiment; raises InputError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; name a YAML file with one Experiment") from error
    return parse_experiment_file(str(path), text)


def parse_experiment_file(path: str, text: str) -> ExperimentFile:
    """Parse the text of such a file; raises InputError."""
    documents = _documents(path, text)
    experiments = [pair for pair in documents if pair[0].get("kind") == EXPERIMENTS.kind]
    for document, node in documents:
        _check_kind(path, document, node)
    if len(experiments) != 1:
        found = "no Experiment" if not experiments else f"{len(experiments)} Experiments"
        raise InputError(f"{path}: has {found}; `katib run` takes a file with exactly one")
    experiment, node = experiments[0]
    with_namespace = _with_namespace(path, experiment, node)
    namespace = with_namespace["metadata"]["namespace"]
    companions = [_placed(document, namespace) for document, _ in documents if document.get("kind") != EXPERIMENTS.kind]
    return ExperimentFile(path, with_namespace, companions, node)


def _documents(path: str, text: str) -> list[tuple[dict[str, Any], yaml.Node]]:
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=yaml.SafeLoader) if node is not None]
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.MarkedYAMLError as error:
        raise InputError(_syntax_error(path, error)) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    for document, node in zip(documents, nodes, strict=True):
        if not isinstance(document, dict):
            raise InputError(
                f"{path}:{node.start_mark.line + 1}: is not a Kubernetes object (a mapping with apiVersion and kind)"
            )
    return list(zip(documents, nodes, strict=True))


def _syntax_error(path: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = f":{mark.line + 1}" if mark else ""
    context = f" ({error.context})" if error.context else ""
    return (
        f"{path}{line}: is not YAML: {error.problem or 'cannot be parsed'}{context}; mend this line or the one above it"
    )


def _check_kind(path: str, document: Mapping[str, Any], node: yaml.Node) -> None:
    kind, version = document.get("kind"), document.get("apiVersion")
    line = find_line(node, "kind")
    if kind == EXPERIMENTS.kind and version != GROUP_VERSION:
        line = find_line(node, "apiVersion")
        raise InputError(f"{path}:{line}: apiVersion {version!r} is not served; an Experiment has {GROUP_VERSION}")
    if kind != EXPERIMENTS.kind and kind not in COMPANIONS:
        known = ", ".join([EXPERIMENTS.kind, *sorted(COMPANIONS)])
        said = f"kind {kind!r} is unknown here" if kind else "has no kind"
        raise InputError(f"{path}:{line}: {said}; `katib run` takes {known}")
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        raise InputError(
            f"{path}:{find_line(node, 'metadata')}: metadata.name is missing: give the {kind} a name in quotes or plain text"
        )


def _with_namespace(path: str, experiment: Mapping[str, Any], node: yaml.Node) -> dict[str, Any]:
    namespace = experiment["metadata"].get("namespace", "default")
    if namespace not in NAMESPACES:
        line = find_line(node, "metadata.namespace")
        raise InputError(
            f"{path}:{line}: metadata.namespace {namespace!r} is not ready for trials on this machine; "
            f"use {' or '.join(NAMESPACES)}"
        )
    return _placed(experiment, namespace)


def _placed(document: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    metadata = {**document.get("metadata", {})}
    metadata.setdefault("namespace", namespace)
    return {**document, "metadata": metadata}


def find_line(node: yaml.Node, field: str) -> int:
    """The line (from 1) at which a field is written; for a missing field that of its nearest written parent."""
    line = node.start_mark.line + 1
    for part in re.findall(r"[^.\[\]]+", field):
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            break
    return line
