"""Messages and gRPC stubs with types, printed by protoc and mypy-protobuf.

Knows protoc's quirks: the descriptor is always called api.proto, whoever carries it, so that two distributions in one
process may register the same bytes; and stubs import each other as siblings.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from katib_codegen.complaints import Complaint, refused
from katib_codegen.errors import SourceError
from katib_codegen.load import PROTO
from katib_codegen.model import Api
from katib_codegen.render import Files, python_header

_IMPORT = re.compile(r"^import (api_pb2)( as \w+)?$", re.MULTILINE)
_FAULT = re.compile(r"api\.proto:(?:(\d+):\d+: )?(.*)")
_TOOL_WORDS = re.compile(
    r"^# (-\*- coding: utf-8 -\*-|.*DO NOT EDIT!|NO CHECKED-IN PROTOBUF GENCODE|source: .*|Protobuf Python Version: .*)\n"
    r"|  # noqa: Y015$",
    re.MULTILINE,
)


def render_protobuf(api: Api) -> Files:
    """api_pb2 and api_pb2_grpc with their .pyi, under the descriptor name api.proto."""
    if not api.sources.proto:
        return {}
    head = python_header(f"{api.sources.folder}/{PROTO}")
    return {
        f"{api.models}/{name}": (head + text).encode()
        for name, text in _protoc(api.sources.proto, api.sources.folder).items()
    }


def _protoc(proto: str, source: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, PROTO).write_text(proto, encoding="utf-8")
        arguments = [f"--{out}_out={folder}" for out in ("python", "grpc_python", "mypy", "mypy_grpc")]
        plugins = [f"--plugin={name}={_program(name)}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
        include = files("grpc_tools").joinpath("_proto")
        done = subprocess.run(  # noqa: S603 (our own interpreter and its plugins)
            [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"-I{include}", *plugins, *arguments, PROTO],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise refused(_faults(done.stderr), source, {})
        return {path.name: _settle(path.read_text("utf-8")) for path in sorted(Path(folder).glob("*_pb2*.py*"))}


def _faults(said: str) -> list[Complaint]:
    """What protoc says, without the folder that it ran in."""
    found = [_FAULT.search(line) for line in said.splitlines()]
    faults = [Complaint(PROTO, (), f"protoc: {match[2]}", int(match[1] or 1)) for match in found if match]
    return faults or [Complaint(PROTO, (), f"protoc: {' '.join(said.split())}")]


def _program(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise SourceError(f"{name} is not installed beside {sys.executable}: install katib-codegen")
    return found


def _settle(text: str) -> str:
    """The text as a member of our package, without what says which tool printed it."""
    return _TOOL_WORDS.sub("", _IMPORT.sub(r"from . import \1\2", text))
