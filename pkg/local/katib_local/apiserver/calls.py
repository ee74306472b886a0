"""What comes with a request beside its object: who asks, how strictly, and the options of a deletion or patch. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from katib_local.apiserver.errors import bad_request, invalid_options

PROPAGATION = ("Foreground", "Background", "Orphan")
ORPHANS: Mapping[bool | None, str] = {True: "Orphan", False: "Background"}
"""What `orphanDependents` says, as it was called before."""
VALIDATION = ("", "Ignore", "Strict", "Warn")
DRY_RUN = ("All",)
LONGEST_MANAGER = 128


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter is set: everything but false and 0 is a yes, as Python's True is."""
    return name in query and query[name].lower() not in ("false", "0")


def number(query: Mapping[str, str], name: str) -> int | None:
    """A parameter's whole number, None without one; raises a refusal for any other text."""
    text = query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise bad_request(f"{name}: {text!r} is no whole number") from error


@dataclass
class Call:
    """Who asks, how strictly, and what they are warned of.

    `named` says that the manager is named by who asks, `owns` that an object's owners are written on it, `subresource`
    through which one a part of the whole object is written; `doubled` tells what the body has twice.
    """

    user: str = "system:admin"
    groups: Sequence[str] = ("system:masters",)
    dry_run: bool = False
    field_validation: str = "Warn"
    manager: str = ""
    named: bool = False
    force: bool = False
    owns: bool = False
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)
    doubled: Sequence[str] = ()

    @classmethod
    def from_query(cls, user: tuple[str, Sequence[str]], query: Mapping[str, str], options: str, agent: str) -> Call:
        """The call of a write; `options` names what Kubernetes calls its parameters. Raises a refusal.

        Who writes under no name of his own is known by his agent.
        """
        problems = [*_unsupported("dryRun", query.get("dryRun"), DRY_RUN)]
        problems += _unsupported("fieldValidation", query.get("fieldValidation"), VALIDATION)
        manager = query.get("fieldManager", "")
        if len(manager) > LONGEST_MANAGER or not manager.isprintable():
            problems.append(("fieldManager", f"Invalid value: must be printable, at most {LONGEST_MANAGER} characters"))
        if problems:
            raise invalid_options(options, problems)
        strictness = query.get("fieldValidation") or "Warn"
        known_by = manager or agent.partition("/")[0][:LONGEST_MANAGER] or "unknown"
        return cls(user[0], user[1], "dryRun" in query, strictness, known_by, bool(manager), flag(query, "force"))


def check_apply(query: Mapping[str, str], *, applies: bool) -> None:
    """Who applies says who he is; nobody else can use force. Raises a refusal."""
    if applies and not query.get("fieldManager"):
        raise invalid_options("PatchOptions", [("fieldManager", "Required value: is required for apply patch")])
    if not applies and "force" in query:
        raise invalid_options("PatchOptions", [("force", "Forbidden: may not be specified for non-apply patch")])


@dataclass(frozen=True)
class DeleteOptions:
    """How an object is to be deleted."""

    grace_seconds: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False

    @classmethod
    def parse(cls, body: Any | None, query: Mapping[str, str]) -> DeleteOptions:
        """The options of a body, or of the query where there is no body; raises a refusal for any other."""
        given = _given(body, query)
        preconditions = given.get("preconditions") or {}
        if given.get("orphanDependents") is not None and given.get("propagationPolicy"):
            text = "Invalid value: orphanDependents and propagationPolicy cannot be both set"
            raise invalid_options("DeleteOptions", [("propagationPolicy", text)])
        problems = [*_unsupported("propagationPolicy", given.get("propagationPolicy") or None, PROPAGATION)]
        for dry in given.get("dryRun") or []:
            problems += _unsupported("dryRun", dry, DRY_RUN)
        if problems:
            raise invalid_options("DeleteOptions", problems)
        grace = given.get("gracePeriodSeconds")
        return cls(
            1 if grace is not None and grace < 0 else grace,
            given.get("propagationPolicy") or ORPHANS.get(given.get("orphanDependents"), ""),
            preconditions.get("uid") or "",
            preconditions.get("resourceVersion") or "",
            bool(given.get("dryRun")),
        )


FORMS: Mapping[str, type] = {
    "gracePeriodSeconds": int,
    "propagationPolicy": str,
    "orphanDependents": bool,
    "preconditions": dict,
    "dryRun": list,
}


def _given(body: Any | None, query: Mapping[str, str]) -> Mapping[str, Any]:
    if body is None:
        return _asked(query)
    if not isinstance(body, Mapping) or body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise bad_request("the body of a deletion is a DeleteOptions object, or nothing")
    given = {name: value for name, value in body.items() if value is not None}
    for name, form in FORMS.items():
        if name in given and type(given[name]) is not form:
            raise bad_request(f"DeleteOptions.{name}: cannot read {given[name]!r} as {form.__name__}")
    return given


def _asked(query: Mapping[str, str]) -> Mapping[str, Any]:
    told: dict[str, Any] = {name: query[name] for name in ("propagationPolicy",) if name in query}
    if (grace := number(query, "gracePeriodSeconds")) is not None:
        told["gracePeriodSeconds"] = grace
    if "orphanDependents" in query:
        told["orphanDependents"] = flag(query, "orphanDependents")
    if "dryRun" in query:
        told["dryRun"] = [query["dryRun"]]
    return told


def _unsupported(name: str, value: Any, supported: Sequence[str]) -> list[tuple[str, str]]:
    if value is None or value in supported:
        return []
    listed = ", ".join(f'"{word}"' for word in supported)
    return [(name, f'Unsupported value: "{value}": supported values: {listed}')]


@dataclass(frozen=True)
class PatchBody:
    """A patch and its media type."""

    body: Any
    content: str
