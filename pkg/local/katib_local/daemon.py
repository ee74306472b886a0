"""The background process of `katib up`: serves a laptop until it is told to stop.

Prints `ready` on stdout once; everything else goes to stderr, which is a log.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from katib_local.laptop import Options, serve_laptop
from katib_local.room import shortage
from katib_local.state import StateError, open_state, write_private
from katib_local.supervisor import ProgramFailed
from katib_local.waiting import first_of, until_stopped
from katib_machinery.flags import FlagParser
from katib_machinery.transport import ApiError

BAD_INPUT = 2
"""The exit code for what the caller has to change, as `katib` has it."""


async def serve(state_dir: Path, options: Options) -> None:
    """Serve until cancelled; raises ProgramFailed or StateError, and leaves word of it, when a program ends by itself,
    the disk is full, or nobody waits any more for the start.
    """
    state = open_state(state_dir)
    async with serve_laptop(state, options) as supervisor:
        try:
            _announce()
            raise await first_of(supervisor.failure(), shortage(state))
        except (ProgramFailed, StateError) as error:
            with contextlib.suppress(OSError):
                write_private(state.ending, (error.ending if isinstance(error, ProgramFailed) else str(error)).encode())
            raise


def _announce() -> None:
    """Tell `katib up`, then let go of the terminal that it was started from. Raises ProgramFailed when it has gone."""
    try:
        os.write(sys.stdout.fileno(), b"ready\n")
    except BrokenPipeError:
        raise ProgramFailed("`katib up` had ended before Katib was ready") from None
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = FlagParser(prog="katib_local.daemon", description=__doc__.splitlines()[0])
    parser.add_argument("--state-dir", type=Path, required=True, help="state directory")
    parser.add_argument("--port", type=int, help="port of the API server (default: a free one)")
    parser.add_argument("--isolation", default="auto", help="auto, mount or rewrite")
    parser.add_argument("--algorithm", action="append", default=[], help="[name=]module:Class of an algorithm")
    parsed = parser.parse_args(arguments)
    options = Options("up", parsed.port, parsed.isolation, Path.cwd(), tuple(parsed.algorithm))
    try:
        asyncio.run(until_stopped(serve(parsed.state_dir, options)))
    except asyncio.CancelledError:
        return 0
    except (StateError, ProgramFailed, ApiError, OSError) as error:
        print(f"katib: {error}", file=sys.stderr, flush=True)
        return BAD_INPUT if isinstance(error, StateError) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
