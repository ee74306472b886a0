"""Refusals: what Kubernetes says when it does not do what was asked. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]
EXPIRED = 410


class UnknownPath(Exception):
    """A path that no API has; the answer is no Status."""


class Refusal(Exception):
    """An answer that is a Status of failure. Without `details` it has none; an empty `reason` is left out."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> Json:
        """The Status object that clients decode."""
        status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        return {**status, "code": self.code}


def _details(kind: Kind, name: str, **more: Any) -> Json:
    group = {"group": kind.group} if kind.group else {}
    return {**({"name": name} if name else {}), **group, "kind": kind.plural, **more}


class Gone(Refusal):
    """There is no such object, or none any more."""


def not_found(kind: Kind, name: str) -> Refusal:
    return Gone(404, "NotFound", f'{kind.qualified} "{name}" not found', _details(kind, name))


def already_exists(kind: Kind, name: str, *, leaving: bool = False, generated: bool = False) -> Refusal:
    """`leaving` says that the object is being deleted: the name may be free soon; `generated`, that it was to be unique."""
    message = f'{"object is being deleted: " if leaving else ""}{kind.qualified} "{name}" already exists'
    if not generated:
        return Refusal(409, "AlreadyExists", message, _details(kind, name))
    message = f"{message}, the server was not able to generate a unique name for the object"
    return Refusal(409, "AlreadyExists", message, _details(kind, name, retryAfterSeconds=1))


def conflict(kind: Kind, name: str, why: str = "") -> Refusal:
    cause = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {cause}'
    return Refusal(409, "Conflict", message, _details(kind, name))


def unmet(kind: Kind, name: str, field: str, asked: str, held: str) -> Refusal:
    """Of a deletion that was meant for an object of another uid or version."""
    what = "deleted and then recreated" if field == "UID" else "modified"
    cause = f"the {field} in the precondition ({asked}) does not match the {field} in record ({held})"
    title = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    message = f'Operation cannot be fulfilled on {title} "{name}": {cause}. The object might have been {what}'
    return Refusal(409, "Conflict", message, {**_details(kind, name), "kind": kind.kind})


def outdated_binding(kind: Kind, name: str, uid: str) -> Refusal:
    """Of a token that was asked for an object of that name and another uid."""
    cause = (
        f"the UID in the bound object reference ({uid}) does not match the UID in record. "
        "The object might have been deleted and then recreated"
    )
    message = f'Operation cannot be fulfilled on {kind.kind} "{name}": {cause}'
    return Refusal(409, "Conflict", message, {"name": name, "kind": kind.kind})


def unbindable(name: str, why: str) -> Refusal:
    """Of a pod that gets no node."""
    kind = "pods/binding"
    message = f'Operation cannot be fulfilled on {kind} "{name}": pod {name} {why}'
    return Refusal(409, "Conflict", message, {"name": name, "kind": kind})


def unversioned(kind: Kind, name: str) -> Refusal:
    """Of a change to a kind whose writers say what they have seen."""
    causes = [("metadata.resourceVersion", "Invalid value: 0: must be specified for an update")]
    return _invalid(kind.group, kind.plural, name, causes)


def no_whole_number(text: str) -> Refusal:
    """Of an object's resourceVersion, which Kubernetes calls its own fault."""
    return Refusal(500, "", f'strconv.ParseUint: parsing "{text}": invalid syntax')


def unnamed(name: str) -> Refusal:
    """Of a change that does not say what object it is meant for."""
    return bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")


def invalid(kind: Kind, name: str, causes: Sequence[tuple[str, str]]) -> Refusal:
    """`causes` are pairs of field and text, such as ("spec.a", 'Required value')."""
    return _invalid(kind.group, kind.kind, name, causes)


def invalid_options(options: str, causes: Sequence[tuple[str, str]]) -> Refusal:
    """Parameters of a request that cannot be obeyed; `options` is their kind, such as DeleteOptions."""
    return _invalid("meta.k8s.io", options, "", causes)


def invalid_log_options(pod: str, causes: Sequence[tuple[str, str]]) -> Refusal:
    return _invalid("", "PodLogOptions", pod, causes)


def invalid_review(group: str, causes: Sequence[tuple[str, str]]) -> Refusal:
    """Of a question about somebody's rights: Kubernetes does not name its kind."""
    return _invalid(group, "", "", causes)


def _invalid(group: str, kind: str, name: str, causes: Sequence[tuple[str, str]]) -> Refusal:
    texts = [f"{field}: {text}" for field, text in causes]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    title = f"{kind}.{group}" if group else kind
    entries = [{"reason": cause_of(text), "message": text, "field": field} for field, text in causes]
    named = {
        **({"name": name} if name else {}),
        **({"group": group} if group else {}),
        **({"kind": kind} if kind else {}),
    }
    return Refusal(422, "Invalid", f'{title} "{name}" is invalid: {joined}', {**named, "causes": entries})


