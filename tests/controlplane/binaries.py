"""Where the compiled commands of a Kubernetes version are, and of which sources they were made.

Knows `hack/kube/VERSION/go.mod` and the cache. Must not know how a command is built or run.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parents[2] / "hack/kube"
ETCD = "go.etcd.io/etcd/server/v3"
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


class BinariesMissing(Exception):
    """A command is not built, or cannot be; the message has the cure."""


@dataclass(frozen=True)
class Module:
    """The Go module that pins one Kubernetes version: its `tool`s are the commands."""

    version: str

    @property
    def folder(self) -> Path:
        return MODULES / self.version

    @property
    def _go_mod(self) -> str:
        return (self.folder / "go.mod").read_text()

    @property
    def release(self) -> str:
        """The pinned release, such as v1.37.2."""
        return _found(r"^\tk8s\.io/kubernetes (v\S+)", self._go_mod)

    @property
    def oldest_go(self) -> str:
        """The oldest Go that compiles it."""
        return _found(r"^go (\S+)", self._go_mod)

    @property
    def packages(self) -> dict[str, str]:
        """Each command's package."""
        tools = _found(r"^tool \(\n(.*?)^\)", self._go_mod).split()
        return {"etcd" if package == ETCD else package.rpartition("/")[2]: package for package in tools}

    @property
    def digest(self) -> str:
        """Changes with every pin."""
        texts = [(self.folder / name).read_bytes() for name in ("go.mod", "go.sum")]
        return hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]

    def key(self, go: str) -> str:
        """The name of the folder that keeps what this Go makes of these sources."""
        return f"{self.release}-{self.digest}-{go}"


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert match, f"go.mod has no {pattern}"
    return match[1]


def versions() -> list[str]:
    """The supported versions, oldest first."""
    names = [path.parent.name for path in MODULES.glob("*/go.mod")]
    return sorted(names, key=lambda name: [int(part) for part in name.split(".")])


def newest() -> str:
    return versions()[-1]


def cache(environment: Mapping[str, str]) -> Path:
    """Where all versions' commands are kept."""
    root = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "katib" / "kube"


def find_go(module: Module, environment: Mapping[str, str]) -> str | None:
    """The version of the Go at hand, such as go1.26.8; None where there is none, or none that can read the module."""
    program = shutil.which("go", path=environment.get("PATH"))
    if program is None:
        return None
    done = subprocess.run(
        [program, "env", "GOVERSION"], cwd=module.folder, env=dict(environment), capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else None


def find_folder(module: Module, environment: Mapping[str, str]) -> Path | None:
    """The folder with commands of these sources: this Go's; without Go, the last one that any Go has made."""
    if go := find_go(module, environment):
        return cache(environment) / module.key(go)
    made = cache(environment).glob(module.key("go*"))
    return max((path for path in made if path.is_dir()), key=lambda path: path.stat().st_mtime, default=None)


def missing(folder: Path | None, commands: Iterable[str]) -> list[str]:
    """The commands that a folder does not have. A file of a command's name is always whole."""
    return [name for name in commands if folder is None or not (folder / name).is_file()]


def get_folder(version: str, environment: Mapping[str, str], commands: Iterable[str] = CONTROL_PLANE) -> Path:
    """The folder that has these commands; raises BinariesMissing."""
    folder = find_folder(Module(version), environment)
    absent = missing(folder, commands)
    if folder is None or absent:
        extra = [name for name in absent if name not in CONTROL_PLANE]
        raise BinariesMissing(
            f"Kubernetes {version} is not built ({', '.join(absent)} missing in {cache(environment)}): "
            f"run `{' '.join(['nox -s kube --', version, *extra])}`"
        )
    return folder
