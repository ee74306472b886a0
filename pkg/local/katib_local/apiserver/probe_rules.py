"""What probes and hooks of containers may not say. Pure. Yields pairs of field and text; forms are known to be right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.port_rules import port_or_name_problems, port_problems

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
SCHEMES = ("HTTP", "HTTPS")
HEADER = re.compile(r"[-A-Za-z0-9]+")
HEADER_WORDS = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is "
    f"'{HEADER.pattern}')"
)


def check_problems(container: Json, place: str) -> Problems:
    """What is wrong with the probes and hooks of a container."""
    for name in PROBES:
        if container.get(name) is not None:
            yield from _probe(container[name], name, f"{place}.{name}")
    for name, hook in sorted((container.get("lifecycle") or {}).items()):
        if isinstance(hook, Mapping):
            yield from _handled(hook, f"{place}.lifecycle.{name}")


def init_problems(container: Json, place: str) -> Problems:
    """What only a container may have that goes on: an init container without restarts ends before it would be asked."""
    if container.get("restartPolicy") == "Always":
        return
    for name in ("lifecycle", *PROBES):
        if container.get(name) is not None:
            text = "may not be set for init containers without restartPolicy=Always"
            yield f"{place}.{name}", f"Forbidden: {text}"


def _probe(probe: Json, kind: str, path: str) -> Problems:
    yield from _handled(probe, path)
    for name in COUNTS:
        if (probe.get(name) or 0) < 0:
            yield f"{path}.{name}", f"Invalid value: {probe[name]}: must be greater than or equal to 0"
    grace, successes = probe.get("terminationGracePeriodSeconds"), probe.get("successThreshold")
    if kind == "readinessProbe":
        if grace is not None:
            text = "must not be set for readinessProbes"
            yield f"{path}.terminationGracePeriodSeconds", f"Invalid value: {grace}: {text}"
        return
    if successes not in (None, 0, 1):
        yield f"{path}.successThreshold", f"Invalid value: {successes}: must be 1"
    if grace is not None and grace <= 0:
        yield f"{path}.terminationGracePeriodSeconds", f"Invalid value: {grace}: must be greater than 0"


def _handled(held: Json, path: str) -> Problems:
    """What is done to find out, or as a hook: one thing."""
    found = [name for name in HANDLERS if held.get(name) is not None]
    if not found:
        yield path, "Required value: must specify a handler type"
        return
    for name in found[1:]:
        yield f"{path}.{name}", "Forbidden: may not specify more than 1 handler type"
    name = found[0]
    yield from _handler(name, held[name], f"{path}.{name}")


def _handler(name: str, handler: Json, path: str) -> Problems:
    match name:
        case "exec" if not handler.get("command"):
            yield f"{path}.command", "Required value"
        case "httpGet":
            yield from port_or_name_problems(f"{path}.port", handler.get("port"))
            yield from unsupported(f"{path}.scheme", handler.get("scheme"), SCHEMES)
            for header in handler.get("httpHeaders") or []:
                if not HEADER.fullmatch(header.get("name") or ""):
                    text = f"Invalid value: {shown(header.get('name') or '')}: {HEADER_WORDS}"
                    yield f"{path}.httpHeaders", text
        case "tcpSocket":
            yield from port_or_name_problems(f"{path}.port", handler.get("port"))
        case "grpc":
            yield from port_problems(f"{path}.port", handler.get("port"))
