"""CustomResourceDefinitions: their defaults, which of them cannot be, and what their status says. Pure.

Forms are known to be right: `decoding` has read the object. Schemas are `structure`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from katib_local.apiserver.structure import schema_problems, unrecognized_formats

Json = dict[str, Any]
Problems = Iterator[tuple[str, str]]
LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
SCOPES = ("Cluster", "Namespaced")
PROTECTED = re.compile(r"(.*\.)?(k8s|kubernetes)\.io")
APPROVAL = "api-approved.kubernetes.io"
GONE_VERSION = (
    "missing from spec.versions; {0} was previously a storage version, and must remain in spec.versions until a storage "
    "migration ensures no data remains persisted in {0} and removes {0} from status.storedVersions"
)


def default_definition(crd: Json) -> Json:
    """A definition with names that follow from others, and the conversion that every one has."""
    spec = crd.get("spec") or {}
    names = {**(spec.get("names") or {})}
    kind = names.get("kind") or ""
    names = {
        **names,
        "singular": names.get("singular") or kind.lower(),
        "listKind": names.get("listKind") or f"{kind}List",
    }
    return {**crd, "spec": {"conversion": {"strategy": "None"}, **spec, "names": names}}


def definition_problems(crd: Json) -> Problems:
    """What keeps a definition from being stored: pairs of field and text."""
    spec = crd["spec"]
    names, versions = spec.get("names") or {}, spec.get("versions") or []
    if crd["metadata"]["name"] != f"{names.get('plural')}.{spec.get('group')}":
        yield "metadata.name", f'Invalid value: "{crd["metadata"]["name"]}": must be spec.names.plural+"."+spec.group'
    yield from _group_problems(crd)
    yield from _name_problems(names)
    if spec.get("scope") not in SCOPES:
        yield "spec.scope", f'Unsupported value: "{spec.get("scope")}": supported values: "Cluster", "Namespaced"'
    if spec.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield "spec.preserveUnknownFields", f"Invalid value: true: {text}"
    yield from _conversion_problems(spec.get("conversion") or {})
    yield from _version_problems(versions)


def definition_warnings(crd: Json) -> list[str]:
    """What of a definition is stored and means nothing."""
    schemas = [(version.get("schema") or {}).get("openAPIV3Schema") or {} for version in crd["spec"]["versions"]]
    names = {name for schema in schemas for name in unrecognized_formats(schema)}
    return [f'unrecognized format "{name}"' for name in sorted(names)]


def _group_problems(crd: Json) -> Problems:
    group = crd["spec"].get("group") or ""
    if "." not in group:
        yield "spec.group", f'Invalid value: "{group}": should be a domain with at least one dot'
    if PROTECTED.fullmatch(group) and APPROVAL not in (crd["metadata"].get("annotations") or {}):
        text = f'Required value: protected groups must have approval annotation "{APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111'
        yield f"metadata.annotations[{APPROVAL}]", text


def _name_problems(names: Mapping[str, Any]) -> Problems:
    for field in ("plural", "singular"):
        yield from _label(f"spec.names.{field}", names.get(field) or "", "")
    for field in ("kind", "listKind"):
        yield from _label(
            f"spec.names.{field}", names.get(field) or "", "may have mixed case, but should otherwise match: "
        )
    for field in ("shortNames", "categories"):
        for index, name in enumerate(names.get(field) or ()):
            yield from _label(f"spec.names.{field}[{index}]", name, "")


def _label(path: str, name: str, before: str) -> Problems:
    if not LABEL.fullmatch(name.lower() if before else name) or len(name) > 63:
        yield path, f'Invalid value: "{name}": {before}{LABEL_WORDS}'


def _conversion_problems(conversion: Mapping[str, Any]) -> Problems:
    match conversion.get("strategy"):
        case "None" | None:
            return
        case "Webhook":
            yield "spec.conversion.strategy", 'Unsupported value: "Webhook": supported values: "None"'
        case other:
            yield "spec.conversion.strategy", f'Unsupported value: "{other}": supported values: "None", "Webhook"'


def _version_problems(versions: list[Json]) -> Problems:
    if len({version.get("name") for version in versions}) < len(versions):
        yield "spec.versions", "Invalid value: must contain unique version names"
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield "spec.versions", "Invalid value: must have exactly one version marked as storage version"
    for index, version in enumerate(versions):
        place = f"spec.versions[{index}]"
        yield from _label(f"{place}.name", version.get("name") or "", "")
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            yield f"{place}.schema.openAPIV3Schema", "Required value"
            continue
        # Kubernetes names what a single version says as if it were said of all.
        shared = "spec" if len(versions) == 1 else place
        whole = "spec.validation.openAPIV3Schema" if len(versions) == 1 else f"{place}.schema.openAPIV3Schema"
        yield from schema_problems(schema, whole)
        yield from _column_problems(version.get("additionalPrinterColumns") or (), shared)
        yield from _scale_problems((version.get("subresources") or {}).get("scale") or {}, shared)
        yield from _selectable_problems(version.get("selectableFields") or (), schema, shared)


def _column_problems(columns: Iterable[Mapping[str, Any]], path: str) -> Problems:
    for index, column in enumerate(columns):
        place = f"{path}.additionalPrinterColumns[{index}]"
        kind, where = column.get("type"), column.get("jsonPath") or ""
        if kind not in COLUMN_TYPES:
            yield f"{place}.type", f'Invalid value: "{kind}": must be one of {",".join(COLUMN_TYPES)}'
        if not where.startswith("."):
            yield f"{place}.JSONPath", f'Invalid value: "{where}": must be a simple json path starting with .'


def _scale_problems(scale: Mapping[str, Any], path: str) -> Problems:
    for field, root in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        where = scale.get(field, "")
        if scale and not where.startswith(f"{root}."):
            yield f"{path}.subresources.scale.{field}", f'Invalid value: "{where}": should be a json path under {root}'


def _selectable_problems(fields: Iterable[Mapping[str, Any]], schema: Mapping[str, Any], path: str) -> Problems:
    for index, field in enumerate(fields):
        where = field.get("jsonPath") or ""
        said = f'Invalid value: "{where}": is an invalid path'
        place = f"{path}.selectableFields[{index}].jsonPath"
        if "[" in where:
            yield place, f"{said}: array notation is not allowed"
        elif not _leads_somewhere(where, schema):
            yield place, f"{said}: does not refer to a valid field"


def _leads_somewhere(path: str, schema: Mapping[str, Any] | None) -> bool:
    for name in path.removeprefix(".").split("."):
        schema = ((schema or {}).get("properties") or {}).get(name)
    return schema is not None


def changed_problems(crd: Json, old: Json) -> Problems:
    """What of a definition cannot be changed, once its kind is served."""
    spec, before = crd["spec"], old["spec"]
    for field, new, held in (
        ("spec.group", spec.get("group"), before.get("group")),
        ("spec.names.plural", spec["names"].get("plural"), before["names"].get("plural")),
        ("spec.scope", spec.get("scope"), before.get("scope")),
        ("spec.names.kind", spec["names"].get("kind"), before["names"].get("kind")),
    ):
        if new != held:
            yield field, f'Invalid value: "{new}": field is immutable'
    served = [version.get("name") for version in spec.get("versions") or ()]
    for index, name in enumerate((old.get("status") or {}).get("storedVersions") or ()):
        if name not in served:
            yield f"status.storedVersions[{index}]", f'Invalid value: "{name}": {GONE_VERSION.format(name)}'


def initial_status(crd: Json) -> Json:
    """The status of a definition that nobody has looked at yet."""
    return {"conditions": None, "acceptedNames": {"kind": "", "plural": ""}, "storedVersions": _stored(crd, ())}


def _stored(crd: Json, before: Iterable[str]) -> list[str]:
    now = [version.get("name") or "" for version in crd["spec"].get("versions") or () if version.get("storage")]
    return list(dict.fromkeys([*before, *now]))


def taken_name(crd: Json, others: Iterable[Json]) -> tuple[str, str] | None:
    """The reason and the name, if an established definition of the same group has one of this one's names."""
    names = crd["spec"]["names"]
    for other in others:
        if other["spec"]["group"] != crd["spec"]["group"] or other["metadata"]["name"] == crd["metadata"]["name"]:
            continue
        held = (other.get("status") or {}).get("acceptedNames") or {}
        resources = {held.get("plural"), held.get("singular"), *(held.get("shortNames") or ())}
        kinds = {held.get("kind"), held.get("listKind")}
        for field, reason, taken in (
            ("plural", "PluralConflict", resources),
            ("singular", "SingularConflict", resources),
            ("kind", "KindConflict", kinds),
            ("listKind", "ListKindConflict", kinds),
        ):
            if names.get(field) in taken:
                return reason, names[field]
        for name in names.get("shortNames") or ():
            if name in resources:
                return "ShortNamesConflict", name
    return None


