"""How one container is: what a node knows of it between two events. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from katib_machinery.scalars import format_time

Json = dict[str, Any]


@dataclass(frozen=True)
class ContainerState:
    """One container: waiting, running since, or ended; and how it had ended before."""

    name: str
    image: str = ""
    waiting: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    signal: int = 0
    reason: str = ""
    restarts: int = 0
    ready: bool = False
    started: bool = False
    identity: str = ""
    last: Mapping[str, Any] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.started_at is not None and self.exit_code is None

    @property
    def ended(self) -> bool:
        return self.exit_code is not None

    @property
    def begun(self) -> bool:
        """Whether it has ever run."""
        return self.running or self.ended or bool(self.last)

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0

    def may_write(self, attempt: int) -> bool:
        """Whether the log of this attempt (0 is the first) may still grow: a process writes before its start is known."""
        return self.restarts == attempt and not self.ended and not self.waiting

    def begin(self) -> ContainerState:
        """Be about to start, for the first time or once more."""
        return replace(self, waiting="", message="", restarts=self.restarts + bool(self.last))

    def start(self, at: datetime, identity: str, *, started: bool, ready: bool) -> ContainerState:
        return replace(
            self,
            waiting="",
            message="",
            started_at=at,
            finished_at=None,
            exit_code=None,
            started=started,
            ready=ready,
            identity=identity,
        )

    def end(self, at: datetime, code: int, signal: int, reason: str = "", message: str = "") -> ContainerState:
        reason = reason or ("Completed" if code == 0 else "Error")
        started = self.started_at or at
        return replace(
            self,
            waiting="",
            started_at=started,
            finished_at=at,
            exit_code=code,
            signal=signal,
            reason=reason,
            message=message,
            started=False,
            ready=False,
        )

    def wait(self, reason: str, message: str) -> ContainerState:
        """Wait for another start; how the container has ended before stays visible."""
        last = terminated(self) if self.ended else dict(self.last)
        return replace(self, waiting=reason, message=message, started_at=None, exit_code=None, ready=False, last=last)


def terminated(state: ContainerState) -> Json:
    ended: Json = {"exitCode": state.exit_code, "reason": state.reason}
    ended |= {"signal": state.signal} if state.signal else {}
    ended |= {"message": state.message} if state.message else {}
    return {
        **ended,
        "startedAt": text(state.started_at),
        "finishedAt": text(state.finished_at),
        "containerID": state.identity,
    }


def text(time: datetime | None) -> str | None:
    return format_time(time) if time else None
