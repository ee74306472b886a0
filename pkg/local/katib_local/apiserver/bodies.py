"""Bodies of requests: from JSON, YAML or Kubernetes protobuf to what JSON can hold. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import yaml

from katib_local.apiserver.errors import Refusal, bad_request, unsupported_media
from katib_local.apiserver.patch import APPLY, JSON_PATCH, MERGE, STRATEGIC
from katib_local.apiserver.wire import WireError, parse_protobuf

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
OBJECTS = (JSON, YAML, PROTOBUF)
PATCHES = (JSON_PATCH, MERGE, STRATEGIC, APPLY)


class _Loader(yaml.SafeLoader):
    """Texts that look like dates stay texts, as they do in Kubernetes."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_body(content: bytes, media_type: str, accepted: Sequence[str] = OBJECTS) -> Any:
    """What a body says, an empty object without one; raises a refusal for another form or what cannot be read."""
    if not content:
        return {}
    media_type = media_type or accepted[0]
    if media_type not in accepted:
        raise unsupported_media(media_type, ", ".join(accepted))
    try:
        if media_type == PROTOBUF:
            return parse_protobuf(content)
        if media_type in (YAML, APPLY):
            return _as_json(yaml.load(content, _Loader))  # noqa: S506
        return orjson.loads(content)
    except WireError as error:
        raise Refusal(415, "UnsupportedMediaType", str(error)) from error
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding the body of the request: {error}") from error


class _Doubled(dict[str, Any]):
    """An object that some keys were given twice of."""

    keys_given_twice: tuple[str, ...] = ()


def _doubled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = _Doubled(found)
    keys = [key for key, _ in pairs]
    doubled.keys_given_twice = tuple(key for key in found if keys.count(key) > 1)
    return doubled


def doubled_fields(content: bytes, media_type: str) -> list[str]:
    """The paths of fields that a body has twice; of such the last one counts. Only JSON is looked at."""
    if media_type not in (JSON, MERGE):
        return []
    try:
        return list(_doubled_paths(json.loads(content or b"null", object_pairs_hook=_doubled), ""))
    except ValueError:
        return []  # somebody else says what is wrong with it


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
