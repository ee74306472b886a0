"""What a decision may ask for: a closed set of actions, as plain data.

Knows no wall: `decide.py` imports this module, `act.py` does what it says. No action is conditional; what must not be
done is not in the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from katib_machinery.objects import KubeObject, ObjectKey, Resource


@dataclass(frozen=True, slots=True)
class Requeue:
    """Look at the key again after a span. A span of zero means at once, but with the back-off of a failure."""

    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Create:
    """Store a new object. One that exists already under the same controller counts as created."""

    resource: Resource
    obj: KubeObject


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete exactly this object; one that is gone, or is being deleted, counts as deleted."""

    resource: Resource
    obj: KubeObject
    propagation: Literal["Background", "Foreground", "Orphan"] = "Background"


@dataclass(frozen=True, slots=True)
class Update:
    """Replace an object, all but its status. `obj` is a changed deep copy of what was observed."""

    resource: Resource
    obj: KubeObject


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Replace an object's status. Say the wanted status each time, also when it is the old one: it takes back a paced
    write that still waits. `urgent` (a terminal state, an answer that must not be lost) is never made to wait."""

    resource: Resource
    obj: KubeObject
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class SetFinalizers:
    """Let the object have exactly these finalizers."""

    resource: Resource
    obj: KubeObject
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the user: an event about the plan's owner. The message is data, not a format."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


Record = Callable[[Any, Any, datetime], "Plan"]


@dataclass(frozen=True, slots=True)
class Ask:
    """Put a question to a service, beside the work queue; never twice at a time for one key.

    `question` is data for the one who asks (`ActContext.ask`). Its reply waits until the key's worker takes it; then the
    pure `record(owner, reply, now)` says what to do with it, as often as the write meets a conflict.
    """

    question: Any
    record: Record


Action = Create | Delete | Update | UpdateStatus | SetFinalizers | Emit | Ask


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next: actions in their order (creations side by side), and when to look again."""

    actions: tuple[Action, ...] = ()
    requeue: Requeue | None = None
    reply_of: ObjectKey | None = field(default=None, compare=False)
