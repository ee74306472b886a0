"""How the node is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from katib_local.node.images import Image

CLAIMS = "claims"


@dataclass(frozen=True)
class NodeOptions:
    """Settings of one node; `environment` is what every container starts from."""

    name: str
    state_dir: Path
    isolation: str
    working_directory: str
    images: Sequence[tuple[str, Image]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    own_bin: str = ""
    log_port: int = 0
    gpus: int = 0

    @property
    def claims(self) -> Path:
        """What persistent volume claims hold, each in a directory below that of its namespace."""
        return self.state_dir / CLAIMS
