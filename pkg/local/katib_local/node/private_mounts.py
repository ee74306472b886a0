"""Private mounts: a file system of each container's own, made of this machine's and the pod's volumes.

Of the standard library only, like the sandbox that uses it.
"""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # as in the sandbox: importing these takes longer than a pod's start
    from typing import Any

    Json = dict[str, Any]

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18


def libc_call(name: str, *arguments: Any) -> None:
    """Call a C function; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    libc_call("mount", encoded[0], encoded[1], encoded[2], flags, None if options is None else os.fsencode(options))


def enter_namespaces() -> None:
    """New mount and process namespaces, in a user namespace of the same user when that is needed."""
    user, group = os.getuid(), os.getgid()
    if user == 0 and can_mount():
        libc_call("unshare", CLONE_NEWNS | CLONE_NEWPID)
    else:
        libc_call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID)
        write_file("/proc/self/setgroups", "deny")
        write_file("/proc/self/uid_map", f"{user} {user} 1")
        write_file("/proc/self/gid_map", f"{group} {group} 1")
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def can_mount() -> bool:
    """Whether root here has the capability to mount (CAP_SYS_ADMIN is bit 21)."""
    with open("/proc/self/status") as stream:
        effective = next((line.split()[1] for line in stream if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> 21 & 1)


def write_file(path: str, text: str) -> None:
    with open(path, "w") as stream:
        stream.write(text)


class Root:
    """The file system of one container: this machine's, with volumes at the paths that the pod names."""

    def __init__(self, scratch: str, root: str | None) -> None:
        self.scratch = scratch
        self.base = os.path.abspath(root) if root else ""
        self.volumes: list[str] = []

    def bind(self, source: str, target: str, read_only: bool) -> None:
        """Let a volume stand at a path; what does not exist there is made in memory, never on the machine's disk.

        Inside another volume it is made there, as container engines do: who shares that one must go on sharing it.
        """
        place = self.place(target)
        if not os.path.exists(place):
            place = self.make(target, os.path.isdir(source))
        mount(source, place, None, MS_BIND | MS_REC)
        if read_only:
            mount("none", place, None, MS_BIND | MS_REMOUNT | MS_RDONLY)
        else:
            self.volumes.append(os.path.normpath(target))

    def place(self, target: str) -> str:
        return os.path.normpath(f"{self.base}/{target.lstrip('/')}")

    def make(self, target: str, folder: bool) -> str:
        ancestor = os.path.dirname(os.path.normpath(target))
        while not os.path.isdir(self.place(ancestor)):
            ancestor = os.path.dirname(ancestor)
        if any(f"{ancestor}/".startswith(f"{volume}/") for volume in self.volumes):
            pass
        elif ancestor == "/" and not self.base:
            base = os.path.join(self.scratch, "root")
            os.makedirs(base, exist_ok=True)
            self.base = self.replica("/", base)
        else:
            place = self.place(ancestor)
            held = os.open(place, os.O_RDONLY | os.O_DIRECTORY)  # reached also when the replica covers it
            self.replica(f"/proc/self/fd/{held}", place)
            os.close(held)
        place = self.place(target)
        os.makedirs(place if folder else os.path.dirname(place), exist_ok=True)
        if not folder:
            open(place, "w").close()
        return place

    def replica(self, original: str, place: str) -> str:
        """An empty directory in memory at `place`, with every entry of `original` bound into it."""
        mount("tmpfs", place, "tmpfs", 0, "mode=755")
        for name in os.listdir(original):
            source, target = os.path.join(original, name), os.path.join(place, name)
            if os.path.abspath(source) == os.path.abspath(self.scratch):
                continue
            self.bring(source, target)
        return place

    def bring(self, source: str, target: str) -> None:
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
            return
        if os.path.isdir(source):
            os.mkdir(target)
        else:
            open(target, "w").close()
        try:
            mount(source, target, None, MS_BIND | MS_REC)
        except OSError:
            pass  # what may not be bound (a socket of another user, say) is left out

    def enter(self) -> None:
        if self.base:
            os.chroot(self.base)
            os.chdir("/")


def see_volumes(plan: Json, scratch: str) -> None:
    """In a container's process: see its root and its volumes, which nobody else sees there."""
    libc_call("unshare", CLONE_NEWNS)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    root = Root(scratch, plan.get("root"))
    os.makedirs(root.scratch, exist_ok=True)
    if root.base:
        for name in ("proc", "dev", "sys"):
            os.makedirs(root.place(name), exist_ok=True)
            mount(f"/{name}", root.place(name), None, MS_BIND | MS_REC)
    for volume in sorted(plan["mounts"], key=lambda entry: entry["target"].count("/")):
        root.bind(volume["source"], volume["target"], volume["read_only"])
    root.enter()


def see_as(pid: int) -> None:
    """In another process: see what a container's process sees."""
    root = os.open(f"/proc/{pid}/root", os.O_RDONLY)
    space = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    libc_call("setns", space, CLONE_NEWNS)
    os.fchdir(root)
    os.chroot(".")


def probe() -> int:
    """Try what isolation `mount` needs, in this process; the exit code says whether it works, stderr why not."""
    try:
        enter_namespaces()
        inside = os.fork()
        if not inside:
            mount("proc", "/proc", "proc")
            mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755")
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(inside, 0)[1])
    except (OSError, AttributeError) as error:
        print(error, file=sys.stderr)
        return 1
