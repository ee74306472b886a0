"""What each `katib` command does, in terms of the rooms of this package."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from katib_local import trial_logs
from katib_local.caller import Caller
from katib_local.documents import RefusedError
from katib_local.experiment_file import ExperimentFile, read_experiment_file
from katib_local.kubectl import call_kubectl, kubectl
from katib_local.room import check_room, find_shortage, shortage
from katib_local.state import (
    Owner,
    StateDirectory,
    StateError,
    StateInUse,
    find_ending,
    find_owner,
    find_state,
    open_state,
    take_back,
    taken_back,
)
from katib_local.supervisor import ProgramFailed, last_words
from katib_local.trial_logs import LogWords, find_pods, parse_logs, print_kept, print_logs
from katib_local.waiting import first_of, unless, until_stopped
from katib_machinery.transport import ApiError, UnreachableError

BAD_INPUT, INTERRUPTED = 2, 130
STOP_WITHIN = 20.0
READY_WITHIN = 60.0
LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Arguments:
    """A parsed command line."""

    action: str
    state_dir: Path
    file: Path | None = None
    port: int | None = None
    isolation: str = "auto"
    algorithms: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    caller: Caller = field(default_factory=Caller)


def dispatch(arguments: Arguments) -> int:
    """Call the function of a command; returns the exit code."""
    match arguments.action:
        case "run":
            return run(arguments)
        case "up":
            return up(arguments)
        case "down":
            return down(arguments)
        case "status":
            return status(arguments)
        case "kubeconfig":
            print(running_state(arguments).kubeconfig.read_text(), end="")
            return 0
        case "doctor":
            from katib_local.doctor import doctor

            return doctor(arguments.state_dir, arguments.port)
        case "logs":
            return logs(arguments)
        case _:
            return ask(arguments)


@dataclass
class Attempt:
    """One `katib run`; `created` from when its Experiment is known to be there."""

    state: StateDirectory
    file: ExperimentFile
    arguments: Arguments
    created: bool = False

    @property
    def command(self) -> str:
        """What to type to run the same again."""
        return self.arguments.caller.command("run", str(self.arguments.file))

    @property
    def again(self) -> str:
        """What the same command does next time."""
        return f"{self.command} {'continues' if self.created else 'starts'} the experiment"

    def note_created(self) -> None:
        self.created = True


def run(arguments: Arguments) -> int:
    """Run a file, in the running laptop if there is one, else in one of its own."""
    assert arguments.file is not None
    file = read_experiment_file(arguments.file)
    state = open_state(arguments.state_dir)
    attempt = Attempt(state, file, arguments)
    owner = find_owner(state)
    if owner is not None and owner.command == "up" and join(state, arguments):
        return interruptible(_run_joined(attempt), lambda: _left(attempt))
    try:
        return interruptible(_run_alone(attempt), lambda: f"stopped; {attempt.again}")
    except StateInUse as error:
        raise StateInUse(
            f"{error}: wait for it, stop it, or choose another directory with --state-dir", error.owner
        ) from None
    except RefusedError:
        take_back(state)
        raise


def _left(attempt: Attempt) -> str:
    """What becomes of an Experiment that nobody follows any more."""
    if not attempt.created:
        return f"stopped; {attempt.again}"
    return f"Experiment {attempt.file.name} goes on; {attempt.command} shows it again"


async def _run_in(attempt: Attempt) -> int:
    from katib_local.objections import find_objection
    from katib_local.run import Runner
    from katib_machinery.kube import connect

    state, caller = attempt.state, attempt.arguments.caller
    words, objection = partial(trial_logs.last_words, state), partial(find_objection, state)
    async with connect(str(state.kubeconfig)) as transport:
        runner = Runner(transport, attempt.file, caller, words=words, objection=objection)
        return await runner.run(attempt.note_created)


async def _run_joined(attempt: Attempt) -> int:
    state = attempt.state
    try:
        return await unless(shortage(state), _run_in(attempt))
    except UnreachableError as error:
        cause = await _ending(state)
        why = f": {cause}" if cause else ""
        raise ProgramFailed(f"Katib on {state.path} was stopped{why}; {attempt.again}") from error


async def _ending(state: StateDirectory) -> str:
    """Why the laptop in the background has ended, once it has: its server goes before it does."""
    for _ in range(int(STOP_WITHIN / LOOK_EVERY)):
        if find_owner(state) is None:
            break
        await asyncio.sleep(LOOK_EVERY)
    return find_ending(state)


async def _run_alone(attempt: Attempt) -> int:
    from katib_local.laptop import Options, cause_of, serve_laptop

    state, arguments = attempt.state, attempt.arguments
    options = Options("run", arguments.port, arguments.isolation, Path.cwd(), arguments.algorithms)
    async with serve_laptop(state, options) as supervisor:
        alarm = first_of(supervisor.failure(), shortage(state))
        try:
            return await unless(alarm, _run_in(attempt))
        except (ProgramFailed, ApiError, OSError) as error:
            raise find_shortage(state) or await cause_of(error, supervisor) from error


def interruptible(work: Coroutine[Any, Any, int], hint: Callable[[], str]) -> int:
    """Run to the end, or until Ctrl-C or SIGTERM, which stop it cleanly and say how to go on."""
    try:
        return asyncio.run(until_stopped(work))
    except asyncio.CancelledError:
        print(f"katib: {hint()}", file=sys.stderr)
        return INTERRUPTED


def up(arguments: Arguments) -> int:
    """Start a laptop in the background and return when it is ready."""
    state = open_state(arguments.state_dir)
    owner = find_owner(state)
    if owner is not None and owner.command == "up":
        if join(state, arguments):
            return _already_up(state)
        owner = find_owner(state)
    if owner is not None:
        raise StateInUse(
            f"`katib {owner.command}` (process {owner.pid}) is using {state.path}: wait for it, or choose another --state-dir",
            owner,
        )
    with taken_back(state):
        return _up(state, arguments)


def _up(state: StateDirectory, arguments: Arguments) -> int:
    check_room(state)
    log = state.logs / "katib.log"
    code = _start_daemon(state, arguments, log)
    if code is None:
        print(f"Katib is up; its state is in {state.path}. kubectl: export KUBECONFIG={state.kubeconfig}")
        return 0
    owner = find_owner(state)
    if owner is not None and owner.command == "up" and join(state, arguments):  # another `katib up` was quicker
        return _already_up(state)
    words = last_words(log.read_bytes()).removeprefix("katib: ") or f"Katib did not start; see {log}"
    raise StateError(words) if code == BAD_INPUT else ProgramFailed(words)


def _start_daemon(state: StateDirectory, arguments: Arguments, log: Path) -> int | None:
    """Start the background process; returns None when it is ready, else its exit code."""
    with open(log, "ab") as stream:
        child = subprocess.Popen(  # noqa: S603
            _daemon_command(state, arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stream,
            start_new_session=True,
        )
    assert child.stdout is not None
    try:
        return None if child.stdout.readline().strip() == b"ready" else child.wait()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        print(f"katib: stopped; {arguments.caller.command('up')} starts Katib", file=sys.stderr)
        raise


def _already_up(state: StateDirectory) -> int:
    print(f"Katib is already up; its state is in {state.path}")
    return 0


def join(state: StateDirectory, arguments: Arguments) -> bool:
    """Wait until a laptop that is starting is ready; False when it has ended, as one does that was on its way out.

    Raises StateError when it is not as the arguments want it.
    """
    deadline = time.monotonic() + READY_WITHIN
    while not state.ports.exists():
        if find_owner(state) is None:
            return False
        if time.monotonic() > deadline:
            raise ProgramFailed(f"Katib on {state.path} did not start; its logs are in {state.logs}")
        time.sleep(LOOK_EVERY)
    check_port(state, arguments)
    check_isolation(state, arguments)
    check_algorithms(state, arguments)
    return True


def _daemon_command(state: StateDirectory, arguments: Arguments) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "katib_local.daemon",
        f"--state-dir={state.path}",
        f"--isolation={arguments.isolation}",
    ]
    command += [f"--algorithm={entry}" for entry in arguments.algorithms]
    return [*command, *([f"--port={arguments.port}"] if arguments.port else [])]


def down(arguments: Arguments) -> int:
    """Stop the laptop that `katib up` has started."""
    state = find_state(arguments.state_dir)
    owner = find_owner(state) if state else None
    if state is None or owner is None:
        print(f"Katib is not running on {arguments.state_dir.absolute()}")
        return 0
    if owner.command != "up":
        raise StateInUse(
            f"`katib {owner.command}` (process {owner.pid}) is using {state.path}: end it with Ctrl-C there", owner
        )
    with contextlib.suppress(ProcessLookupError):
        os.kill(owner.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN
    while find_owner(state) is not None:
        if time.monotonic() > deadline:
            raise ProgramFailed(
                f"process {owner.pid} has not ended within {STOP_WITHIN:.0f} s; end it with kill -9 {owner.pid}"
            )
        time.sleep(LOOK_EVERY)
    print("Katib is down")
    return 0


def status(arguments: Arguments) -> int:
    """Say what runs here; exit code 1 when nothing does."""
    state = find_state(arguments.state_dir)
    owner = find_owner(state) if state else None
    if state is None or owner is None or not state.ports.exists():
        ending = str(find_shortage(state) or find_ending(state)) if state else ""
        why = f": {ending}" if ending else ""
        print(
            f"Katib is not running on {arguments.state_dir.absolute()}{why}; {arguments.caller.command('up')} starts it"
        )
        return 1
    check_port(state, arguments)
    print(f"Katib runs: `katib {owner.command}`, process {owner.pid}, state in {state.path}")
    return kubectl(state, ["get", "experiments", "--all-namespaces"])


def ask(arguments: Arguments) -> int:
    """kubectl against what runs here, else against what is needed for the moment: people ask after a run has ended."""
    state, words = kept_state(arguments), [arguments.action, *arguments.rest]
    if _serving(find_owner(state), state):
        check_port(state, arguments)
        return kubectl(state, words)
    print("katib: Katib is not running; it is started for this command only", file=sys.stderr)
    return interruptible(_ask_for_the_moment(state, arguments, words), lambda: "stopped")


async def _ask_for_the_moment(state: StateDirectory, arguments: Arguments, words: Sequence[str]) -> int:
    """Objects with finalizers go only when their controllers run; to be read, they need nothing but their server."""
    from katib_local.laptop import Options, serve_laptop, serve_objects

    serve = serve_laptop if arguments.action == "delete" else serve_objects
    async with serve(state, Options(arguments.action, arguments.port, working_directory=Path.cwd())):
        code = await call_kubectl(state, words)
        if arguments.action == "delete" and not await _settle(state):
            print("katib: trials are still being removed; the next start goes on with it", file=sys.stderr)
        return code


async def _settle(state: StateDirectory) -> bool:
    from katib_local.settling import settle
    from katib_machinery.kube import connect

    async with connect(str(state.kubeconfig)) as transport:
        return await settle(transport)


def logs(arguments: Arguments) -> int:
    """What a trial has printed; the files say it when nothing runs."""
    state, words = kept_state(arguments), parse_logs(arguments.rest)
    if _serving(find_owner(state), state):
        check_port(state, arguments)
        return print_logs(state, arguments.rest, arguments.caller)
    if words is None:
        raise StateError(
            f"Katib is not running on {state.path}: `katib logs TRIAL` shows what is kept; for anything else start it "
            f"with {arguments.caller.command('up')}"
        )
    return interruptible(_logs_for_the_moment(state, arguments, words), lambda: "stopped")


async def _logs_for_the_moment(state: StateDirectory, arguments: Arguments, words: LogWords) -> int:
    """The server knows which of the files belong to a pod that was interrupted."""
    from katib_local.laptop import Options, serve_objects

    async with serve_objects(state, Options(arguments.action, arguments.port, working_directory=Path.cwd())):
        pods = await asyncio.to_thread(find_pods, state, words.trial, words.namespace)
    return print_kept(state, words, pods, arguments.caller)


def kept_state(arguments: Arguments) -> StateDirectory:
    """The state directory whether or not a laptop runs on it; raises StateError when there is none."""
    state = find_state(arguments.state_dir)
    if state is None:
        raise StateError(
            f"there is nothing of Katib in {arguments.state_dir.absolute()}: {arguments.caller.command('run', 'FILE')} "
            f"or {arguments.caller.command('up')} begins, --state-dir names another directory"
        )
    return state


def running_state(arguments: Arguments) -> StateDirectory:
    """The state directory of a laptop that runs; raises StateError when none does."""
    state = find_state(arguments.state_dir)
    if state is not None and _serving(find_owner(state), state):
        check_port(state, arguments)
        return state
    raise StateError(
        f"Katib is not running on {arguments.state_dir.absolute()}: start it with {arguments.caller.command('up')}"
    )


def check_port(state: StateDirectory, arguments: Arguments) -> None:
    """Raise StateError when a laptop that runs already has another port than the one that is asked for."""
    wanted = arguments.port
    port = json.loads(state.ports.read_text())["apiserver"] if wanted is not None else None
    if port != wanted:
        raise StateError(
            f"Katib runs on port {port}, not on {wanted}: leave --port out, or {arguments.caller.command('down')} first"
        )


def check_isolation(state: StateDirectory, arguments: Arguments) -> None:
    """Raise StateError when a laptop that runs already isolates pods in another way than the one that is asked for."""
    has = json.loads(state.ports.read_text()).get("isolation", "auto")
    if arguments.isolation in ("auto", has):
        return
    if has == "auto":
        from katib_local.node.isolation import probe_mount_isolation

        has = "rewrite" if probe_mount_isolation() else "mount"
    if has != arguments.isolation:
        raise StateError(
            f"Katib runs with the isolation {has}, not {arguments.isolation}: leave --isolation out, or "
            f"{arguments.caller.command('down')} first"
        )


def check_algorithms(state: StateDirectory, arguments: Arguments) -> None:
    """Raise StateError when a laptop that runs already does not serve an algorithm that is asked for."""
    served = json.loads(state.ports.read_text()).get("algorithms", [])
    missing = [entry for entry in arguments.algorithms if entry not in served]
    if missing:
        again = arguments.caller.command("up", *(f"--algorithm={entry}" for entry in (*served, *missing)))
        raise StateError(
            f"Katib runs without the algorithm {', '.join(missing)}: {arguments.caller.command('down')} first, then {again}"
        )


def _serving(owner: Owner | None, state: StateDirectory) -> bool:
    return owner is not None and state.ports.exists()
