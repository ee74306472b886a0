"""Wrong inputs as plain files: what is edited in a right one, and what is told about it.

A block, up to an empty line, is `# its name`; `= a file` with what stands there (-) and what takes its place (+), as often as
there are edits; then the lines that are told.
"""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Edit:
    file: str
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


@dataclass
class WrongInput:
    name: str
    edits: list[Edit] = field(default_factory=list)
    told: str = ""

    def make_in(self, root: Path, folder: str = "apis/v1beta1") -> None:
        """Edits the files; what stands there is replaced once."""
        for edit in self.edits:
            path, old = root / folder / edit.file, "\n".join(edit.old)
            text = path.read_text()
            assert old in text, f"{edit.file} holds no {old!r}"
            path.write_text(text.replace(old, "\n".join(edit.new), 1))


def read_wrong_inputs(path: Path) -> list[WrongInput]:
    """Every block of the file."""
    return [_read(block.split("\n")) for block in path.read_text().rstrip("\n").split("\n\n")]


def _read(lines: list[str]) -> WrongInput:
    wrong, told = WrongInput(lines[0].removeprefix("# ")), []
    for line in lines[1:]:
        text = line[2:].replace("\\t", "\t")
        match line[0]:
            case "=":
                wrong.edits.append(Edit(text))
            case "-":
                wrong.edits[-1].old.append(text)
            case "+":
                wrong.edits[-1].new.append(text)
            case _:
                told.append(line)
    wrong.told = "\n".join(told)
    return wrong
