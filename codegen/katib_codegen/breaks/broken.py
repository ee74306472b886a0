"""One broken promise, and how it is told."""

from dataclasses import dataclass

from katib_codegen.complaints import Complaint, Path

LATER = "take it away with the next version"


@dataclass(frozen=True)
class Break:
    """One promise that is not kept. `key` names it in the allow-list."""

    key: str
    file: str
    path: Path
    text: str
    line: int = 0

    def complaint(self) -> Complaint:
        """What is told about it."""
        return Complaint(self.file, self.path, f"{self.text} [{self.key}]", self.line)
