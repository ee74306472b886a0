"""Whether regular expressions are ones that all their readers take, and take for the same: RE2, which Kubernetes has,
ECMAScript, which editors have, and Python's re."""

import re
import warnings
from collections.abc import Iterator

import re2

_QUIET = re2.Options()
_QUIET.log_errors = False
# What RE2 has no word for, and what people reach for it to say.
_STRANGE = (
    (re.compile(r"\(\?<?[=!]"), "looks around, so list what is allowed instead"),
    (re.compile(r"\\[1-9]|\(\?P="), "refers back to a group, so write out what it may be"),
    (re.compile(r"\(\?>|[+*?}]\+"), "is possessive or atomic, so leave that away"),
)
# The parts of a pattern in which readers differ: an escape, a class, the beginning of a group, a bound.
_PART = re.compile(
    r"\\(?P<escape>.)|\[\^?(?P<class>\]?(?:\\.|[^\]\\])*)\]|(?P<group>\(\?.?.?)|(?P<bound>\{[^}]*\}?)", re.DOTALL
)
# Escapes that mean the same everywhere.
_ESCAPES = frozenset("fnrtv")
_INSTEAD = {"d": "[0-9]", "w": "[A-Za-z0-9_]", "s": "[ \\t]", "D": "[^0-9]", "W": "[^A-Za-z0-9_]", "S": "[^ \\t]"}


def matches(pattern: str, value: str) -> bool:
    """Whether kube-apiserver finds the pattern in the text."""
    return re2.search(pattern, value, _QUIET) is not None


def pattern_fault(pattern: str, *, spaces: bool = False) -> str:
    """Why the pattern cannot be used, as `which …; cure`; empty when it can. With `spaces` it may say `\\s`."""
    if not pattern:
        return "which allows every text; remove it"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # Those are told below, with a cure.
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"which is no regular expression: {error}; mend it there"
    try:
        re2.compile(pattern, _QUIET)
    except re2.error as error:
        how = next((words for strange, words in _STRANGE if strange.search(pattern)), "")
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        cure = f"it {how}" if how else "write it without that"
        return f"which RE2, by which Kubernetes reads patterns, refuses ({said}); {cure}"
    return next(_differences(pattern, "s" if spaces else ""), "")


def _differences(pattern: str, allowed: str) -> Iterator[str]:
    """What RE2, ECMAScript and Python's re do not all take for the same."""
    for part in _PART.finditer(pattern):
        if part["escape"] is not None:
            yield from _escape_faults(part["escape"], allowed)
        elif part["class"] is not None:
            inner = part["class"]
            for escape in re.findall(r"\\(.)", inner, re.DOTALL):
                yield from _escape_faults(escape, allowed)
            if inner.startswith("]") or not inner:
                yield f"in which {part[0]} is an empty class to some readers; write \\] for the bracket itself"
            elif re.search(r"\[|--|&&|~~|\|\|", re.sub(r"\\.", "", inner)):
                yield f"in which {part[0]} is a class of classes to some readers; escape what stands for itself"
        elif part["group"] is not None and not part["group"].startswith("(?:"):
            yield f"in which {part['group']} is an option or a name that not all readers take; write ( or (?:"
        elif part["bound"] is not None and not re.fullmatch(r"\{[0-9]+(,[0-9]*)?\}", part["bound"]):
            cure = "write {0,n} with both numbers, or \\{ for the brace itself"
            yield f"in which {part['bound']} is a bound to some readers and a text to others; {cure}"


def _escape_faults(escape: str, allowed: str) -> Iterator[str]:
    if escape.isalnum() and escape not in _ESCAPES and escape not in allowed:
        cure = f"write {_INSTEAD[escape]}" if escape in _INSTEAD else "write the characters that it stands for"
        yield f"in which \\{escape} does not mean the same to all readers; {cure}"
