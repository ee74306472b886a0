"""Errors of a field as values: their kind, path and order are what clients rely on (webhooks.md §4). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ErrorKind(StrEnum):
    """What is wrong with a field, in Kubernetes' words."""

    REQUIRED = "Required value"
    INVALID = "Invalid value"
    FORBIDDEN = "Forbidden"


@dataclass(frozen=True)
class FieldError:
    """One error of one field; `detail` says what is wrong and how to mend it."""

    kind: ErrorKind
    path: str
    detail: str
    value: str = ""

    def __str__(self) -> str:
        value = f"{self.value}: " if self.kind is ErrorKind.INVALID else ""
        return f"{self.path}: {self.kind.value}: {value}{self.detail}"


def required(path: str, detail: str) -> FieldError:
    return FieldError(ErrorKind.REQUIRED, path, detail)


def invalid(path: str, value: object, detail: str) -> FieldError:
    """An invalid value; it is shown as JSON, so that a text is told from a number."""
    return FieldError(ErrorKind.INVALID, path, detail, json.dumps(value, default=str, ensure_ascii=False))


def forbidden(path: str, detail: str) -> FieldError:
    return FieldError(ErrorKind.FORBIDDEN, path, detail)


def render_errors(errors: Iterable[FieldError]) -> str:
    """All errors as one text, `[a, b]` when there are several; what stands there twice is said once."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
