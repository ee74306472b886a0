"""Faults of single values that are seen in a source's YAML: what its two editions, or two readers, take for two things.

Knows YAML's nodes; knows nothing of what the sources mean.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import yaml

from katib_codegen.complaints import Complaint

_RESOLVER: Any = yaml.SafeLoader("")
_SWITCH = re.compile(r"y|yes|n|no|on|off", re.IGNORECASE)
# What a person, or some edition of YAML, may take for a number; and how all editions write one.
_LIKE_A_NUMBER = re.compile(
    r"[-+]?(0[box][0-9a-f_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9][0-9_]*(\.[0-9_]*)?(e[-+]?[0-9]+)?"
    r"|\.[0-9][0-9_]*(e[-+]?[0-9]+)?)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+][0-9]+)?)?")
_LONGEST_NUMBER = 64
# Characters that are not seen: controls, directions of writing, joiners, ends of lines, halves of pairs.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def scalar_complaints(file: str, node: yaml.Node) -> Iterator[Complaint]:
    """Keys that are no texts, tags, and values that do not say one thing only, at every depth."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        fault = _tag_fault(node) or (_value_fault(node) if isinstance(node, yaml.ScalarNode) else "")
        if fault:
            yield Complaint(file, (), fault, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                waiting += (key, value)
                if not isinstance(key, yaml.ScalarNode):
                    text = "a key is a list or a mapping; write a text as the key"
                    yield Complaint(file, (), text, key.start_mark.line + 1)


def unseen(text: str) -> str:
    """The first character that a reader cannot see, as U+202E; empty where there is none."""
    found = (letter for letter in text if letter not in "\n\t" and unicodedata.category(letter) in _UNSEEN)
    return next((f"U+{ord(letter):04X}" for letter in found), "")


def _tag_fault(node: yaml.Node) -> str:
    """What is wrong with a tag that its author wrote; YAML finds every other one by itself."""
    implicit = (not node.style, bool(node.style)) if isinstance(node, yaml.ScalarNode) else True
    value = node.value if isinstance(node, yaml.ScalarNode) else None
    if node.tag == _RESOLVER.resolve(type(node), value, implicit):
        return ""
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    return f"the tag {tag} makes something else of this value; remove it, and write a text in quotes"


def _value_fault(node: yaml.ScalarNode) -> str:
    value = str(node.value)
    if character := unseen(value):
        return f"this text holds {character}, which nobody sees; remove it"
    if node.style:
        return ""
    if _SWITCH.fullmatch(value):
        return f"{value} is a text to some readers of YAML and true or false to others; write true or false, or quotes"
    if not _LIKE_A_NUMBER.fullmatch(value):
        return ""
    if len(value) > _LONGEST_NUMBER:
        return f"this number has {len(value)} characters, more than its readers keep; write {_LONGEST_NUMBER} at most"
    if not _NUMBER.fullmatch(value):
        return f"{value} is one number to some readers of YAML and another, or a text, to others; {_cure(value)}"
    return ""


def _cure(value: str) -> str:
    if re.search("[box:]", value, re.IGNORECASE):
        return "write a decimal number, or quotes"
    return "write a number like 8, 0.5 or 1.0e+9, or quotes"
