"""How it is told that a function of CEL does not take what it is given. Knows no expressions."""

import re
from collections.abc import Sequence
from datetime import datetime

from katib_codegen.cel_functions import METHODS, Overload
from katib_codegen.cel_types import CelType, fits
from katib_codegen.rules.values import with_article

_DURATION = re.compile(
    r"[-+]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*)"
)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)")


def method_fault(name: str, kinds: Sequence[CelType]) -> str:
    owner = with_article(kinds[0].spelled)
    own = [overload for overload in METHODS[name] if fits(overload[0][0], kinds[0], {})]
    if own:
        what = listed(kinds[1:]) or "nothing"
        return f"calls {name}() of {owner} with {what}; give it {wanted(own, 1)}"
    if kinds[0].name in ("bool", "double", "int", "uint"):
        return f"calls {name}() of {owner}, which has none; compare it instead"
    others = sorted({with_article(overload[0][0].spelled) for overload in METHODS[name]})
    return f"calls {name}() of {owner}; call it of {' or '.join(others)}"


def constant_fault(name: str, text: str) -> str:
    """What is wrong with a time that stands in the rule itself: kube-apiserver reads it when it compiles the rule."""
    if name == "duration" and not _DURATION.fullmatch(text):
        return f"has the duration {text!r}, which is none; write one like 1h30m"
    if name == "timestamp" and not _is_time(text):
        return f"has the time {text!r}, which is none; write one like 2026-01-31T12:00:00Z"
    return ""


def _is_time(text: str) -> bool:
    if not _TIMESTAMP.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(f"{text[:19]}+00:00")
    except ValueError:
        return False
    return True


def lengths(overloads: Sequence[Overload]) -> set[int]:
    return {len(takes) for takes, _ in overloads}


def listed(kinds: Sequence[CelType]) -> str:
    return " and ".join(with_article(kind.spelled) for kind in kinds)


def wanted(overloads: Sequence[Overload], skipped: int = 0) -> str:
    """What such calls take, in words."""
    takes = [
        [("value" if len(kind.name) == 1 else kind.spelled) for kind in wanted[skipped:]] for wanted, _ in overloads
    ]
    return ", or ".join(dict.fromkeys(" and ".join(map(with_article, kinds)) or "nothing" for kinds in takes))
