"""Runs protoc, once for each proto file: the modules that it prints, and what it has read in the file.

Knows its command line and how it tells faults. What products make of either is theirs.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from katib_codegen.complaints import Complaint, refused
from katib_codegen.errors import SourceError
from katib_codegen.load import PROTO, Sources

_OUTPUTS = ("python", "grpc_python", "mypy", "mypy_grpc")
_PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
_FAULT = re.compile(r"api\.proto:(?:(\d+):\d+: )?(.*)")
# Products are rendered side by side: the second one that asks waits for the answer to the first.
_RUNNING = Lock()


@dataclass(frozen=True)
class Compiled:
    """One proto file: its modules by file name, and its description with comments and all that it imports."""

    modules: Mapping[str, str]
    described: FileDescriptorSet

    @property
    def file(self) -> FileDescriptorProto:
        """The description of the file itself, which comes after what it imports."""
        return self.described.file[-1]


def compiled(sources: Sources) -> Compiled:
    """What protoc makes of this version's api.proto; raises SourceError with the line of each fault that it finds."""
    with _RUNNING:
        return _compiled(sources.proto, sources.folder, sources.messages)


@cache
def _compiled(proto: str, source: str, name: str) -> Compiled:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(proto, encoding="utf-8")
        described = Path(folder, "described")
        outputs = [f"--{output}_out={folder}" for output in _OUTPUTS]
        outputs += [f"--descriptor_set_out={described}", "--include_source_info", "--include_imports"]
        plugins = [f"--plugin={name}={_program(name)}" for name in _PLUGINS]
        include = files("grpc_tools").joinpath("_proto")
        done = subprocess.run(  # noqa: S603 (our own interpreter and its plugins)
            [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"-I{include}", *plugins, *outputs, name],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise refused(_faults(done.stderr), source, {})
        modules = {path.name: path.read_text("utf-8") for path in sorted(file.parent.glob("*_pb2*.py*"))}
        return Compiled(modules, FileDescriptorSet.FromString(described.read_bytes()))


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
