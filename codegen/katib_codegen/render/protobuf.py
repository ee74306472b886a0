"""Messages and gRPC stubs with types, printed by protoc and mypy-protobuf.

Knows what of their text has no place in a package of ours: stubs import each other as siblings, and say which tool they
are from.
"""

import re

from katib_codegen.load import PROTO
from katib_codegen.model import Api
from katib_codegen.protoc import compiled
from katib_codegen.render import Files, python_header

_IMPORT = re.compile(r"^(?:from [\w.]+ )?import (api_pb2)( as \w+)?$", re.MULTILINE)
_TOOL_WORDS = re.compile(
    r"^# (-\*- coding: utf-8 -\*-|.*DO NOT EDIT!|NO CHECKED-IN PROTOBUF GENCODE|source: .*|Protobuf Python Version: .*)\n"
    r"|  # noqa: Y015$",
    re.MULTILINE,
)


def render_protobuf(api: Api) -> Files:
    """api_pb2 and api_pb2_grpc with their .pyi."""
    if not api.sources.proto:
        return {}
    head = python_header(f"{api.sources.folder}/{PROTO}")
    modules = compiled(api.sources).modules
    return {f"{api.models}/{name}": (head + _settle(text)).encode() for name, text in modules.items()}


def _settle(text: str) -> str:
    """The text as a member of our package, without what says which tool printed it."""
    return _TOOL_WORDS.sub("", _IMPORT.sub(r"from . import \1\2", text))
