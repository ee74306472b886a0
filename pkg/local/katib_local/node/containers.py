"""From a pod's spec to processes: command, arguments, environment, working directory. Pure.

Kubernetes' rules of `$(VAR)`, of env sources and of an image's entrypoint. Must not start or write anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from katib_local.node.downward import DownwardError, field_value, resource_value
from katib_local.node.images import CURE, Image
from katib_local.node.isolation import rewrite_all, rewrite_paths

Json = Mapping[str, Any]
REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.\-][\w.\-]*)\)")


class ContainerError(Exception):
    """A container cannot be started; reason and message go into its status."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Mount:
    """A volume's real place and the path at which the container is to see it."""

    source: str
    target: str
    read_only: bool = False
    volume: str = ""
    """The real place of the whole volume, which the source must not leave."""


@dataclass(frozen=True)
class Process:
    """Everything that is needed to start one container."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    mounts: tuple[Mount, ...] = ()
    root: str = ""
    rewritten: bool = False
    places: Mapping[str, str] = field(default_factory=dict)
    """Paths that are rewritten, where volumes are not mounted."""


@dataclass(frozen=True)
class Surroundings:
    """What a container finds beside its own spec."""

    image: Image
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    isolation: str
    directory: str
    source: Callable[[str, str, str], str | None] = field(default=lambda kind, name, key: None)
    allocatable: Mapping[str, str] = field(default_factory=dict)


def desired_process(pod: Json, container: Json, around: Surroundings) -> Process:
    """The process of a container; raises ContainerError."""
    environment = {**around.environment, **declared(pod, container, around)}
    if "PATH" not in {entry.get("name") for entry in container.get("env") or []}:
        environment["PATH"] = around.environment["PATH"]
    words = _words(container, around.image, environment)
    places = {mount.target: mount.source for mount in around.mounts}
    if around.isolation == "rewrite":
        words_before, words = words, rewrite_all(words, places)
        own = {entry["name"] for entry in container.get("env") or []}
        before = dict(environment)
        environment = {key: rewrite_paths(value, places) if key in own else value for key, value in environment.items()}
        changed = words != words_before or environment != before
        directory = rewrite_paths(str(container.get("workingDir") or around.directory), places)
        return Process(container["name"], tuple(words), environment, directory, rewritten=changed, places=places)
    directory = str(container.get("workingDir") or ("/" if around.image.root else around.directory))
    return Process(container["name"], tuple(words), environment, directory, around.mounts, around.image.root)


def desired_look(container: Json, process: Process, command: Sequence[str]) -> list[str]:
    """The words of a command that looks at a running container: references to plain values of `env` are expanded."""
    plain = {entry["name"] for entry in container.get("env") or [] if "valueFrom" not in entry}
    known = {name: value for name, value in process.environment.items() if name in plain}
    return rewrite_all([expand(word, known) for word in command], process.places)


def _words(container: Json, image: Image, environment: Mapping[str, str]) -> list[str]:
    command = [str(word) for word in container.get("command") or image.command]
    if not command:
        message = (
            f"container {container['name']} has no command, and the entrypoint of image {container.get('image')} is not known "
            f"on this machine: give the container a command, or {CURE}"
        )
        raise ContainerError("CreateContainerError", message)
    words = [*command, *(str(word) for word in container.get("args") or ())]
    return [expand(word, environment) for word in words]


def expand(text: str, environment: Mapping[str, str]) -> str:
    """`$(VAR)` becomes its value, `$$` one dollar; a reference to nothing stays as it is."""

    def replaced(found: re.Match[str]) -> str:
        if found.group() == "$$":
            return "$"
        return environment.get(found[1], found.group())

    return REFERENCE.sub(replaced, text)


def declared(pod: Json, container: Json, around: Surroundings) -> dict[str, str]:
    """The environment that a container's own spec gives it; raises ContainerError."""
    values: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        values |= _from_source(source, around)
    for entry in container.get("env") or []:
        if "valueFrom" in entry:
            found = _value_from(pod, container, entry["valueFrom"], around)
            if found is not None:
                values[entry["name"]] = found
        else:
            values[entry["name"]] = expand(str(entry.get("value") or ""), {**around.environment, **values})
    return values


def _from_source(source: Json, around: Surroundings) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for field_name, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        reference = source.get(field_name)
        if reference:
            keys = around.source(kind, reference["name"], "")
            if keys is None and not reference.get("optional"):
                raise ContainerError("CreateContainerConfigError", f'{kind.lower()} "{reference["name"]}" not found')
            names = (keys or "").split("\0") if keys else []
            return {f"{prefix}{key}": around.source(kind, reference["name"], key) or "" for key in names}
    return {}


def _value_from(pod: Json, container: Json, source: Json, around: Surroundings) -> str | None:
    if "fieldRef" in source:
        return field_value(pod, str(source["fieldRef"].get("fieldPath")))
    if "resourceFieldRef" in source:
        try:
            return resource_value(pod, source["resourceFieldRef"], around.allocatable, container["name"])
        except DownwardError as error:
            raise ContainerError("CreateContainerConfigError", str(error)) from error
    for field_name, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        reference = source.get(field_name)
        if reference:
            found = around.source(kind, reference["name"], reference["key"])
            if found is None and not reference.get("optional"):
                message = f'couldn\'t find key {reference["key"]} in {kind} {reference["name"]}'
                raise ContainerError("CreateContainerConfigError", message)
            return found
    return None


def mount_list(container: Json, places: Mapping[str, str], environment: Mapping[str, str]) -> tuple[Mount, ...]:
    """The mounts of a container; `places` are the volumes' real directories. Raises ContainerError."""
    mounts = []
    for entry in container.get("volumeMounts") or []:
        if entry["name"] not in places:
            raise ContainerError(
                "CreateContainerConfigError",
                f"volume {entry['name']!r} of container {container['name']} is not in the pod",
            )
        volume, below = places[entry["name"]], _below(entry, environment)
        source = f"{volume}/{below}" if below else volume
        mounts.append(Mount(source, entry["mountPath"], bool(entry.get("readOnly")), volume))
    return tuple(mounts)


def _below(mount: Json, environment: Mapping[str, str]) -> str:
    """What of a volume is mounted: a path that stays in it."""
    written = str(mount.get("subPathExpr") or "")
    missing = [found[1] for found in REFERENCE.finditer(written) if found[1] and found[1] not in environment]
    below = expand(written, environment) if written else str(mount.get("subPath") or "")
    problem = ""
    if missing:
        problem = f"{written!r} names {missing[0]}, which is not in the container's env: add it there"
    elif below.startswith("/") or ".." in below.split("/"):
        problem = f"{below!r} leaves its volume: name a path inside it, relative and without '..'"
    if problem:
        field_name = "subPathExpr" if written else "subPath"
        message = f"{field_name} of the volume mount {mount['name']!r}: {problem}"
        raise ContainerError("CreateContainerConfigError", message)
    return below


def gpu_request(container: Json) -> int:
    """How many GPUs a container asks for."""
    resources = container.get("resources") or {}
    asked = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    return int(asked.get("nvidia.com/gpu") or 0)


def gpu_count(pod: Json) -> int:
    """How many GPUs a pod asks for in all."""
    return sum(gpu_request(container) for container in (pod.get("spec") or {}).get("containers") or [])