def unsupported(field: str, value: Any, supported: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The cause, if there is one, of a word that is none of those that a field may have."""
    if value is not None and value not in supported:
        listed = ", ".join(f'"{word}"' for word in supported)
        yield field, f'Unsupported value: "{value}": supported values: {listed}'


def shown(value: Any) -> str:
    """A value as it stands in the text of a cause."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


CAUSES = {
    "Duplicate value": "FieldValueDuplicate",
    "Forbidden": "FieldValueForbidden",
    "Not found": "FieldValueNotFound",
    "Required value": "FieldValueRequired",
    "Too long": "FieldValueTooLong",
    "Too many": "FieldValueTooMany",
    "Unsupported value": "FieldValueNotSupported",
}


def cause_of(text: str) -> str:
    """The reason of what is wrong with a field, by how its text begins."""
    if " in body must be of type " in text:
        return "FieldValueTypeInvalid"
    return CAUSES.get(text.partition(":")[0], "FieldValueInvalid")


class Undecodable(Refusal):
    """An object whose form its kind does not know."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "BadRequest", message)

    @property
    def why(self) -> str:
        """What is wrong with the form, without what has it."""
        return self.message.partition("cannot be handled as a ")[2].partition(": ")[2] or self.message

    def of_patch(self, change: Any) -> Refusal:
        """The same of what a patch would make of an object: that the caller did not write."""
        return _invalid("", "", "", [("patch", f"Invalid value: {shown(as_in_go(change))}: {self.why}")])


def json_name(value: Any) -> str:
    """What JSON calls a value of this type."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def as_in_go(value: Any) -> str:
    """A value as a server in Go prints it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case dict():
            return f"map[{' '.join(f'{key}:{as_in_go(value[key])}' for key in sorted(value))}]"
        case list():
            return f"[{' '.join(map(as_in_go, value))}]"
        case _:
            return str(value)


class Unparsable(Refusal):
    """A body that is neither JSON nor YAML."""

    def __init__(self, why: object) -> None:
        super().__init__(400, "BadRequest", f"error decoding the body of the request: {why}")


def bad_request(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def terminating(kind: Kind, name: str, namespace: str) -> Refusal:
    """Of what is to be created in a namespace that is being deleted."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    text = f"namespace {namespace} is being terminated"
    cause = {"reason": "NamespaceTerminating", "message": text, "field": "metadata.namespace"}
    message = f'{kind.qualified} "{name}" is forbidden: {why}'
    return Refusal(403, "Forbidden", message, _details(kind, name, causes=[cause]))


def forbidden(kind: Kind, name: str, why: str) -> Refusal:
    return Refusal(403, "Forbidden", f'{kind.qualified} "{name}" is forbidden: {why}', _details(kind, name))


def unauthorized() -> Refusal:
    return Refusal(401, "Unauthorized", "Unauthorized")


def no_other_user(header: str) -> Refusal:
    """Of who asks in somebody else's name: that would be answered as if it were his own."""
    why = "nobody else can be asked for: there is one user here, who may do everything (leave out --as and its like)"
    return Refusal(403, "Forbidden", f"{header} is forbidden: {why}", {})


def method_not_allowed() -> Refusal:
    return Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def no_such_page() -> Refusal:
    """Of an API that is served: no such version, resource or subresource."""
    return Refusal(404, "NotFound", "the server could not find the requested resource", {})


def internal(why: str) -> Refusal:
    """What went wrong beside what was asked."""
    return Refusal(500, "InternalError", f"Internal error occurred: {why}", {"causes": [{"message": why}]})


class Expired(Refusal):
    """A version that nobody remembers; `token` goes on with a list at the newest one."""

    def __init__(self, message: str, token: str = "") -> None:
        super().__init__(EXPIRED, "Expired", message)
        self.token = token

    def status(self) -> Json:
        status = super().status()
        return {**status, "metadata": {"continue": self.token}} if self.token else status


def too_large_body(limit: int) -> Refusal:
    return Refusal(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def no_version(text: str, *, watch: bool) -> Refusal:
    """A resourceVersion that is no number: Kubernetes calls it the caller's fault in a list, and its own in a watch."""
    cause = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    return Refusal(500, "", cause) if watch else bad_request(f"invalid resource version: {cause}")


def too_large_version(asked: int, current: int) -> Refusal:
    """A version that this server has not reached: of a state that was lost, or of another server."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return Refusal(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def not_acceptable(forms: Sequence[str]) -> Refusal:
    message = f"only the following media types are accepted: {', '.join(forms)}"
    return Refusal(406, "NotAcceptable", message)


def unsupported_media(wanted: str) -> Refusal:
    message = f"the body of the request was in an unknown format - accepted media types include: {wanted}"
    return Refusal(415, "UnsupportedMediaType", message)
