"""The state directory: where the laptop keeps everything, who owns it and which version wrote it.

Knows files and locks. Must not know processes or Kubernetes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from katib_apis.v1beta1 import names
from katib_local.node.options import CLAIMS

STATE_VERSION = 2
"""1: objects in a database that never gave room back. 2: they are in one that does (the API server migrates them)."""
LONGEST_SOCKET_PATH = 100
UNFINISHED = ".version."
"""How the name begins that the file `version` has while it is written."""


class StateError(Exception):
    """The state directory cannot be used; the message names the directory and the cure."""


class StateInUse(StateError):
    """Another process owns the state directory; `owner` says which one and how it was started."""

    def __init__(self, message: str, owner: Owner | None) -> None:
        super().__init__(message)
        self.owner = owner


@dataclass(frozen=True)
class Owner:
    """The process that serves a state directory: `katib up` or `katib run`."""

    pid: int
    command: str


@dataclass(frozen=True)
class StateDirectory:
    """Paths below one state directory.

    `made` is what was not there before this process opened it, from the inside out: a start that is refused takes it back.
    """

    path: Path
    made: tuple[Path, ...] = field(default=(), compare=False)

    @property
    def version(self) -> Path:
        """The version of the format; a directory with this file is ours."""
        return self.path / "version"

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def credentials(self) -> Path:
        return self.path / "credentials"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def objects(self) -> Path:
        return self.path / "apiserver"

    @property
    def pods(self) -> Path:
        return self.path / "node"

    @property
    def claims(self) -> Path:
        """What persistent volume claims hold, each in a directory below that of its namespace."""
        return self.pods / CLAIMS

    @property
    def kept_logs(self) -> Path:
        """Logs of pods that are gone."""
        return self.pods / "ended"

    @property
    def observations(self) -> Path:
        return self.path / "observations.sqlite"

    @property
    def user_config(self) -> Path:
        """The user's own KatibConfig, if there is one."""
        return self.path / names.OBJECT_CONFIG_KEY

    @property
    def rendered_config(self) -> Path:
        """The KatibConfig of this start: the user's or the shipped one, with this start's addresses."""
        return self.path / "run" / names.OBJECT_CONFIG_KEY

    @property
    def ports(self) -> Path:
        return self.path / "run" / "ports.json"

    @property
    def ending(self) -> Path:
        """Why the last laptop in the background has ended, when nobody asked it to."""
        return self.path / "run" / "ending"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.credentials, self.logs, self.objects, self.pods, self.path / "run")

    @property
    def socket_folder(self) -> Path:
        """Where sockets are: short enough for the 107 bytes that a socket's path may have."""
        inside = self.path / "run"
        if len(str(inside)) <= LONGEST_SOCKET_PATH - 24:
            return inside
        digest = f"{hash_text(str(self.path)):08x}"
        return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"katib-{os.getuid()}-{digest}"

    def sockets(self) -> Path:
        """The private directory for sockets, made if it is missing; raises StateError when it is somebody else's."""
        outside = self.socket_folder
        if outside in self.folders:
            return outside
        outside.mkdir(mode=0o700, exist_ok=True)
        details = outside.lstat()
        if details.st_uid != os.getuid() or details.st_mode & 0o077 or outside.is_symlink():
            raise StateError(f"{outside} belongs to somebody else: remove it, or use a shorter --state-dir")
        return outside


def hash_text(text: str) -> int:
    """A short stable hash of a text."""
    import zlib

    return zlib.crc32(text.encode())


def default_path(environment: Mapping[str, str], variable: str) -> Path:
    """The state directory when none is named: $KATIB_STATE_DIR, else $XDG_DATA_HOME/katib, else ~/.local/share/katib."""
    if named := environment.get(variable):
        return Path(named)
    data_home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data_home) / "katib"


def open_state(path: Path) -> StateDirectory:
    """Make the directory if it is missing and check that this version may use it; raises StateError."""
    state = StateDirectory(path.absolute())
    try:
        state = replace(state, made=tuple(_missing(state)))
        with taken_back(state):
            state.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_ours(state)
            state.path.chmod(0o700)
            _check_version(state.version)
            for folder in state.folders:
                folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error
    return state


def _missing(state: StateDirectory) -> Iterator[Path]:
    """What a start will make: nothing where Katib has been before."""
    if state.version.exists():
        return
    rows = (state.observations.with_name(state.observations.name + end) for end in ("", "-wal", "-shm"))
    files = (state.version, state.lock, state.kubeconfig, *rows)
    for place in (*state.folders, *files, state.socket_folder, state.path, *state.path.parents):
        if not place.exists():
            yield place


@contextlib.contextmanager
def taken_back(state: StateDirectory) -> Iterator[None]:
    """While the block runs, a refusal takes back what this process has made; what was there before stays.

    A program that fails is no refusal: its message names a log in the directory.
    """
    try:
        yield
    except StateInUse:
        raise
    except (StateError, OSError):
        take_back(state)
        raise


def take_back(state: StateDirectory) -> None:
    """Remove what this process has made, unless somebody else works there by now."""
    with contextlib.suppress(OSError, StateInUse), _undisturbed(state):
        for place in state.made:
            if place in state.folders:
                shutil.rmtree(place, ignore_errors=True)
            elif place.is_dir():
                place.rmdir()
            else:
                place.unlink(missing_ok=True)


@contextlib.contextmanager
def _undisturbed(state: StateDirectory) -> Iterator[None]:
    """Raise StateInUse when somebody who came later works here."""
    if not state.lock.exists():
        yield
        return
    with open(state.lock, encoding="utf-8") as stream:
        _take_lock(stream, state)
        yield


