"""Puts a file in place in one step, and knows what an interrupted step leaves behind. Knows nothing of what is printed."""

import os
import re
from pathlib import Path

# The file that is written beside its target bears the number of the process that writes it.
_TEMPORARY = re.compile(r"\..+\.(\d+)\.printing")


def replace(target: Path, content: bytes) -> None:
    """Whoever reads the target, at any moment and also when this process is killed, sees the old bytes or the new."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.printing")
    try:
        temporary.write_bytes(content)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_left_behind(path: Path) -> bool:
    """Whether the file is one that a process wrote beside its target and did not live to put in place."""
    match = _TEMPORARY.fullmatch(path.name)
    return match is not None and not _lives(int(match[1]))


def _lives(process: int) -> bool:
    if process == os.getpid():
        return False  # A process writes its files one after the other, and not while it looks for old ones.
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
