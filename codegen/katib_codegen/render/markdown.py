"""Texts of the sources as Markdown for GitHub. Knows what GitHub reads as markup, and its names of headings."""

import re
from typing import Any

import yaml

from katib_codegen.marks import mark

_MARKUP = re.compile(r"([*<>|\\])|(?<=\w)_(?=\W|$)|(?<!\w)_")


def markdown_header(*sources: str) -> str:
    """The first line of a printed page."""
    return f"<!-- {mark(*sources)} -->\n"


def prose(text: str) -> str:
    """A text without markup, in one line."""
    escaped = _MARKUP.sub(lambda found: "\\" + found[0], " ".join(text.split()))
    return escaped.replace("\\<", "&lt;").replace("\\>", "&gt;")


def sentence(text: str) -> str:
    """The same, ending like a sentence."""
    return prose(text) + ("" if text.rstrip().endswith((".", "!", "?")) else ".")


def code(text: Any) -> str:
    """A text as code, in a table too."""
    return f"`{text}`".replace("|", "\\|")


def value(example: Any) -> str:
    """A value as code, in YAML as a user would write it in one line."""
    return code(yaml.safe_dump([example], default_flow_style=True, width=10**6, sort_keys=False).strip()[1:-1])


def link(title: str, page: str = "", shown: str = "") -> str:
    """A link to the heading of that title, on this page or another one."""
    return f"[{shown or title}]({page}#{anchor(title)})"


def anchor(title: str) -> str:
    """What GitHub calls the heading of that title."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
