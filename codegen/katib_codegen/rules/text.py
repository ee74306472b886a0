"""Faults that are seen in a source's text, before anybody asks what it means."""

import re
from collections.abc import Iterator

from katib_codegen.complaints import Complaint
from katib_codegen.marks import is_marked
from katib_codegen.rules.scalars import unseen

_CONFLICT = re.compile(r"(<{7}|>{7}|\|{7})( |$)|={7}$")


def text_complaints(file: str, text: str) -> Iterator[Complaint]:
    """A print among the sources; marks of a merge conflict; characters that nobody sees; in YAML also tabs that indent,
    at which its parser stumbles elsewhere."""
    if is_marked("\n".join(text.split("\n", 2)[:2]).encode()):
        yield Complaint(file, (), "this file is printed, and no source; remove it", 1)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if _CONFLICT.match(line):
            mark = line.split()[0]
            yield Complaint(file, (), f"{mark} marks a merge conflict; keep what is right and remove the marks", number)
        elif file.endswith(".yaml") and "\t" in line[: len(line) - len(line.lstrip())]:
            yield Complaint(file, (), "a tab indents this line; write two spaces a level", number)
        elif character := unseen(line.removesuffix("\r")):
            yield Complaint(file, (), f"this line holds {character}, which nobody sees; remove it", number)
