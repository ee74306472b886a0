"""Promises about kinds: where the server keeps their objects, and what kubectl shows of them."""

from collections.abc import Iterator

from katib_codegen.breaks.broken import Break
from katib_codegen.complaints import Path
from katib_codegen.model import Api
from katib_codegen.promises import Promises

_RESOURCE: Path = ("x-katib-resource",)


def kind_breaks(old: Promises, new: Promises, api: Api) -> Iterator[Break]:
    """Kinds that are none any more, that are kept elsewhere, or that users ask for in vain. A type that is gone is told once."""
    for name in [name for name in old if name in api.definitions]:
        file = api.definitions[name].file
        if name in new:
            yield from _identity_breaks(name, file, old[name], new[name])
            yield from _column_breaks(name, file, old[name]["columns"], new[name]["columns"])
        else:
            text = f"{name} is no kind any more, and clusters store such objects; write its x-katib-resource again"
            yield Break(f"removed kind {name}", file, api.definitions[name].path, text)


def _identity_breaks(name: str, file: str, old: Promises, new: Promises) -> Iterator[Break]:
    for word in ("group", "plural", "singular", "scope"):
        if old[word] != new[word]:
            text = f"{name} has the {word} {new[word]}; write {old[word]} again, or add another kind"
            path = ("x-kubernetes-group-version-kind",) if word == "group" else _RESOURCE
            yield Break(f"changed {word} of {name}", file, (*path, word), text)
    for word in ("categories", "subresources"):
        for gone in [value for value in old[word] if value not in new[word]]:
            text = f"{name} is without {gone} among its {word}; put it back: users ask for it by that word"
            yield Break(f"removed {gone} of {name}", file, (*_RESOURCE, word), text)


def _column_breaks(name: str, file: str, old: Promises, new: Promises) -> Iterator[Break]:
    path = (*_RESOURCE, "printerColumns")
    cure = "scripts read `kubectl get`: put it back, and add a column of another name"
    kept = [column for column in old if column in new]
    if kept != [column for column in new if column in old]:
        text = f"{name} has its printer columns in another order, and scripts count them; write {', '.join(kept)}"
        yield Break(f"reordered columns of {name}", file, path, text)
    for column, was in old.items():
        if column not in new:
            text = f"{name} is without the printer column {column}; {cure}"
            yield Break(f"removed column {column} of {name}", file, path, text)
        elif new[column] != was:
            has = new[column]
            text = f"the printer column {column} shows {has['path']} as {has['type']} and showed {was['path']} as {was['type']}"
            yield Break(f"changed column {column} of {name}", file, (*path, list(new).index(column)), f"{text}; {cure}")
