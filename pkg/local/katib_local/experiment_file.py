"""Reads the YAML file that `katib run` is given; every error names file, line, field and cure.

Pure apart from reading the one file. Must not know Kubernetes' answers or processes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.resources import EXPERIMENTS
from katib_domain.naming import experiment_name_problem
from katib_local.documents import Document, InputError, find_text, is_written, read_documents
from katib_machinery.cures import type_cure

GROUP_VERSION = EXPERIMENTS.api_version
COMPANIONS = {"ConfigMap", "Secret"}
FIELD = re.compile(r"\b(?:metadata|spec)(?:\.[A-Za-z]\w*|\[\d+\])*")
IN_THE_JOB = re.compile(r'spec\.trialTemplate: Invalid value: "(spec\.[\w.\[\]]+)"')
"""What is wrong in a template is told with its place in the template."""
NAMESPACES = ("default", names.ENV_CORE_NAMESPACE_DEFAULT)
CONTAINERS = "trialSpec.spec.template.spec.containers"
"""Where the containers are in the template of a Job."""
LONGEST_PROGRAM = 120
TEXTS = ("labels", "annotations")
"""The mappings of metadata."""


@dataclass(frozen=True)
class ExperimentFile:
    """One Experiment, what it needs beside it (ConfigMaps, Secrets), and where its fields stand."""

    document: Document
    companions: Sequence[Document]

    @property
    def path(self) -> str:
        return self.document.file

    @property
    def experiment(self) -> Mapping[str, Any]:
        value: Mapping[str, Any] = self.document.value
        return value

    @property
    def name(self) -> str:
        return str(self.experiment["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.experiment["metadata"]["namespace"])

    def line(self, field: str) -> int:
        """The line of a field such as `spec.parameters[2].name`, or of its nearest parent that is written."""
        return self.document.line(field)

    def writes(self, field: str) -> bool:
        """Whether the field stands in the file itself."""
        return is_written(self.document.node, field)

    def program(self) -> str:
        """Where the file says what a trial runs, and what that is if the template is a Job."""
        template = self.experiment["spec"].get("trialTemplate") or {}
        primary = template.get("primaryContainerName")
        for index, container in enumerate(_containers(template)):
            if container.get("name") == primary:
                line = self.line(f"spec.trialTemplate.{CONTAINERS}[{index}].command")
                words = [str(word) for part in ("command", "args") for word in container.get(part) or ()]
                runs = textwrap.shorten(" ".join(words), LONGEST_PROGRAM, placeholder=" ...")
                return f"{self.path}:{line}: what a trial runs: {runs} (container {primary}, image {container.get('image')})"
        return f"{self.path}:{self.line('spec.trialTemplate')}: what a trial runs"

    def located(self, message: str) -> str:
        """A message about fields, led by the file and the line of the first field that it names.

        A placeholder that it speaks of is looked for in the whole file: its template may lie in a ConfigMap.
        """
        from katib_domain.trial_template import PLACEHOLDER  # takes long to load

        inner, found = IN_THE_JOB.match(message), FIELD.search(message)
        field = f"spec.trialTemplate.trialSpec.{inner[1]}" if inner else found.group() if found else ""
        in_a_sentence = rf'(?<!"){PLACEHOLDER.pattern}'  # the value that is refused stands in quotes before it
        text = re.sub(in_a_sentence, self._with_line, message)
        return f"{self.path}:{self.line(field)}: {text}"

    def _with_line(self, placeholder: re.Match[str]) -> str:
        nodes = (document.node for document in (self.document, *self.companions))
        line = next((line for node in nodes if (line := find_text(node, placeholder[0])) is not None), None)
        return f"{placeholder[0]} (line {line})" if line else placeholder[0]


def _containers(template: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The containers of a Job's template; none where it is of another kind or lies in a ConfigMap."""
    found: Any = template
    for step in CONTAINERS.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, list) else []


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
    documents = read_documents(path, text)
    for document in documents:
        _check_kind(document)
        _check_metadata(document)
    experiments = [document for document in documents if document.value["kind"] == EXPERIMENTS.kind]
    if len(experiments) != 1:
        found = "no Experiment" if not experiments else f"{len(experiments)} Experiments"
        raise InputError(f"{path}: has {found}; `katib run` takes a file with exactly one")
    _check_experiment(experiments[0])
    namespace = experiments[0].value["metadata"].get("namespace") or NAMESPACES[0]
    companions = [_placed(document, namespace) for document in documents if document is not experiments[0]]
    return ExperimentFile(_placed(experiments[0], namespace), companions)


def _check_kind(document: Document) -> None:
    if not isinstance(document.value, dict):
        raise document.refused("", "is not a Kubernetes object (a mapping with apiVersion and kind)")
    kind, version = document.value.get("kind"), document.value.get("apiVersion")
    if kind == EXPERIMENTS.kind and version != GROUP_VERSION:
        text = f"apiVersion {version!r} is not served; an Experiment has {GROUP_VERSION}"
        raise document.refused("apiVersion", text)
    if not isinstance(kind, str) or kind not in {EXPERIMENTS.kind, *COMPANIONS}:
        known = ", ".join([EXPERIMENTS.kind, *sorted(COMPANIONS)])
        said = f"kind {kind!r} is unknown here" if kind else "has no kind"
        raise document.refused("kind", f"{said}; `katib run` takes {known}")


def _check_metadata(document: Document) -> None:
    """The shape of what this command itself reads; the cluster looks at everything else."""
    kind, metadata = document.value["kind"], document.value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or name is None:
        raise document.refused("metadata", f"metadata.name is missing: give the {kind} a name")
    if not isinstance(name, str):
        raise document.refused("metadata.name", f"metadata.name: {name!r} is no text: {type_cure('string', name)}")
    for field in TEXTS:
        if not isinstance(metadata.get(field) or {}, dict):
            text = f"metadata.{field}: must be a mapping of names to text, such as {{stage: test}}"
            raise document.refused(f"metadata.{field}", text)
        for key, value in (metadata.get(field) or {}).items():
            if not isinstance(value, str):
                text = f"metadata.{field}: {key}: {value!r} is no text: {type_cure('string', value)}"
                raise document.refused(f"metadata.{field}", text)


def _check_experiment(document: Document) -> None:
    metadata = document.value["metadata"]
    if problem := experiment_name_problem(metadata["name"]):
        raise document.refused("metadata.name", f'metadata.name: Invalid value: "{metadata["name"]}": {problem}')
    namespace = metadata.get("namespace") or NAMESPACES[0]
    if namespace not in NAMESPACES:
        text = (
            f"metadata.namespace {namespace!r} is not ready for trials on this machine; use {' or '.join(NAMESPACES)}"
        )
        raise document.refused("metadata.namespace", text)
    if not isinstance(document.value.get("spec"), dict):
        text = "spec: must be a mapping with objective, algorithm, parameters and trialTemplate: write them below it"
        raise document.refused("spec", text)


def _placed(document: Document, namespace: str) -> Document:
    metadata = document.value["metadata"]
    metadata = {**metadata, "namespace": metadata.get("namespace") or namespace}
    return Document(document.file, {**document.value, "metadata": metadata}, document.node)
