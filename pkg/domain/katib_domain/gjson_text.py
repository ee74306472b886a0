"""Text level of GJSON paths: brackets, quotes, escapes. Must not know what the components mean."""

import json
from typing import Final

_CLOSERS: Final = {"(": ")", "[": "]"}


class PathSyntaxError(ValueError):
    """A path that cannot be read; the message quotes it."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"the path {path!r} cannot be read: {problem}")
        self.path = path
        self.problem = problem


def closing(text: str, start: int, path: str) -> int:
    """Return the place of the character that closes the bracket or quote at ``start``."""
    if text[start] == '"':
        return _closing_quote(text, start, path)
    wanted = [_CLOSERS[text[start]]]
    at = start + 1
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif character == '"':
            at = _closing_quote(text, at, path)
        elif character in _CLOSERS:
            wanted.append(_CLOSERS[character])
        elif character == wanted[-1]:
            wanted.pop()
            if not wanted:
                return at
        at += 1
    raise PathSyntaxError(path, f"{text[start]!r} is never closed")


def _closing_quote(text: str, start: int, path: str) -> int:
    at = start + 1
    while at < len(text):
        if text[at] == '"':
            return at
        at += 2 if text[at] == "\\" else 1
    raise PathSyntaxError(path, "a quotation mark is never closed")


def split_top(text: str, separator: str, path: str) -> list[str]:
    """Split at every ``separator`` that stands outside of brackets, quotes and escapes."""
    parts, begin, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] in _CLOSERS or text[at] == '"':
            at = closing(text, at, path)
        elif text[at] == separator:
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return [*parts, text[begin:]]


def unescape(word: str) -> str:
    """Drop the backslashes: each stands before a character that is meant literally."""
    result, at = [], 0
    while at < len(word):
        at += word[at] == "\\" and at + 1 < len(word)
        result.append(word[at])
        at += 1
    return "".join(result)


def unquote(text: str, path: str) -> str:
    """Return the text of a double-quoted JSON string; a bare word stands for itself."""
    if not text.startswith('"'):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        raise PathSyntaxError(path, f"{text} is not a quoted text") from None
    return str(value)
