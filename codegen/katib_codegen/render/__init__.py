"""Renderers: pure functions from the bundled sources to {path: bytes}. No renderer reads or writes a file of ours."""

from collections.abc import Mapping

from katib_codegen.marks import mark

Files = Mapping[str, bytes]
"""Printed files by their path from the workspace's root."""


def header(*sources: str) -> str:
    """The first line of a printed file whose comments begin with #."""
    return f"# {mark(*sources)}\n"


def python_header(*sources: str) -> str:
    """The first lines of a printed module, which is exempt from style and from nothing else."""
    return header(*sources) + "# fmt: off\n# ruff: noqa\n"
