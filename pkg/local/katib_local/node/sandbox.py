"""One pod's processes: started, watched, and ended with everything they have started themselves.

A program of its own, of the standard library only, so that it starts fast. Reads one JSON command a line from stdin,
writes one JSON event a line to stdout. When stdin ends, the node has gone, and everything here ends at once.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import selectors
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these takes as long as all the rest of a pod's start
    from collections.abc import Iterable
    from typing import Any, NoReturn

    Json = dict[str, Any]
    Pipe = tuple[int, int]

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
START_FAILED, NOT_FOUND = 128, 127
CHUNK = 65536
LINUX = sys.platform == "linux"


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
        self.count = 0
        self.base = os.path.abspath(root) if root else ""

    def bind(self, source: str, target: str, read_only: bool) -> None:
        """Let a volume stand at a path; what does not exist there is made in memory, never on the machine's disk."""
        place = self.place(target)
        if not os.path.exists(place):
            place = self.make(target, os.path.isdir(source))
        mount(source, place, None, MS_BIND | MS_REC)
        if read_only:
            mount("none", place, None, MS_BIND | MS_REMOUNT | MS_RDONLY)

    def place(self, target: str) -> str:
        return os.path.normpath(f"{self.base}/{target.lstrip('/')}")

    def make(self, target: str, folder: bool) -> str:
        ancestor = os.path.dirname(os.path.normpath(target))
        while not os.path.isdir(self.place(ancestor)):
            ancestor = os.path.dirname(ancestor)
        if ancestor == "/" and not self.base:
            self.base = self.replica("/", self.stash())
        else:
            place = self.place(ancestor)
            held = self.stash()
            mount(place, held, None, MS_BIND | MS_REC)
            self.replica(held, place)
        place = self.place(target)
        os.makedirs(place if folder else os.path.dirname(place), exist_ok=True)
        if not folder:
            open(place, "w").close()
        return place

    def stash(self) -> str:
        self.count += 1
        folder = os.path.join(self.scratch, str(self.count))
        os.makedirs(folder, exist_ok=True)
        return folder

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


class Container:
    """One started process and its output."""

    def __init__(self, name: str, pid: int, pipes: dict[int, str], log: int) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self.rest: dict[int, bytes] = {}
        self.pipes = pipes


