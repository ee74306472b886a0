"""The printed types of Kubernetes' own kinds: there for every kind that is served, and read only when needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from katib_local.apiserver.kinds import BUILT_INS, Kind
from katib_local.apiserver.kubernetes_types import resolved, type_of


@pytest.mark.parametrize("kind", BUILT_INS, ids=lambda kind: kind.kind)
def test_every_kind_has_its_type(kind: Kind) -> None:
    metadata = resolved(type_of(kind)["properties"]["metadata"])
    assert {"name", "labels", "finalizers"} <= set(metadata["properties"])


def test_importing_the_server_reads_no_types() -> None:
    code = "import katib_local.apiserver.server; from katib_local.apiserver.kubernetes_types import types\n"
    done = subprocess.run([sys.executable, "-c", code + "print(types.cache_info().currsize)"], capture_output=True)
    assert done.stdout == b"0\n", done.stderr
