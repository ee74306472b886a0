"""Starts a real Kubernetes control plane on loopback, prints its kubeconfig, and stays until Ctrl-C.

etcd, kube-apiserver, kube-controller-manager and kube-scheduler run, with RBAC and verified TLS. There is no node: Pods stay
Pending. The commands are built by `nox -s kube`.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from controlplane.binaries import BinariesMissing, get_folder, newest, versions
from controlplane.plane import ControlPlane, ControlPlaneFailed, running

LONGEST_NAME = 64  # of a name in a certificate
BEFORE_A_START = {"lock", "version"}  # in a folder also when nothing could be started in it
User = tuple[str, list[str]]


def parse_user(text: str) -> User:
    """A user's name and groups."""
    name, _, groups = text.partition("=")
    parts = groups.split(",") if groups else []
    if not all(1 <= len(part) <= LONGEST_NAME for part in (name, *parts)):
        raise argparse.ArgumentTypeError(
            f"{text!r}: a name and groups have 1 to {LONGEST_NAME} characters: NAME[=GROUP,...]"
        )
    return name, parts


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hack/kube/up", description=__doc__)
    parser.add_argument("--version", choices=versions(), default=newest(), help="Kubernetes' version (%(default)s)")
    parser.add_argument(
        "--state-dir",
        type=Path,
        help="a new folder, or one of an earlier run, whose objects are kept; else a temporary one that goes with Ctrl-C",
    )
    parser.add_argument(
        "--user",
        action="append",
        default=[],
        type=parse_user,
        metavar="NAME[=GROUP,...]",
        help="print the kubeconfig of a further user, who may do what RBAC grants; may be repeated",
    )
    return parser.parse_args()


@contextlib.contextmanager
def state_folder(wanted: Path | None, version: str) -> Iterator[Path]:
    """The folder that was asked for, or one that goes afterwards; nobody else uses it, nor another version."""
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="katib-kube-") as folder, alone(Path(folder)):
            yield Path(folder)
        return
    found = {path.name for path in wanted.iterdir()} if wanted.exists() else set()
    if found - BEFORE_A_START and not (wanted / "credentials/ca.key").exists():
        raise ControlPlaneFailed(f"{wanted} holds other files: name a new folder with --state-dir")
    wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(wanted):
        keep_version(wanted / "version", version)
        yield wanted.absolute()


def keep_version(file: Path, version: str) -> None:
    """Write down whose objects these are; another version's etcd and API server may not read them."""
    begun = file.exists() and (file.parent / "etcd").exists()
    kept = file.read_text().strip() if begun else version
    if kept != version:
        raise ControlPlaneFailed(
            f"{file.parent} has the objects of Kubernetes {kept}: start it with --version={kept}, "
            "or name a new folder with --state-dir"
        )
    file.write_text(f"{version}\n")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Use a folder that nobody else uses meanwhile."""
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ControlPlaneFailed(
                f"another control plane runs in {folder}: use it (export KUBECONFIG={folder}/kubeconfig), end it, "
                "or name another folder with --state-dir"
            ) from None
        yield


def serve(plane: ControlPlane, version: str, users: list[User]) -> None:
    """Say how it is reached, and wait for a program's end."""
    print(f"Kubernetes {version} is ready at {plane.url}; Ctrl-C ends it")
    print(f"export KUBECONFIG={plane.kubeconfig}")
    for name, groups in users:
        print(f"{name}: {plane.user(name, groups).kubeconfig}")
    sys.stdout.flush()
    ended = plane.wait_for_end()
    raise ControlPlaneFailed(f"{ended.name} has ended although nobody asked it to:\n{ended.last_words()}")


def main() -> None:
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with state_folder(arguments.state_dir, arguments.version) as folder:
            binaries = get_folder(arguments.version, os.environ)
            with running(binaries, folder) as plane:
                serve(plane, arguments.version, arguments.user)
    except (BinariesMissing, ControlPlaneFailed) as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        where = error.filename or arguments.state_dir
        raise SystemExit(f"{where}: {error.strerror}: name a folder that you can write to with --state-dir") from None
    except KeyboardInterrupt:
        print("ended")


if __name__ == "__main__":
    main()
