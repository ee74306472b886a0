"""How the sources that are no schemas are built: names.yaml, webhooks.yaml, permissions.yaml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from katib_codegen.complaints import Complaint, Path, near, near_hint

if TYPE_CHECKING:
    from katib_codegen.load import Sources


@dataclass(frozen=True)
class Each:
    """A mapping of any keys to values of one form; with `references`, keys refer to names.yaml too."""

    form: Any
    references: bool = False


# A form is one of these texts, {key: form} ("key?" where it may be absent), [form], or Each.
TEXT, SCALAR, REFERENCE = "a text", "a text or a number", "names.<section>.<key>"
_GRANT = {"group": TEXT, "resources": [TEXT], "verbs": [TEXT], "why?": TEXT, "only?": [REFERENCE]}
_HOOK = {
    "name": TEXT,
    "type": TEXT,
    "path": TEXT,
    "description": TEXT,
    "rule": {"group": TEXT, "version": TEXT, "resource": TEXT, "operations": [TEXT]},
    "namespaceLabels?": Each(REFERENCE, references=True),
    "withoutLabels?": [REFERENCE],
    "exceptUser?": {"condition": TEXT, "serviceAccount": REFERENCE},
}
FORMS: Mapping[str, Any] = {
    "names.yaml": Each(Each({"value": SCALAR, "description": TEXT, "default?": SCALAR, "conditions?": [TEXT]})),
    "webhooks.yaml": {
        "configuration": REFERENCE,
        "service": {"name": REFERENCE, "namespace": REFERENCE},
        "webhooks": Each(_HOOK),
    },
    "permissions.yaml": {
        "controller": {
            "serviceAccount": REFERENCE,
            "everywhere": [_GRANT],
            "cluster": [_GRANT],
            "own_namespace": [_GRANT],
        },
        "services?": Each({"serviceAccount": REFERENCE, "holds": TEXT}),
        "made_at_run_time": Each([_GRANT]),
    },
}


def form_complaints(sources: "Sources") -> Iterator[Complaint]:
    """Whatever is not built as its form says."""
    documents = {
        "names.yaml": sources.names,
        "webhooks.yaml": sources.webhooks,
        "permissions.yaml": sources.permissions,
    }
    for file, form in FORMS.items():
        if file not in sources.project.facts:
            continue
        for path, text in _faults(form, documents[file], ()):
            place = ".".join(str(step) for step in path)
            yield Complaint(file, path, f"{place} {text}".strip())


def _faults(form: Any, value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(form, str):
        if not _is_scalar(form, value):
            yield path, f"is {value!r}; write {form}"
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield path, f"is {value!r}; write a list"
            return
        for position, item in enumerate(value):
            yield from _faults(form[0], item, (*path, position))
    elif not isinstance(value, Mapping):
        yield path, f"is {value!r}; write a mapping"
    elif isinstance(form, Each):
        yield from _each(form, value, path)
    else:
        yield from _record(form, value, path)


def _each(form: Each, value: Mapping[Any, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for key, item in value.items():
        if not isinstance(key, str) or (form.references and not key.startswith("names.")):
            yield path, f"has the key {key!r}; write {REFERENCE if form.references else 'a text, in quotes'}"
        yield from _faults(form.form, item, (*path, key))


def _record(form: Mapping[str, Any], value: Mapping[Any, Any], path: Path) -> Iterator[tuple[Path, str]]:
    known = {key.rstrip("?"): inner for key, inner in form.items()}
    needed = [key for key in form if not key.endswith("?") and value.get(key) in (None, "") and key != "group"]
    meant = {word: key for key in needed if (word := near(key, [other for other in value if other not in known]))}
    for key in [key for key in needed if key not in meant.values()]:
        yield path, f"has no {key}; write {_spell(form[key])}"
    for key, item in value.items():
        if str(key) in meant:
            yield (*path, key), f"means nothing here, and {meant[key]} is missing; write that"
        elif key not in known:
            yield (*path, key), f"means nothing here{near_hint(key, known)}; remove it"
        elif item not in (None, "") or key == "group" or f"{key}?" in form:
            yield from _faults(known[key], item, (*path, key))
    if "group" in form and "group" not in value:
        yield path, "has no group; write one, or '' for Kubernetes' core"


def _spell(form: Any) -> str:
    if isinstance(form, str):
        return form
    return "a list" if isinstance(form, list) else "a mapping"


def _is_scalar(form: str, value: Any) -> bool:
    if form == SCALAR and isinstance(value, int) and not isinstance(value, bool):
        return True
    return isinstance(value, str) and (form != REFERENCE or value.startswith("names."))
