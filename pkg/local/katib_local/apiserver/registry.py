"""What a request does to an object: create, read, change, delete, by Kubernetes' rules.

Knows the store, the kinds and admission. Must not know HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from katib_local.apiserver import builtins, patch
from katib_local.apiserver.accounts import check_account, furnish
from katib_local.apiserver.admission import Admission, Request
from katib_local.apiserver.applying import Applied, apply_configuration, record_creation, record_update
from katib_local.apiserver.bodies import check_depth, strict_text
from katib_local.apiserver.calls import Call, DeleteOptions, PatchBody
from katib_local.apiserver.changes import (
    check_name,
    check_target,
    counted,
    fixed,
    merged,
    other_uid,
    spec_of,
    version_in,
    version_of,
)
from katib_local.apiserver.declared import read_configuration
from katib_local.apiserver.decoding import read_object
from katib_local.apiserver.definitions import definition_warnings, is_established, observed_status
from katib_local.apiserver.errors import (
    Refusal,
    Undecodable,
    already_exists,
    bad_request,
    cause_of,
    conflict,
    forbidden,
    invalid,
    not_found,
    terminating,
    unmet,
    unnamed,
)
from katib_local.apiserver.immutable import validate_change
from katib_local.apiserver.kinds import CRDS, NAMESPACES, SERVICE_ACCOUNTS, Catalog, Kind, kinds_of
from katib_local.apiserver.kubernetes_types import type_of
from katib_local.apiserver.metadata import born, finalizer_warnings, placed, typed, validate_metadata
from katib_local.apiserver.owners import with_each_owner_once
from katib_local.apiserver.removal import marked, may_go, unsaid
from katib_local.apiserver.rules import breaches
from katib_local.apiserver.schema import fill_defaults, prune
from katib_local.apiserver.standing import ACCOUNT, admit
from katib_local.apiserver.status_rules import status_problems
from katib_local.apiserver.store import Key, Store
from katib_local.apiserver.strategic import strategic_merge_patch
from katib_local.apiserver.validation import validate_builtin
from katib_local.apiserver.values import ABSENT, NOWHERE, value_errors
from katib_machinery.scalars import format_time

Json = dict[str, Any]
LASTING_NAMESPACES = ("default", "kube-system", "kube-public")


class Registry:
    """All operations on objects. Objects that are returned belong to the store: they are not to be changed."""

    def __init__(self, store: Store, catalog: Catalog, admission: Admission, now: Callable[[], datetime]) -> None:
        self.store = store
        self.catalog = catalog
        self.admission = admission
        self._now = now

    def timestamp(self) -> str:
        return format_time(self._now())

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """The stored object; raises a refusal when there is none."""
        found = self.store.get(kind.qualified, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    async def create(self, kind: Kind, namespace: str, document: Json, call: Call) -> Json:
        """Create an object; returns it as it is stored.

        Mutating webhooks come before its name and uid, and may name it.
        """
        document = placed(kind, namespace, with_each_owner_once(self._shaped(kind, typed(kind, document), call), call))
        self._check_namespace(kind, namespace, document["metadata"].get("name") or "")
        document = builtins.default_builtin(kind, document)
        if not call.owns:
            document = record_creation(kind, document, call, self.timestamp())
        document = admit(kind, document)
        check_account(self.store, kind, document)
        document = await self._mutated("CREATE", kind, document, None, call)
        document = placed(kind, namespace, document)
        document = born(kind, document, self.timestamp(), lambda name: self._held(kind, namespace, name) is not None)
        document = builtins.begin(kind, builtins.default_builtin(kind, document))
        if kind.custom and kind.has("status"):
            document = {key: value for key, value in document.items() if key != "status"}
        await self._check("CREATE", kind, document, None, call)
        self._check_free(kind, namespace, document["metadata"])
        if call.dry_run:
            return document
        stored = self._stored(kind, document)
        if kind == NAMESPACES:
            furnish(self.store, stored["metadata"]["name"], self.timestamp())
        return stored

    def _held(self, kind: Kind, namespace: str, name: str) -> Json | None:
        return self.store.get(kind.qualified, namespace, name)

    def _check_free(self, kind: Kind, namespace: str, metadata: Json) -> None:
        held = self._held(kind, namespace, metadata["name"])
        if held is not None:
            leaving, generated = "deletionTimestamp" in held["metadata"], bool(metadata.get("generateName"))
            raise already_exists(kind, metadata["name"], leaving=leaving, generated=generated)

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self.store.get(NAMESPACES.qualified, "", namespace)
        if found is None:
            raise not_found(NAMESPACES, namespace)
        if found["metadata"].get("deletionTimestamp"):
            raise terminating(kind, name, namespace)

    async def _admitted(
        self, operation: str, kind: Kind, document: Json, old: Json, call: Call, subresource: str = ""
    ) -> Json:
        """The object after schema and admission, in Kubernetes' order: schema, mutation, schema, validation."""
        document = await self._mutated(operation, kind, document, old, call, subresource)
        document = counted(document, old)
        await self._check(operation, kind, document, old, call, subresource)
        return document

    async def _mutated(
        self, operation: str, kind: Kind, document: Json, old: Json | None, call: Call, subresource: str = ""
    ) -> Json:
        """The object as mutating webhooks leave it."""
        request = self._request(operation, kind, document, old, call, subresource)
        mutated = await self.admission.mutate(request, call.warnings)
        if mutated is None or mutated == document:
            return document
        return builtins.default_builtin(
            kind, with_each_owner_once(self._shaped(kind, mutated, call), call, mutated=True)
        )

    async def _check(
        self, operation: str, kind: Kind, document: Json, old: Json | None, call: Call, subresource: str = ""
    ) -> None:
        """Raise a refusal for an object that cannot be, or that a validating webhook denies."""
        errors = list(dict.fromkeys(validate_object(kind, document, old, subresource)))
        if kind.custom:
            errors += _broken_rules(kind, document, old, call, [cause_of(text) for _, text in errors])
        if errors:
            raise invalid(kind, document["metadata"]["name"], errors)
        if old is None:
            check_account(self.store, kind, document)  # a webhook may have given it another
        if kind == CRDS:
            call.warnings += definition_warnings(document)
        if kind.custom:
            call.warnings += finalizer_warnings(document["metadata"], old and old["metadata"])
        await self.admission.validate(
            self._request(operation, kind, document, old, call, subresource), document, call.warnings
        )

    def _shaped(self, kind: Kind, document: Json, call: Call) -> Json:
        """The object as its type or schema has it; what neither knows is left out, warned of or refused."""
        document, unknown = read_object(kind, document)
        if kind.custom and not kind.shape.takes(document):
            document, pruned = prune(document, kind.schema or {})
            document, unknown = fill_defaults(document, kind.schema or {}), [*unknown, *pruned]
        told = [*call.doubled, *(f'unknown field "{path}"' for path in unknown)]
        if told and call.field_validation == "Strict":
            said = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
            raise Undecodable(f"{said}: strict decoding error: {strict_text(told)}")
        if call.field_validation == "Warn":
            call.warnings += [text for text in told if text not in call.warnings]
        return document

    def _request(
        self, operation: str, kind: Kind, document: Json | None, old: Json | None, call: Call, subresource: str = ""
    ) -> Request:
        metadata = ((document or old) or {})["metadata"]
        namespace = metadata.get("namespace", "")
        held = self.store.get(NAMESPACES.qualified, "", namespace) if namespace else None
        labels = (held["metadata"].get("labels") if held else None) or {}
        return Request(
            operation,
            kind,
            namespace,
            metadata.get("name", ""),
            call.user,
            call.groups,
            document,
            old,
            subresource,
            call.dry_run,
            labels,
        )

    def _stored(self, kind: Kind, document: Json) -> Json:
        if kind == CRDS:
            list(kinds_of(document))  # what cannot be served is not stored either
        stored = self.store.write(self.key(kind, document), document)
        if kind == CRDS:
            self.define(stored)
        return stored

    def key(self, kind: Kind, document: Mapping[str, Any]) -> Key:
        metadata = document["metadata"]
        return (kind.qualified, metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])

    def define(self, crd: Json) -> None:
        """Serve a CustomResourceDefinition's kinds, and say so in its status."""
        status = observed_status(crd, self.store.all(CRDS.qualified), self.timestamp())
        if status != crd.get("status"):
            crd = self.store.write((CRDS.qualified, "", crd["metadata"]["name"]), {**crd, "status": status})
        if is_established(crd):
            self.catalog.define(crd)

    async def update(self, kind: Kind, document: Json, old: Json, call: Call, subresource: str = "") -> Json:
        """Replace an object, or one subresource of it; `old` is what the caller has seen. Returns what is stored."""
        document = with_each_owner_once(self._shaped(kind, typed(kind, document), call), call, mutated=call.patches)
        name = old["metadata"]["name"]
        check_target(kind, document, old)
        changed = builtins.default_builtin(kind, merged(kind, document, old, subresource))
        if not kind.custom and spec_of(changed) != spec_of(old):
            old = read_object(kind, dict(old))[0]  # an earlier version may have stored it in other forms
        if changed == old:
            return old
        if not call.owns:
            changed = record_update(kind, changed, old, call, subresource, self.timestamp())
        changed = await self._admitted("UPDATE", kind, changed, old, call, subresource)
        if self.key(kind, changed) != self.key(kind, old):
            text = f'Invalid value: "{changed["metadata"]["name"]}": field is immutable'
            raise invalid(kind, name, [("metadata.name", text)])
        if call.dry_run or changed == old:
            return changed
        current = self.store.get(*self.key(kind, old))
        if current is None:
            raise not_found(kind, name)
        if version_of(current) != version_of(old):
            raise conflict(kind, name)
        if current["metadata"].get("deletionTimestamp") and may_go(changed):
            self.remove(kind, changed)
            return changed
        return self._stored(kind, changed)

    async def patch(
        self, kind: Kind, key: tuple[str, str], change: PatchBody, call: Call, subresource: str = ""
    ) -> Json:
        """Patch an object; tries again when somebody else has changed it in between, unless the patch names a version."""
        namespace, name = key
        call = replace(call, patches=True)
        while True:
            old = self.get(kind, namespace, name)
            document = self._patched(kind, old, change)
            try:
                return await self.update(kind, document, old, call, subresource)
            except Undecodable as refusal:
                raise refusal.of_patch(change.body) from refusal
            except Refusal as refusal:
                named = version_in(change.body)
                current = self.store.get(kind.qualified, namespace, name)
                if refusal.reason != "Conflict" or named or current is None or version_of(current) == version_of(old):
                    raise

    def _patched(self, kind: Kind, old: Json, change: PatchBody) -> Json:
        body, old = change.body, {**old, "apiVersion": kind.api_version}
        if change.content != patch.JSON_PATCH and not isinstance(body, Mapping):
            raise bad_request("error decoding patch: it is no object")
        match change.content:
            case patch.JSON_PATCH:
                patched = patch.json_patch(old, body)
            case patch.STRATEGIC:
                patched = strategic_merge_patch(old, body, type_of(kind))
            case _:
                patched = patch.merge_patch(old, body)
        if not isinstance(patched, dict):
            raise invalid(kind, old["metadata"]["name"], [("patch", "Invalid value: it leaves no object")])
        check_depth(patched)
        if uid := other_uid(patched, old):
            raise invalid(kind, old["metadata"]["name"], [("metadata.uid", fixed(uid))])
        if not kind.custom and not patched.get("apiVersion"):
            raise unnamed(old["metadata"]["name"])  # what is in an object of no version is not read
        return {"kind": kind.kind, **patched}

    async def apply(self, kind: Kind, key: tuple[str, str], wanted: Any, call: Call, subresource: str = "") -> Json:
        """Server-side apply: set what is wanted, remove what this manager wants no more, tell of others' fields."""
        namespace, name = key
        if call.doubled and call.field_validation == "Strict":
            why = f"error converting YAML to JSON: {strict_text(call.doubled)}"
            raise bad_request(f"error strict decoding patch: {why}")
        read = read_configuration(kind, wanted)
        metadata = read.get("metadata") or {}
        if not metadata.get("name"):
            raise unnamed(name)
        applied = Applied(kind, wanted, read, subresource)
        old = self.store.get(kind.qualified, namespace, name)
        if old is None and subresource:
            raise not_found(kind, name)
        check_name(metadata["name"], name)
        if old is None and metadata.get("uid"):
            why = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
            raise conflict(kind, name, why)
        document = apply_configuration(old, applied, call, self.timestamp())
        if old is None:
            fresh = {part: value for part, value in document["metadata"].items() if part != "resourceVersion"}
            return await self.create(kind, namespace, {**document, "metadata": fresh}, replace(call, owns=True))
        seen = {part: metadata[part] for part in ("name", "uid", "resourceVersion") if metadata.get(part)}
        document = {**document, "metadata": {**document["metadata"], **seen}}
        return await self.update(kind, document, old, replace(call, owns=True), subresource)

    async def delete(
        self, kind: Kind, namespace: str, name: str, options: DeleteOptions, call: Call
    ) -> tuple[Json, bool]:
        """Delete an object, or mark it as being deleted; returns its last state and whether it is gone.

        What has changed while admission was asked is looked at again, and admission asked again.
        """
        if kind == NAMESPACES and name in LASTING_NAMESPACES:
            raise forbidden(kind, name, "this namespace may not be deleted")
        if told := unsaid(kind, options):
            call.warnings += [text for text in told if text not in call.warnings]
        call = replace(call, dry_run=call.dry_run or options.dry_run)
        while True:
            old = self.get(kind, namespace, name)
            self._check_preconditions(kind, old, options)
            request = self._request("DELETE", kind, None, old, call)
            await self.admission.mutate(request, call.warnings)
            await self.admission.validate(request, None, call.warnings)
            current = self.store.get(*self.key(kind, old))
            if current is not None and version_of(current) == version_of(old):
                break
        mark = marked(kind, old, options, self._now())
        if call.dry_run:
            return (old, True) if may_go(mark) else (mark, False)
        if not may_go(mark):
            return (old if mark == old else self.store.write(self.key(kind, old), mark)), False
        self.remove(kind, old)
        return mark, True

    def _check_preconditions(self, kind: Kind, old: Json, options: DeleteOptions) -> None:
        name, metadata = old["metadata"]["name"], old["metadata"]
        if options.uid and options.uid != metadata["uid"]:
            raise unmet(kind, name, "UID", options.uid, metadata["uid"])
        if options.resource_version and options.resource_version != metadata["resourceVersion"]:
            raise unmet(kind, name, "ResourceVersion", options.resource_version, metadata["resourceVersion"])

    def remove(self, kind: Kind, document: Json) -> Json:
        """Remove an object for good; returns its last state."""
        removed = self.store.remove(self.key(kind, document)) or document
        if kind == SERVICE_ACCOUNTS and document["metadata"]["name"] == ACCOUNT:
            furnish(self.store, document["metadata"]["namespace"], self.timestamp())
        if kind == CRDS:
            self.catalog.drop(document)
            # Its name is its kind's qualified one: what cannot be asked for any more must not come back with it.
            qualified = document["metadata"]["name"]
            for held in self.store.all(qualified):
                self.store.remove((qualified, held["metadata"].get("namespace", ""), held["metadata"]["name"]))
            for other in self.store.all(CRDS.qualified):
                if not is_established(other):
                    self.define(other)  # the names that it waited for may be free
        return removed


