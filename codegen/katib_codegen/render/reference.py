"""The reference for people: a page per document, one of all names, and an index. Knows the pages' templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_codegen.load import PROTO
from katib_codegen.model import Api, Definition, properties
from katib_codegen.outline import (
    Document,
    documents,
    full_name,
    is_enumeration,
    required_of,
    target_of,
    types_of,
    values_of,
)
from katib_codegen.render import Files
from katib_codegen.render.markdown import code, link, markdown_header, prose, sentence, value
from katib_codegen.render.names import PREFIXES
from katib_codegen.render.templating import fill
from katib_codegen.words import rule_words

BORROWED = "Types of Kubernetes"
FIELDS = "Fields"


@dataclass(frozen=True)
class Row:
    """One field, each part as Markdown."""

    name: str
    type: str
    absent: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """One type of ours."""

    name: str
    words: str
    rules: list[str]
    rows: list[Row]
    values: list[str]
    parents: list[str]
    users: list[str]


def render_reference(api: Api) -> Files:
    """README.md, names.md and a page per document under docs/reference/<version>/."""
    folder = f"docs/reference/{api.version}"
    found = documents(api)
    printed = {f"{folder}/{document.stem}.md": _page(api, document) for document in found}
    if api.sources.names:
        printed[f"{folder}/names.md"] = _names_page(api)
    printed[f"{folder}/README.md"] = _index(api, found)
    return printed


def _page(api: Api, document: Document) -> bytes:
    root, *others = types_of(api, document)
    own = [one for one in others if not one.borrowed]
    sources = dict.fromkeys(f"{api.sources.folder}/{one.file}" for one in (root, *others))
    return fill(
        "reference/document.md.j2",
        header=markdown_header(*sources),
        document=document,
        version=api.version,
        source=f"{api.sources.folder}/{document.file}",
        root=_section(api, root, root, own),
        sections=[_section(api, one, root, own) for one in own],
        outline=list(_outline(api, root)),
        conditions=list(_conditions(api, document)),
        borrowed=[(one.name, full_name(api, one), _words_of(one)) for one in _borrowed(api, [root, *own])],
        borrowed_title=BORROWED,
        fields_title=FIELDS,
    )


def _section(api: Api, definition: Definition, root: Definition, own: list[Definition]) -> Section:
    fields, required = definition.schema.get("properties", {}), required_of(definition)
    parents = [target_of(api, part) for part in definition.schema.get("allOf", ())]
    return Section(
        name=definition.name,
        words=_words_of(definition),
        rules=[sentence(text) for text in rule_words(definition.schema)],
        rows=[_row(api, name, field, name in required) for name, field in fields.items()],
        values=[code(name) for name in definition.schema.get("enum", ())],
        parents=[link(BORROWED, shown=one.name) for one in parents if one is not None],
        users=list(_users(api, definition, root, own)),
    )


def _words_of(definition: Definition) -> str:
    return sentence(definition.schema["description"]) if "description" in definition.schema else ""


def _users(api: Api, definition: Definition, root: Definition, own: list[Definition]) -> Iterator[str]:
    """The fields of that page whose type it is."""
    for owner in (root, *own):
        for name, field in properties(api, owner.schema).items():
            if target_of(api, field) == definition:
                title = link(FIELDS, shown=owner.name) if owner == root else link(owner.name)
                yield f"{title} {code('.' + name)}"


def _row(api: Api, name: str, field: Mapping[str, Any], required: bool) -> Row:
    if required:
        absent = "**required**"
    elif "default" in field:
        absent = value(field["default"])
    else:
        absent = prose(str(field.get("x-katib-absent", "")))
    return Row(code(name), _type(api, field), absent, "<br>".join(_meaning(api, field)))


def _meaning(api: Api, field: Mapping[str, Any]) -> Iterator[str]:
    yield " ".join([sentence(field["description"]), *(sentence(text) for text in rule_words(field))])
    values = values_of(api, field)
    if values:
        yield f"One of {', '.join(code(name) for name in values)}."
    if "x-katib-unit" in field:
        yield f"Unit: {sentence(field['x-katib-unit'])}"
    if "examples" in field:
        yield f"Example: {' or '.join(value(example) for example in field['examples'])}"


def _type(api: Api, field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        target = target_of(api, field)
        return "" if target is None else _linked(target)
    if "items" in field:
        return f"list of {_type(api, field['items'])}"
    if isinstance(field.get("additionalProperties"), Mapping):
        return f"map of {_type(api, field['additionalProperties'])}"
    if field.get("format") == "duration":
        return "duration"
    return "any object" if field.get("x-kubernetes-preserve-unknown-fields") else str(field.get("type", "object"))


def _linked(target: Definition) -> str:
    return link(BORROWED, shown=target.name) if target.borrowed else link(target.name)


def _outline(api: Api, definition: Definition, above: tuple[str, ...] = ()) -> Iterator[str]:
    """The objects inside a type, one per line, as a list inside a list; `above` are the types that lead to it."""
    for name, field in definition.schema.get("properties", {}).items():
        target = target_of(api, field)
        if target is None or target.borrowed or is_enumeration(target):
            continue
        if target.name not in above:
            shown = f"{name}[]" if "items" in field else name
            yield f"{'  ' * len(above)}- {link(target.name, shown=code(shown))}"
            yield from _outline(api, target, (*above, target.name))


def _conditions(api: Api, document: Document) -> Iterator[tuple[str, str, str, str]]:
    """Type, status, reason and words of each condition that names.yaml knows of the document."""
    for entry in api.sources.names.get("reasons", {}).values():
        for condition in entry.get("conditions", ()):
            kind, _, state = condition.partition(" ")
            if kind == document.name:
                name, _, status = state.partition("=")
                yield code(name), code(status), code(entry["value"]), sentence(entry["description"])


def _borrowed(api: Api, own: list[Definition]) -> list[Definition]:
    """Kubernetes' types that a field of ours is of, by name."""
    fields = [
        field for one in own for field in (*one.schema.get("properties", {}).values(), *one.schema.get("allOf", ()))
    ]
    targets = [target_of(api, field) for field in fields]
    found = {target.name: target for target in targets if target is not None and target.borrowed}
    return [found[name] for name in sorted(found)]