class Sandbox:
    """All containers of the pod."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.containers: dict[int, Container] = {}
        self.input = b""
        self.mount_mode = False
        self.scratch = ""

    def run(self) -> None:
        first = json.loads(open(0, "rb", buffering=0, closefd=False).readline())
        self.mount_mode = first["isolation"] == "mount"
        self.scratch = first["scratch"]
        if self.mount_mode and self.split():
            return
        if LINUX and not self.mount_mode:
            libc_call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        wake, waker = os.pipe()
        for end in (wake, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.set_blocking(0, False)
        self.selector.register(0, selectors.EVENT_READ, "input")
        self.selector.register(wake, selectors.EVENT_READ, "child")
        self.tell({"event": "ready"})
        while True:
            for key, _ in self.selector.select():
                if key.data == "input":
                    if not self.read_commands():
                        self.end()
                        return
                elif key.data == "child":
                    os.read(wake, CHUNK)
                else:
                    self.read_output(key.fd, *key.data)
            self.reap()

    def split(self) -> bool:
        """Enter the namespaces; the child goes on inside as the first process. True in the parent, when it has ended."""
        enter_namespaces()
        inside = os.fork()
        if inside:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.close(0)
            os.waitpid(inside, 0)
            return True
        libc_call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        mount("proc", "/proc", "proc")
        return False

    def tell(self, event: Json) -> None:
        data = (json.dumps(event) + "\n").encode()
        while data:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                self.end()
                os._exit(1)

    def read_commands(self) -> bool:
        try:
            data = os.read(0, CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        *lines, self.input = (self.input + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if command["command"] == "start":
                self.start(command)
            elif command["command"] == "signal":
                self.send(command)
        return True

    def start(self, plan: Json) -> None:
        """Start a container; a failure to do so is an exit with a message."""
        out, err = os.pipe(), os.pipe()
        broken_read, broken_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            self.become(plan, out, err, broken_write)
        for end in (out[1], err[1], broken_write):
            os.close(end)
        problem = b""
        while part := os.read(broken_read, CHUNK):
            problem += part
        os.close(broken_read)
        if problem:
            os.waitpid(pid, 0)
            os.close(out[0])
            os.close(err[0])
            self.tell({"event": "broken", "container": plan["name"], **json.loads(problem)})
            return
        log = os.open(plan["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        container = Container(plan["name"], pid, {out[0]: "stdout", err[0]: "stderr"}, log)
        self.containers[pid] = container
        for end in container.pipes:
            os.set_blocking(end, False)
            self.selector.register(end, selectors.EVENT_READ, (container, container.pipes[end]))
        self.tell({"event": "started", "container": plan["name"], "pid": pid})

    def become(self, plan: Json, out: Pipe, err: Pipe, broken: int) -> NoReturn:
        """In the child: become the container's process."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            if LINUX:
                libc_call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            fcntl.fcntl(broken, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out[1], 1)
            os.dup2(err[1], 2)
            os.closerange(3, broken)
            os.closerange(broken + 1, 256)
            if self.mount_mode:
                self.see_volumes(plan)
            os.umask(0o022)
            os.chdir(plan["directory"])
            os.execvpe(plan["words"][0], plan["words"], plan["environment"])  # noqa: S606 - that is what a node is for
        except OSError as error:
            missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
            detail = {"missing": missing, "message": f"{error.strerror}: {error.filename or plan['words'][0]}"}
            os.write(broken, json.dumps(detail).encode())
        except BaseException as error:
            os.write(broken, json.dumps({"missing": False, "message": repr(error)}).encode())
        os._exit(START_FAILED)

    def see_volumes(self, plan: Json) -> None:
        libc_call("unshare", CLONE_NEWNS)
        mount("none", "/", None, MS_REC | MS_PRIVATE)
        root = Root(os.path.join(self.scratch, plan["name"]), plan.get("root"))
        os.makedirs(root.scratch, exist_ok=True)
        if root.base:
            for name in ("proc", "dev", "sys"):
                os.makedirs(root.place(name), exist_ok=True)
                mount(f"/{name}", root.place(name), None, MS_BIND | MS_REC)
        for volume in sorted(plan["mounts"], key=lambda entry: entry["target"].count("/")):
            root.bind(volume["source"], volume["target"], volume["read_only"])
        root.enter()

    def read_output(self, end: int, container: Container, stream: str) -> None:
        try:
            data = os.read(end, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close_pipe(container, end, stream)
            return
        *lines, container.rest[end] = (container.rest.get(end, b"") + data).split(b"\n")
        self.write_log(container, stream, lines)

    def write_log(self, container: Container, stream: str, lines: Iterable[bytes]) -> None:
        now = time.time_ns()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + f".{now % 10**9:09d}Z {stream} F "
        data = b"".join(stamp.encode() + line + b"\n" for line in lines)
        try:
            if data:
                os.write(container.log, data)
        except OSError:
            pass  # a full disk costs log lines, not the training

    def close_pipe(self, container: Container, end: int, stream: str) -> None:
        if container.rest.get(end):
            self.write_log(container, stream, [container.rest.pop(end)])
        self.selector.unregister(end)
        os.close(end)
        del container.pipes[end]

    def reap(self) -> None:
        """Collect everything that has ended, also what containers have left behind."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            container = self.containers.pop(pid, None)
            if container is not None:
                self.finish(container, status)

    def finish(self, container: Container, status: int) -> None:
        for end, stream in list(container.pipes.items()):
            self.drain(container, end, stream)
        os.close(container.log)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        code = 128 + number if number else os.WEXITSTATUS(status)
        self.tell({"event": "exited", "container": container.name, "code": code, "signal": number})

    def drain(self, container: Container, end: int, stream: str) -> None:
        """The last output; something that outlives the container may hold the pipe open, so do not wait for its end."""
        while end in container.pipes:
            before = container.rest.get(end, b"")
            self.read_output(end, container, stream)
            if end in container.pipes and container.rest.get(end, b"") == before:
                self.close_pipe(container, end, stream)

    def send(self, command: Json) -> None:
        """Signal the processes of a container: its main one, or all of its session."""
        for pid, container in list(self.containers.items()):
            if command["container"] in ("", container.name):
                try:
                    (os.killpg if command["signal"] == signal.SIGKILL else os.kill)(pid, command["signal"])
                except ProcessLookupError:
                    pass

    def end(self) -> None:
        """End everything; in a process namespace the kernel does that when its first process ends."""
        if self.mount_mode:
            os._exit(0)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            below = descendants(os.getpid()) if LINUX else []
            for pid in below or list(self.containers):
                try:
                    (os.kill if LINUX else os.killpg)(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                os._exit(0)
            time.sleep(0.005)
        os._exit(1)


def descendants(root: int) -> list[int]:
    """Every process below one, by /proc."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stream:
                    parents[int(name)] = int(stream.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    found: list[int] = []
    layer = {root}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer}
        found += layer
    return found


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


if __name__ == "__main__":
    if sys.argv[1:] == ["probe"]:
        sys.exit(probe())
    Sandbox().run()