def _take_lock(stream: IO[str], state: StateDirectory) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = find_owner(state)
        who = f"`katib {owner.command}` (process {owner.pid})" if owner else "another process"
        raise StateInUse(f"{who} is using the state directory {state.path}", owner) from None


def find_state(path: Path) -> StateDirectory | None:
    """The state directory if there is one, for those who only look: nothing is made or changed. Raises StateError."""
    state = StateDirectory(path.absolute())
    try:
        if not _first_line(state.version):
            return None
        _check_owner(state)
        _check_version(state.version)
    except OSError as error:
        if _file_in(state.path):
            raise _unusable(path, error) from error
        cause = error.strerror or str(error)
        raise StateError(
            f"cannot read the state directory {path}: {cause}. Choose another one with --state-dir"
        ) from error
    return state


def check_usable(path: Path) -> None:
    """Raise StateError when open_state would refuse the directory, as far as looking can tell; changes nothing."""
    state = StateDirectory(path.absolute())
    existing = next(place for place in (state.path, *state.path.parents) if place.exists())
    try:
        if existing == state.path:
            _check_ours(state)
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unusable(path, error) from error


def _check_ours(state: StateDirectory) -> None:
    """Raise StateError for a directory that belongs to somebody else, holds something else, or that every user may write to:
    it is not ours to close.
    """
    _check_owner(state)
    entries = {entry for entry in os.listdir(state.path) if not entry.startswith(UNFINISHED)}
    if state.version.exists():
        return
    if foreign := sorted(entries - {names.OBJECT_CONFIG_KEY}):
        raise StateError(
            f"{state.path} holds other files ({foreign[0]}) and no state of Katib: name a new or an empty directory, such as "
            f"{state.path / 'katib'}, with --state-dir"
        )
    if state.path.stat().st_mode & stat.S_IWOTH:
        raise StateError(
            f"every user may write to {state.path}: name a directory of your own, such as {state.path / 'katib'}, "
            "with --state-dir"
        )


def _check_owner(state: StateDirectory) -> None:
    """What runs here, and who may ask for it, is read from these files: they are obeyed only if they are ours."""
    trusted = [state.path, *sorted(state.path.iterdir())]
    for folder in (state.credentials, state.objects, state.path / "run"):
        trusted += sorted(folder.rglob("*"))
    for file in trusted:
        try:
            owner = file.lstat().st_uid
        except FileNotFoundError:
            continue  # somebody who works here has just removed it
        if owner != os.geteuid():
            raise StateError(
                f"{file} belongs to another user (uid {owner}), who could make this one run anything: remove it, or "
                "choose another directory with --state-dir"
            )


def _check_version(file: Path) -> None:
    text = _first_line(file)
    if not text:
        write_private(file, f"{STATE_VERSION}\n".encode())
        return
    if not text.isdecimal():
        raise StateError(
            f"{file} is damaged: it says {text!r} instead of {STATE_VERSION}, the version of the format. Write "
            f"{STATE_VERSION} into it, or choose another directory with --state-dir"
        )
    if int(text) > STATE_VERSION:
        raise StateError(
            f"the state in {file.parent} was written by a newer Katib (version {text} of the format, this one knows "
            f"{STATE_VERSION}): update Katib, or choose another directory with --state-dir"
        )


def raise_version(state: StateDirectory) -> None:
    """Make an older directory this version's, for its owner: from now on an older Katib refuses it.

    What is in it is migrated by the program whose files they are, when it opens them.
    """
    if _first_line(state.version) != str(STATE_VERSION):
        write_private(state.version, f"{STATE_VERSION}\n".encode())


def _first_line(file: Path) -> str:
    """A short file's text; nothing when it is not there."""
    try:
        with file.open("rb") as stream:
            return stream.readline(64).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def _unusable(path: Path, error: OSError) -> StateError:
    if blocking := _file_in(path):
        return StateError(f"{blocking} is a file, and the state needs a directory: choose another one with --state-dir")
    cause = error.strerror or str(error)
    return StateError(f"cannot write to the state directory {path}: {cause}. Choose another one with --state-dir")


def _file_in(path: Path) -> Path | None:
    """The part of a path that ought to be a directory and is something else."""
    return next((part for part in (path, *path.parents) if os.path.exists(part) and not os.path.isdir(part)), None)


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.replace(temporary, file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def owned(state: StateDirectory, command: str) -> Iterator[None]:
    """Own the state directory while the block runs; raises StateInUse when another process does."""
    with open(state.lock, "a+", encoding="utf-8") as stream:
        os.chmod(state.lock, 0o600)
        _take_lock(stream, state)
        stream.seek(0)
        stream.truncate()
        stream.write(json.dumps({"pid": os.getpid(), "command": command}))
        stream.flush()
        try:
            yield
        finally:
            stream.seek(0)
            stream.truncate()


def find_owner(state: StateDirectory) -> Owner | None:
    """The process that owns the directory now, or None."""
    try:
        with open(state.lock, encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                content = json.loads(stream.read() or "{}")
                return Owner(int(content.get("pid", 0)), str(content.get("command", "")))
            return None
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
        return None


def find_ending(state: StateDirectory) -> str:
    """Why the last laptop here has ended, when nobody asked it to; empty otherwise, and while one runs."""
    if find_owner(state) is not None:
        return ""
    with contextlib.suppress(OSError):
        return state.ending.read_text()
    try:
        left = json.loads(state.lock.read_text())  # whoever ends by itself empties it
        return f"`katib {left['command']}` (process {left['pid']}) was killed"
    except (OSError, ValueError, LookupError, TypeError):
        return ""
