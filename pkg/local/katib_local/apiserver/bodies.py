"""Bodies of requests: from JSON, YAML or Kubernetes protobuf to what JSON can hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
