"""The `katib` command: Katib on this machine, without a cluster.

Reads arguments and environment, calls one function per command, turns errors into one readable line.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from katib_apis.v1beta1 import names
from katib_local import commands
from katib_local.caller import Caller
from katib_local.commands import Arguments
from katib_local.documents import InputError
from katib_local.state import StateError, default_path
from katib_local.supervisor import ProgramFailed
from katib_machinery.flags import FlagParser, ShowVersion
from katib_machinery.transport import ApiError, UnreachableError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
KUBECTL_COMMANDS = {
    "get": "list Experiments, Trials, Jobs, Pods and the rest (as kubectl get)",
    "describe": "show one object with its events (as kubectl describe)",
    "logs": "print what a Trial has printed: katib logs TRIAL (or as kubectl logs)",
    "delete": "remove objects (as kubectl delete)",
}


def build_parser() -> FlagParser:
    parser = FlagParser(prog="katib", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action=ShowVersion, distribution="katib-local")
    actions = parser.add_subparsers(dest="action", metavar="COMMAND", required=True)
    run = _action(actions, "run", "run the Experiment in a file, show its progress and its best trials")
    run.add_argument(
        "file", metavar="FILE", type=Path, help="YAML file with one Experiment (and its ConfigMaps and Secrets)"
    )
    _start_options(run)
    _algorithm_option(run)
    up = _action(actions, "up", "start Katib in the background; returns when it is ready")
    _start_options(up)
    _algorithm_option(up)
    _action(actions, "down", "stop what `katib up` has started; experiments are kept and go on at the next start")
    _action(actions, "status", "say whether Katib runs here, where, and which experiments it has")
    _action(actions, "kubeconfig", "print a kubeconfig for kubectl and other clients")
    doctor = _action(actions, "doctor", "check this machine: isolation, ports, disk, state, clock, kubectl; with cures")
    _start_options(doctor)
    for name, text in KUBECTL_COMMANDS.items():
        action = _action(actions, name, text, usage=f"katib {name} [--state-dir DIR] [--port PORT] ARGUMENTS ...")
        action.epilog = f"ARGUMENTS are those of `kubectl {name}`."
    return parser


def _action(
    actions: argparse._SubParsersAction[FlagParser], name: str, text: str, usage: str | None = None
) -> FlagParser:
    description = text[0].upper() + text[1:] + "."
    action = actions.add_parser(name, help=text, description=description, usage=usage, allow_abbrev=False)
    fallback = _default_state_dir()
    action.add_argument(
        "--state-dir",
        type=_directory,
        default=fallback,
        metavar="DIR",
        help=f"where everything is kept (default: {fallback})",
    )
    action.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help="port of the API server (default: a free one; of a Katib that runs already: the one that it has)",
    )
    return action


def _start_options(action: FlagParser) -> None:
    action.add_argument(
        "--isolation",
        choices=["auto", "mount", "rewrite"],
        default="auto",
        help="how pods see their volumes: in private mounts, by rewritten paths, or the better one that works here",
    )


def _algorithm_option(action: FlagParser) -> None:
    action.add_argument(
        "--algorithm",
        action="append",
        default=[],
        metavar="[NAME=]MODULE:CLASS",
        help="an algorithm of yours to search with (docs/new-algorithm.md); may be given more than once",
    )


def _default_state_dir() -> Path:
    return default_path(os.environ, names.ENV_STATE_DIR)


def _directory(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("names no directory: give a path, or leave it out")
    return Path(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")
    return int(text)


def parse(arguments: Sequence[str] | None) -> Arguments:
    parser = build_parser()
    parsed, rest = parser.parse_known_args(arguments)
    if rest and parsed.action not in KUBECTL_COMMANDS:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return Arguments(
        action=parsed.action,
        state_dir=parsed.state_dir,
        file=getattr(parsed, "file", None),
        port=parsed.port,
        isolation=getattr(parsed, "isolation", "auto"),
        algorithms=tuple(getattr(parsed, "algorithm", ())),
        rest=tuple(rest),
        caller=Caller(None if parsed.state_dir == _default_state_dir() else parsed.state_dir),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 good, 1 failed, 2 bad input, 130 interrupted."""
    try:
        code = commands.dispatch(parse(arguments))
        sys.stdout.flush()
        return code
    except (InputError, StateError) as error:
        return _say(str(error), BAD_INPUT)
    except ProgramFailed as error:
        return _say(str(error), FAILED)
    except ApiError as error:
        return _say(f"the API server refuses: {' '.join(str(error).split())}", FAILED)
    except UnreachableError as error:
        return _say(f"the API server gives no answer: {error}; `katib doctor` says what may be wrong", FAILED)
    except OSError as error:
        return _say(_told(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _told(error: OSError) -> str:
    """What the system refuses. Whoever reads our output may be gone: what is still unwritten goes nowhere then."""
    cause = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {cause}"
    with contextlib.suppress(OSError), open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), sys.stdout.fileno())
    return f"cannot write the output: {cause}" if error.errno in (errno.EPIPE, errno.ENOSPC) else cause


def _say(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        for line in message.splitlines():
            print(f"katib: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
