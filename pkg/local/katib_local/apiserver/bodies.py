"""Bodies of requests: from JSON, YAML or Kubernetes protobuf to what JSON can hold. Pure."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import yaml

from katib_local.apiserver.errors import Refusal, Unparsable, bad_request, unsupported_media
from katib_local.apiserver.patch import APPLY, JSON_PATCH, MERGE, STRATEGIC
from katib_local.apiserver.wire import WireError, parse_protobuf

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
OBJECTS = (JSON, YAML, PROTOBUF)
PATCHES = (JSON_PATCH, MERGE, STRATEGIC, APPLY)
LINE = "line "
SUBSTITUTE = "katib-substitute"
HIGH, LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
SURROGATES = re.compile(rf"(?P<whole>\\\\|{HIGH}{LOW})|{HIGH}|{LOW}")
DEEPEST = 200
"""How many levels an object may have: what looks at it goes down by itself, and so does what writes it."""


class _Loader(yaml.SafeLoader):
    """As Kubernetes reads YAML: texts that look like dates stay texts, and y and n are switches."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))


def parse_body(content: bytes, media_type: str, accepted: Sequence[str] = OBJECTS) -> Any:
    """What a body says, an empty object without one; raises a refusal for another form or what cannot be read."""
    if not content:
        return {}
    document = _parsed(content, media_type, accepted)
    check_depth(document)
    return document


def _parsed(content: bytes, media_type: str, accepted: Sequence[str]) -> Any:
    media_type = media_type or accepted[0]
    if media_type not in accepted:
        raise unsupported_media(", ".join(accepted))
    try:
        if media_type == PROTOBUF:
            return parse_protobuf(content)
        if media_type in (YAML, APPLY):
            return _as_json(yaml.load(content, _Loader))  # noqa: S506
        return _from_json(content)
    except WireError as error:
        raise Refusal(415, "UnsupportedMediaType", str(error)) from error
    except RecursionError as error:
        raise too_deep() from error
    except (ValueError, yaml.YAMLError) as error:
        raise Unparsable(error) from error


def _from_json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except ValueError as error:
        try:
            return orjson.loads(readable(content))
        except ValueError:
            raise error from None


def readable(content: bytes) -> str:
    """JSON whose texts can be written again: a sign stands for each byte, and each half of a pair, that is none."""
    text = content.decode(errors=SUBSTITUTE)
    return SURROGATES.sub(lambda found: found[0] if found["whole"] else "\\ufffd", text)


def _substituted(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error(SUBSTITUTE, _substituted)


def check_depth(document: Any) -> None:
    """Raise a refusal for what has more levels than can be stored, applied and shown again."""
    level = [document]
    for _ in range(DEEPEST + 1):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return
    raise too_deep()


def _parts(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in inner if isinstance(part, dict | list)]


def too_deep() -> Refusal:
    return bad_request(f"the object has more than {DEEPEST} levels, which is all that is stored here: make it flatter")


class _Doubled(dict[str, Any]):
    """An object that some keys were given twice of."""

    keys_given_twice: tuple[str, ...] = ()


def doubled_fields(content: bytes, media_type: str) -> list[str]:
    """What a body has twice, in Kubernetes' words: of YAML by line, of JSON by path. The last one counts."""
    try:
        if media_type in (YAML, APPLY):
            twice = sorted(_doubled_keys(yaml.compose(content, _Loader)))
            return [f"{LINE}{line}: key {key} already set in map" for line, key in twice]
        if media_type in (JSON, MERGE, STRATEGIC):
            return [f'duplicate field "{path}"' for path in _doubled_in_json(content)]
    except (ValueError, RecursionError, yaml.YAMLError):
        pass  # somebody else says what is wrong with it
    return []


def strict_text(told: Sequence[str]) -> str:
    """All complaints about a body as one text; those that name a line stand together."""
    lines = [text for text in told if text.startswith(LINE)]
    together = ["\n  ".join(["yaml: unmarshal errors:", *lines])] if lines else []
    return ", ".join([*together, *(text for text in told if not text.startswith(LINE))])


def _doubled_keys(root: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Line and name of each key that its mapping has had before; an anchor's node is looked at once."""
    nodes, visited = [root], set[int]()
    while nodes:
        node = nodes.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, part in node.value:
                nodes.append(part)
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen:
                    yield key.start_mark.line + 1, json.dumps(key.value, ensure_ascii=False)
                seen.add(key.value)
        elif isinstance(node, yaml.SequenceNode):
            nodes.extend(node.value)


def _doubled_in_json(content: bytes) -> list[str]:
    any_doubled = False

    def read(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal any_doubled
        found: dict[str, Any] = dict(pairs)
        if len(found) == len(pairs):
            return found
        any_doubled, doubled = True, _Doubled(found)
        keys = [key for key, _ in pairs]
        doubled.keys_given_twice = tuple(key for key in found if keys.count(key) > 1)
        return doubled

    document = json.loads(content or b"null", object_pairs_hook=read)
    return list(_doubled_paths(document, "")) if any_doubled else []  # nearly never, and it takes as long as reading


def _doubled_paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            place = f"{path}.{key}" if path else key
            if isinstance(value, _Doubled) and key in value.keys_given_twice:
                yield place
            yield from _doubled_paths(part, place)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _doubled_paths(entry, f"{path}[{index}]")


def _as_json(value: Any) -> Any:
    """YAML's keys may be numbers; those of JSON are texts."""
    if isinstance(value, Mapping):
        return {_key(key): _as_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_json(part) for part in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"{type(value).__name__} has no form in JSON")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int | float):
        return str(key)
    raise ValueError(f"{key!r} is no key of an object")