def _names_page(api: Api) -> bytes:
    sections = {
        _title(key): [_name_row(PREFIXES[key], name, entry) for name, entry in entries.items()]
        for key, entries in api.sources.names.items()
    }
    source = f"{api.sources.folder}/names.yaml"
    contents = [link(title) for title in sections]
    return fill(
        "reference/names.md.j2",
        header=markdown_header(source),
        project=api.project.name,
        module=f"{api.project.models.name}.{api.version}.names",
        source=source,
        sections=sections,
        contents=contents,
    )


def _title(section: str) -> str:
    return section.replace("_", " ").capitalize()


def _name_row(prefix: str, name: str, entry: Mapping[str, Any]) -> tuple[str, str, str]:
    words = [sentence(entry["description"])]
    if "conditions" in entry:
        words.insert(0, f"Of {' and '.join(code(condition) for condition in entry['conditions'])}.")
    if "default" in entry:
        words.append(f"Default: {code(entry['default'])}." if entry["default"] else "Default: empty.")
    return code(entry["value"]), " ".join(words), code(f"{prefix}_{name.upper()}")


def _index(api: Api, found: list[Document]) -> bytes:
    pages: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    for document in found:
        for one in types_of(api, document)[1:]:
            if not one.borrowed:
                pages.setdefault(one.name, []).append(link(one.name, f"{document.stem}.md", document.name))
                words[one.name] = _words_of(one)
    return fill(
        "reference/index.md.j2",
        project=api.project.name,
        names=", ".join(_title(section) for section in api.sources.names),
        proto=PROTO if api.sources.proto else "",
        header=markdown_header(f"{api.sources.folder}/*"),
        version=api.version,
        documents=[(one, _words_of(api.definitions[one.name])) for one in found],
        types=[(name, words[name], ", ".join(pages[name])) for name in sorted(pages)],
    )
