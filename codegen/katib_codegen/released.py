"""What the last release promised, and whether today's sources still keep it.

python -m katib_codegen.released compares; with --record it makes today's sources the last release. Knows the files in
codegen/released/; `promises` knows what is promised, `breaks` what breaks a promise.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from katib_codegen.breaks import Break, breaks
from katib_codegen.complaints import Complaint, Lines, told
from katib_codegen.errors import SourceError
from katib_codegen.load import load, load_project
from katib_codegen.model import bundle
from katib_codegen.promises import Promises, promises

FOLDER = "codegen/released"
ALLOWED = "allowed.yaml"
_HEAD = "# What the last release of apis/{version} promises its users. Recorded by `nox -s release`, never edited.\n"
_ALLOWED_HEAD = """\
# Breaks of the last release's promises that were decided: what `nox -s check` prints in brackets, and the reason.
# An entry that matches nothing is refused; `nox -s release` empties this file.
#   v1beta1:
#     removed ExperimentSpec.nasConfig: No algorithm has read it since …; docs/decisions/NNNN says what takes its place.
"""
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compare_with_release(root: Path) -> list[str]:
    """One line per broken promise and per entry of the allow-list that allows nothing."""
    allowed, lines = _allowed(root / FOLDER / ALLOWED)
    complaints: list[str] = []
    used: set[tuple[str, str]] = set()
    for record in sorted(path for path in (root / FOLDER).glob("*.yaml") if path.name != ALLOWED):
        version = record.stem
        found = _breaks(root, version, yaml.load(record.read_text("utf-8"), Loader=_Loader))  # noqa: S506
        if isinstance(found, str):
            complaints.append(found)
            continue
        (broken, source_lines), permitted = found, allowed.get(version, {})
        used |= {(version, item.key) for item in broken}
        refused = [item for item in broken if item.key not in permitted]
        complaints += told((item.complaint() for item in refused), f"apis/{version}", source_lines)
    return complaints + told(_allowed_complaints(allowed, used), FOLDER, lines)


def record_release(root: Path) -> list[Path]:
    """Makes today's sources the last release, of every version, and empties the allow-list."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for version in load_project(root).versions:
        promised = promises(bundle(load(root, version.name)))
        text = yaml.safe_dump(promised, sort_keys=False, width=120, allow_unicode=True, default_flow_style=None)
        path = folder / f"{version.name}.yaml"
        path.write_text(_HEAD.format(version=version.name) + text, encoding="utf-8")
        written.append(path)
    (folder / ALLOWED).write_text(_ALLOWED_HEAD, encoding="utf-8")
    return [*written, folder / ALLOWED]


def _breaks(root: Path, version: str, promised: Promises) -> tuple[list[Break], Mapping[str, Lines]] | str:
    if not (root / "apis" / version).is_dir():
        return f"apis/{version}:1: the version is gone, and was released; put it back, unserved at first"
    sources = load(root, version)
    return list(breaks(promised, bundle(sources))), sources.lines


def _allowed(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Lines]]:
    if not path.is_file():
        return {}, {}
    text = path.read_text("utf-8")
    node = yaml.compose(text, Loader=_Loader)
    entries = yaml.load(text, Loader=_Loader) or {}  # noqa: S506
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise SourceError(
            f"{FOLDER}/{ALLOWED}:1: this is no list of breaks; write `version:`, and below it `break: reason`"
        )
    return entries, {ALLOWED: Lines(node)} if node else {}


def _allowed_complaints(allowed: Mapping[str, Mapping[str, Any]], used: set[tuple[str, str]]) -> Iterable[Complaint]:
    for version, entries in allowed.items():
        for key, reason in entries.items():
            if (version, key) not in used:
                text = f"`{key}` allows what is not so; remove it, or spell it as check prints it in brackets"
                yield Complaint(ALLOWED, (version, key), text)
            elif not isinstance(reason, str) or len(reason.split()) < 3:
                yield Complaint(ALLOWED, (version, key), f"`{key}` has no reason; say who decided it, and why")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 every promise is kept, 1 one is not, 2 a source that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m katib_codegen.released", description=__doc__.split("\n")[0])
    parser.add_argument("--record", action="store_true", help="make today's sources the last release")
    parser.add_argument("--root", type=Path, default=Path.cwd(), metavar="DIR", help="the workspace")
    options = parser.parse_args(arguments)
    try:
        complaints = compare_with_release(options.root)
        if complaints:
            print("\n".join(complaints), file=sys.stderr)
            cure = f"Do what each line says; a decided break goes into {FOLDER}/{ALLOWED}, as `what stands in brackets: why`."
            print(cure, file=sys.stderr)
            return 1
        for path in record_release(options.root) if options.record else ():
            print(f"recorded {path.relative_to(options.root).as_posix()}")
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
