"""One pod's processes: started, watched, and ended with everything they have started themselves.

A program of its own, of the standard library and `private_mounts` only, so that it starts fast. Reads one JSON command a line from stdin,
writes one JSON event a line to stdout. When stdin ends, the node has gone, and everything here ends at once.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import selectors
import signal
import sys
import time

from katib_local.node.private_mounts import enter_namespaces, libc_call, mount, probe, see_as, see_volumes

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these takes as long as all the rest of a pod's start
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

    Json = dict[str, Any]
    Pipe = tuple[int, int]

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
START_FAILED, NOT_FOUND = 128, 127
CHUNK = 65536
MOST_SHOWN = 10240
LINUX = sys.platform == "linux"


class Container:
    """One started process and its output."""

    def __init__(self, name: str, pid: int, pipes: dict[int, str], log: int) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self.rest: dict[int, bytes] = {}
        self.pipes = pipes


class Look:
    """A command that looks at a container from inside, and the first of what it prints."""

    def __init__(self, number: int, pid: int, end: int) -> None:
        self.number = number
        self.pid = pid
        self.end = end
        self.text = b""


class Sandbox:
    """All containers of the pod."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.containers: dict[int, Container] = {}
        self.looks: dict[int, Look] = {}
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
                if key.data == "child":
                    os.read(wake, CHUNK)
                elif not self.read(key.fd, key.data):
                    self.end()
                    return
            self.reap()

    def read(self, end: int, source: Any) -> bool:
        """Read what has come; False when the node has gone."""
        if source == "input":
            return self.read_commands()
        if isinstance(source, Look):
            self.read_look(source)
        else:
            self.read_output(end, *source)
        return True

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
            elif command["command"] == "look":
                self.look(command)
            elif command["command"] == "give up":
                self.give_up(command["number"])
        return True

    def start(self, plan: Json) -> None:
        """Start a container; a failure to do so is an exit with a message."""
        out, err = os.pipe(), os.pipe()
        pid, problem = self.launch(plan, (out[1], err[1]), lambda: self.enter(plan))
        if problem:
            os.close(out[0])
            os.close(err[0])
            self.tell({"event": "broken", "container": plan["name"], **problem})
            return
        log = os.open(plan["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        container = Container(plan["name"], pid, {out[0]: "stdout", err[0]: "stderr"}, log)
        self.containers[pid] = container
        for end in container.pipes:
            os.set_blocking(end, False)
            self.selector.register(end, selectors.EVENT_READ, (container, container.pipes[end]))
        self.tell({"event": "started", "container": plan["name"], "pid": pid})

    def enter(self, plan: Json) -> None:
        if self.mount_mode:
            see_volumes(plan, os.path.join(self.scratch, plan["name"]))

    def look(self, plan: Json) -> None:
        """Run a command beside a container's process, where it sees the same."""
        beside = next((pid for pid, container in self.containers.items() if container.name == plan["name"]), 0)
        if not beside:
            self.tell({"event": "looked", "number": plan["number"], "missing": False, "message": "it does not run"})
            return
        out = os.pipe()
        pid, problem = self.launch(plan, (out[1], out[1]), lambda: see_as(beside) if self.mount_mode else None)
        if problem:
            os.close(out[0])
            self.tell({"event": "looked", "number": plan["number"], **problem})
            return
        self.looks[pid] = look = Look(plan["number"], pid, out[0])
        os.set_blocking(look.end, False)
        self.selector.register(look.end, selectors.EVENT_READ, look)

    def give_up(self, number: int) -> None:
        for look in list(self.looks.values()):
            if look.number == number:
                os.killpg(look.pid, signal.SIGKILL)

    def read_look(self, look: Look) -> bool:
        """Read what there is; False when nothing more is to come."""
        try:
            data = os.read(look.end, CHUNK)
        except BlockingIOError:
            return False
        look.text = (look.text + data)[:MOST_SHOWN]
        if not data:
            self.selector.unregister(look.end)
            os.close(look.end)
            look.end = -1
        return bool(data)

    def launch(self, plan: Json, ends: Pipe, enter: Callable[[], None]) -> tuple[int, Json]:
        """Fork a process that writes to these ends; returns its pid and, if it has not started, why."""
        broken_read, broken_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            self.become(plan, ends, broken_write, enter)
        for end in {*ends, broken_write}:
            os.close(end)
        problem = b""
        while part := os.read(broken_read, CHUNK):
            problem += part
        os.close(broken_read)
        if problem:
            os.waitpid(pid, 0)
        return pid, json.loads(problem) if problem else {}

    def become(self, plan: Json, ends: Pipe, broken: int, enter: Callable[[], None]) -> NoReturn:
        """In the child: become the container's process, or one beside it."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            if LINUX:
                libc_call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            fcntl.fcntl(broken, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(ends[0], 1)
            os.dup2(ends[1], 2)
            os.closerange(3, broken)
            os.closerange(broken + 1, 256)
            enter()
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
            look = self.looks.pop(pid, None)
            if look is not None:
                self.finish_look(look, status)

    def finish(self, container: Container, status: int) -> None:
        for end, stream in list(container.pipes.items()):
            self.drain(container, end, stream)
        os.close(container.log)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self.tell({"event": "exited", "container": container.name, "code": exit_code(status), "signal": number})

    def finish_look(self, look: Look, status: int) -> None:
        while look.end >= 0 and len(look.text) < MOST_SHOWN and self.read_look(look):
            pass
        if look.end >= 0:  # something that it has started holds the pipe open
            self.selector.unregister(look.end)
            os.close(look.end)
        output = look.text.decode(errors="replace")
        self.tell({"event": "looked", "number": look.number, "code": exit_code(status), "output": output})

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
            for pid in below or [*self.containers, *self.looks]:
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


def exit_code(status: int) -> int:
    """As a shell tells it: 128 and the signal's number for a process that a signal has ended."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


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


def main() -> None:
    """Run a sandbox; with the argument `probe` say whether private mounts work here."""
    if sys.argv[1:] == ["probe"]:
        sys.exit(probe())
    Sandbox().run()
