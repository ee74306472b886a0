"""What comes with a request beside its object: who asks, how strictly, and the options of a deletion or patch. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from katib_local.apiserver.errors import Refusal, bad_request, invalid_options, json_name, shown

PROPAGATION = ("Foreground", "Background", "Orphan")
ORPHANS: Mapping[bool | None, str] = {True: "Orphan", False: "Background"}
"""What `orphanDependents` says, as it was called before."""
VALIDATION = ("", "Ignore", "Strict", "Warn")
DRY_RUN = ("All",)
LONGEST_MANAGER = 128
WHOLE = re.compile(r"[-+]?[0-9]+")
SPAN = re.compile(r"[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+)")


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter is set: everything but false and 0 is a yes, as Python's True is."""
    return name in query and query[name].lower() not in ("false", "0")


def number(query: Mapping[str, str], name: str) -> int | None:
    """A parameter's whole number, None without one; raises a refusal for any other text."""
    text = query.get(name)
    if not text:
        return None
    if not WHOLE.fullmatch(text):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    found = int(text)
    if not -(2**63) <= found < 2**63:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return found


def check_timeout(query: Mapping[str, str]) -> None:
    """Raise a refusal for a time that nobody can wait: Kubernetes' own clients send one with a unit."""
    text = query.get("timeout") or "0"
    if not SPAN.fullmatch(text):
        why = "missing unit in" if WHOLE.fullmatch(text) else "invalid"
        raise bad_request(f'invalid timeout specified in the request URL - time: {why} duration "{text}"')


@dataclass
class Call:
    """Who asks, how strictly, and what they are warned of.

    `named` says that the manager is named by who asks, `owns` that an object's owners are written on it, `patches`
    that it is what a patch has made, `subresource` through which one a part of the whole object is written; `doubled` tells what the body has twice.
    """

    user: str = "system:admin"
    groups: Sequence[str] = ("system:masters",)
    dry_run: bool = False
    field_validation: str = "Warn"
    manager: str = ""
    named: bool = False
    force: bool = False
    owns: bool = False
    patches: bool = False
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)
    doubled: Sequence[str] = ()

    @classmethod
    def from_query(cls, user: tuple[str, Sequence[str]], query: Mapping[str, str], options: str, agent: str) -> Call:
        """The call of a write; `options` names what Kubernetes calls its parameters. Raises a refusal.

        Who writes under no name of his own is known by his agent.
        """
        problems = [*_dry_problems([query["dryRun"]] if "dryRun" in query else [])]
        problems += _unsupported("fieldValidation", query.get("fieldValidation"), VALIDATION)
        manager = query.get("fieldManager", "")
        problems += _manager_problems(manager)
        if problems:
            raise invalid_options(options, problems)
        strictness = query.get("fieldValidation") or "Warn"
        known_by = manager or agent.partition("/")[0][:LONGEST_MANAGER] or "unknown"
        return cls(user[0], user[1], "dryRun" in query, strictness, known_by, bool(manager), flag(query, "force"))


def _dry_problems(wanted: Sequence[Any]) -> list[tuple[str, str]]:
    if all(entry in DRY_RUN for entry in wanted):
        return []
    return [("dryRun", f'Unsupported value: {shown(list(wanted))}: supported values: "All"')]


def _manager_problems(name: str) -> list[tuple[str, str]]:
    if len(name.encode()) > LONGEST_MANAGER:
        return [("fieldManager", f"Too long: may not be more than {LONGEST_MANAGER} bytes")]
    wrong = [(position, sign) for position, sign in enumerate(name) if not sign.isprintable()]
    return [
        ("fieldManager", f"Invalid value: {shown(name)}: invalid character U+{ord(sign):04X} (at position {position})")
        for position, sign in wrong[:1]
    ]


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
            policy = shown(given["propagationPolicy"])
            text = f"Invalid value: {policy}: orphanDependents and deletionPropagation cannot be both set"
            raise invalid_options("DeleteOptions", [("propagationPolicy", text)])
        wanted = given.get("propagationPolicy") or None
        problems = [] if wanted in PROPAGATION else _unsupported("propagationPolicy", wanted, (*PROPAGATION, "nil"))
        problems += _dry_problems(given.get("dryRun") or [])
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


FORMS: Mapping[str, tuple[type, str]] = {
    "gracePeriodSeconds": (int, "int64"),
    "propagationPolicy": (str, "v1.DeletionPropagation"),
    "orphanDependents": (bool, "bool"),
    "preconditions": (dict, "v1.Preconditions"),
    "dryRun": (list, "[]string"),
}
"""What each option of a deletion is, and what a server in Go calls that."""


def _given(body: Any | None, query: Mapping[str, str]) -> Mapping[str, Any]:
    if body is None:
        return _asked(query)
    if not isinstance(body, Mapping) or body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise bad_request("the body of a deletion is a DeleteOptions object, or nothing")
    given = {name: value for name, value in body.items() if value is not None}
    for name, (form, called) in FORMS.items():
        if name in given and type(given[name]) is not form:
            raise _misread(given[name], f"DeleteOptions.{name}", called)
    for name, value in (given.get("preconditions") or {}).items():
        if name in ("uid", "resourceVersion") and not isinstance(value, str | None):
            called = "types.UID" if name == "uid" else "string"
            raise _misread(value, f"Preconditions.preconditions.{name}", called)
    return given


def _misread(value: Any, field: str, called: str) -> Refusal:
    return bad_request(f"json: cannot unmarshal {json_name(value)} into Go struct field {field} of type {called}")


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
