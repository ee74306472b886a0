"""Whether regular expressions are ones that all their readers take: RE2, which Kubernetes has, and Python's re."""

import re

import re2

_QUIET = re2.Options()
_QUIET.log_errors = False
# What RE2 has no word for, and what people reach for it to say.
_STRANGE = (
    (re.compile(r"\(\?<?[=!]"), "looks around, so list what is allowed instead"),
    (re.compile(r"\\[1-9]|\(\?P="), "refers back to a group, so write out what it may be"),
    (re.compile(r"\(\?>|[+*?}]\+"), "is possessive or atomic, so leave that away"),
)


def pattern_fault(pattern: str) -> str:
    """Why the pattern cannot be used, as `which …; cure`; empty when it can."""
    if not pattern:
        return "which allows every text; remove it"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"which is no regular expression: {error}; mend it there"
    try:
        re2.compile(pattern, _QUIET)
    except re2.error as error:
        how = next((words for strange, words in _STRANGE if strange.search(pattern)), "")
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        cure = f"it {how}" if how else "write it without that"
        return f"which RE2, by which Kubernetes reads patterns, refuses ({said}); {cure}"
    return ""