def validate_object(kind: Kind, document: Json, old: Json | None, subresource: str) -> Iterator[tuple[str, str]]:
    """All that keeps an object from being stored: pairs of field and text."""
    yield from validate_metadata(kind, document["metadata"], old and old["metadata"])
    if kind.custom:
        if not kind.shape.takes(document):
            yield from value_errors(document, kind.schema or {}, ABSENT if old is None else old)
        return
    if not subresource:
        yield from validate_builtin(kind, document, created=old is None)
        if old is not None:
            yield from validate_change(kind, document, builtins.default_builtin(kind, old))
    yield from status_problems(kind, document, old, subresource)


UNCHECKED = (
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
BLOCKING = {f"FieldValue{reason}" for reason in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid")}
"""Faults of an object after which its kind's rules cannot be asked."""


def _broken_rules(
    kind: Kind, document: Json, old: Json | None, call: Call, faults: Sequence[str]
) -> list[tuple[str, str]]:
    """Pairs of field and text of rules that a custom object breaks; of those that it broke before, a warning is enough."""
    if not kind.shape.has_rules:
        return []
    if BLOCKING.intersection(faults):
        return [(NOWHERE, UNCHECKED)]
    found = list(breaches(document, kind.schema or {}, ABSENT if old is None else old))
    call.warnings += [f"{breach.field}: {breach.text}" for breach in found if breach.kept]
    return [(breach.field, breach.text) for breach in found if not breach.kept]
