"""How pods see their volumes: in private mounts where this machine allows it, else by rewritten paths."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES = str(Path(__file__).parents[2])
# Imported, not run as a file: so it is compiled once and not at each pod's start.
START = f"import sys; sys.path.append({PACKAGES!r}); from katib_local.node.sandbox import main; main()"
SANDBOX = [sys.executable, "-S", "-E", "-I", "-c", START]


def probe_mount_isolation() -> str | None:
    """Why isolation `mount` does not work here, or None when it does."""
    if sys.platform != "linux":
        return "only Linux has private mounts"
    done = subprocess.run([*SANDBOX, "probe"], capture_output=True, text=True)  # noqa: S603
    if done.returncode == 0:
        return None
    return done.stderr.strip() or "private mounts are not allowed"


def choose_isolation(wanted: str) -> str:
    """`mount` or `rewrite`; raises ValueError when `mount` is asked for and cannot be had."""
    if wanted == "rewrite":
        return wanted
    problem = probe_mount_isolation()
    if wanted == "mount" and problem is not None:
        raise ValueError(f"isolation mount does not work here: {problem}; use --isolation=rewrite")
    return "mount" if problem is None else "rewrite"


def rewrite_paths(text: str, places: Mapping[str, str]) -> str:
    """A text with every mentioned mount path replaced by the volume's real place, the longest paths first."""
    for path in sorted((path.rstrip("/") for path in places), key=len, reverse=True):
        if path:
            real = places.get(path) or places[f"{path}/"]
            text = re.sub(rf"(?<![\w./-]){re.escape(path)}(?![\w.-])", real.replace("\\", r"\\"), text)
    return text


def rewrite_all(texts: Sequence[str], places: Mapping[str, str]) -> list[str]:
    return [rewrite_paths(text, places) for text in texts]