def observed_status(crd: Json, others: Iterable[Json], at: str) -> Json:
    """The status of a definition: whether its names are free, and so whether its kinds are served."""
    before = crd.get("status") or {}
    taken = taken_name(crd, others)
    names = dict(crd["spec"]["names"])
    if taken is None:
        accepted = ("NamesAccepted", "True", "NoConflicts", "no conflicts found")
        served = ("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
    else:
        names = _free_names(names, taken)
        accepted = ("NamesAccepted", "False", taken[0], f'"{taken[1]}" is already in use')
        served = ("Established", "False", "NotAccepted", "not all names are accepted")
    held = {entry["type"]: entry for entry in before.get("conditions") or ()}
    conditions = [_condition(held.get(said[0]), said, at) for said in (accepted, served)]
    return {
        **before,
        "conditions": conditions,
        "acceptedNames": names,
        "storedVersions": _stored(crd, before.get("storedVersions") or ()),
    }


def _free_names(names: Json, taken: tuple[str, str]) -> Json:
    field = f"{taken[0][0].lower()}{taken[0][1:]}".removesuffix("Conflict")
    if field == "shortNames":
        return {key: value for key, value in names.items() if key != field}
    return {**names, field: ""}


def _condition(held: Json | None, said: tuple[str, str, str, str], at: str) -> Json:
    kind, status, reason, message = said
    since = held["lastTransitionTime"] if held is not None and held["status"] == status else at
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def is_established(crd: Json) -> bool:
    """Whether the kinds of a definition are served."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any((entry["type"], entry["status"]) == ("Established", "True") for entry in conditions)
