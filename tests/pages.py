"""Pages of docs/, followed to the letter: their code blocks, in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Block:
    """A code block: its language, and what stands behind that: `file=NAME`, say."""

    language: str
    note: str
    text: str


def blocks(page: str) -> list[Block]:
    """Every fenced block of a page."""
    tokens = MarkdownIt().parse((ROOT / "docs" / page).read_text())
    found = []
    for token in tokens:
        if token.type == "fence":
            language, _, note = token.info.partition(" ")
            found.append(Block(language, note, token.content))
    return found
