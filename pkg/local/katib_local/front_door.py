"""Where the `katib` command begins: Ctrl-C while its modules are loaded ends it as later, without a traceback."""

from __future__ import annotations

INTERRUPTED = 130


def main() -> int:
    """Run the command of this process's arguments; returns its exit code."""
    try:
        from katib_local.__main__ import main as command
    except KeyboardInterrupt:
        return INTERRUPTED
    return command()
