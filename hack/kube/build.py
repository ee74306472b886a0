"""Compiles real Kubernetes commands from their pinned Go modules, once, into the cache.

    nox -s kube                      etcd, kube-apiserver, kube-controller-manager, kube-scheduler of the newest version
    nox -s kube -- 1.34              of another version that has a folder here
    nox -s kube -- kubelet           further commands of the module: kubelet, kube-proxy, kubectl; `all` means every one

What is there already is not built again, also without Go and without a network. A command appears in the cache when it is
whole; of two builds at once, the second waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from controlplane.binaries import (
    CONTROL_PLANE,
    BinariesMissing,
    Module,
    cache,
    find_folder,
    find_go,
    missing,
    newest,
    versions,
)

PROGRESS = 20.0
LAST_LINES = 15


def parse_words(words: Sequence[str]) -> tuple[list[Module], list[str]]:
    """Which versions, and which commands besides the control plane's; raises BinariesMissing for a word that is neither."""
    modules = [Module(word) for word in words if word in versions()] or [Module(newest())]
    extra = [word for word in words if word not in versions()]
    known = modules[0].packages
    for word in extra:
        if word not in known and word != "all":
            raise BinariesMissing(
                f"there is no Kubernetes version or command {word!r}: versions are {', '.join(versions())}, "
                f"commands {', '.join(sorted(known))}, and `all` for every command"
            )
    return modules, sorted(known) if "all" in extra else extra


def build(module: Module, extra: Sequence[str]) -> None:
    """Build what is missing; raises BinariesMissing."""
    wanted = list(dict.fromkeys([*CONTROL_PLANE, *extra]))
    folder = find_folder(module, os.environ)
    if absent := missing(folder, wanted):
        folder = cache(os.environ) / module.key(get_go(module))
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            absent = missing(folder, wanted)
            for number, name in enumerate(absent, 1):
                print(f"{name} {module.release}: {number} of {len(absent)}", flush=True)
                compile_command(module, name, folder)
    print(f"Kubernetes {module.release}: {', '.join(wanted)} in {folder}", flush=True)


def get_go(module: Module) -> str:
    """The version of the Go at hand; raises BinariesMissing when there is none, or one that is too old."""
    if go := find_go(module, os.environ):
        return go
    raise BinariesMissing(
        f"Kubernetes {module.version} has to be compiled once, with Go {module.oldest_go} or newer, and there is "
        f"{_found_instead()}: install Go from https://go.dev/dl/, put its bin folder on the PATH, and run "
        f"`nox -s kube -- {module.version}` again"
    )


def _found_instead() -> str:
    try:
        done = subprocess.run(["go", "version"], cwd="/", capture_output=True, text=True)
    except OSError:
        return "no `go` on the PATH"
    return (done.stdout or done.stderr).strip() or "a `go` that does not say its version"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Build here while nobody else does."""
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another build of {folder.name}", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def compile_command(module: Module, name: str, folder: Path) -> None:
    """Compile one command, with progress; it gets its name when it is whole. Raises BinariesMissing."""
    started, unfinished = time.monotonic(), folder / f".{name}.unfinished"
    flags = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", linker_flags(module.release)]
    try:
        code, last_lines = compiled(module, flags, unfinished, module.packages[name], name)
        if code:
            raise BinariesMissing(
                f"{name} does not build:\n{last_lines}\nMend what Go says above (where it cannot fetch a module: "
                f"the network, or GOPROXY) and run `nox -s kube -- {module.version}` again: what was compiled is kept"
            )
        os.replace(unfinished, folder / name)
    finally:
        unfinished.unlink(missing_ok=True)
    size = (folder / name).stat().st_size / 1e6
    print(f"{name} {module.release}: built in {time.monotonic() - started:.0f} s, {size:.0f} MB", flush=True)


def compiled(module: Module, flags: Sequence[str], file: Path, package: str, name: str) -> tuple[int, str]:
    """Run the compiler; its exit code and last words."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    command = ["go", "build", "-v", *flags, "-o", str(file), package]
    started = shown = time.monotonic()
    packages, last_lines = 0, deque[str](maxlen=LAST_LINES)
    with subprocess.Popen(command, cwd=module.folder, env=environment, stderr=subprocess.PIPE, text=True) as go:
        assert go.stderr is not None
        try:
            for line in go.stderr:
                last_lines.append(line.rstrip())
                packages += not line.startswith(("go: ", "#"))
                if time.monotonic() > shown + PROGRESS:
                    shown = time.monotonic()
                    print(f"  {name}: {packages} packages compiled, {shown - started:.0f} s", flush=True)
        except KeyboardInterrupt:
            go.terminate()
            go.wait()
            raise
    return go.returncode, "\n".join(last_lines)


def linker_flags(release: str) -> str:
    """No symbols, and the version that the commands call themselves."""
    major, minor, _ = release.removeprefix("v").split(".", 2)
    variables = {"gitVersion": release, "gitMajor": major, "gitMinor": minor}
    settings = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in variables.items()]
    return " ".join(["-s", "-w", *settings])


def main() -> None:
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__)
        return
    try:
        modules, extra = parse_words(sys.argv[1:])
        for module in modules:
            build(module, extra)
    except BinariesMissing as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("ended: the same command goes on where this one was, what was compiled is kept") from None


if __name__ == "__main__":
    main()
