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
from katib_codegen.breaks.project import unrecorded_break, version_break
from katib_codegen.complaints import Complaint, Lines, told
from katib_codegen.errors import SourceError
from katib_codegen.load import load, load_project
from katib_codegen.model import bundle
from katib_codegen.project import FILE
from katib_codegen.promises import promises

FOLDER = "codegen/released"
ALLOWED = "allowed.yaml"
_HEAD = "# What the last release of apis/{version} promises its users. Recorded by `nox -s release`, never edited.\n"
_ALLOWED_HEAD = """\
# Breaks of the last release's promises that were decided: what `nox -s check` prints in brackets, and the reason.
# An entry that matches nothing is refused; `nox -s release` empties this file.
#   v1beta1:
#     removed ExperimentSpec.nasConfig: No algorithm has read it since …; docs/decisions/NNNN says what takes its place.
#   v1:
#     new v1: It is released with 1.0; docs/decisions/NNNN says what it is for.
"""
_NO_LIST = "this is no list of breaks; write `version:`, and below it `break: reason`"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compare_with_release(root: Path) -> list[str]:
    """One line per broken promise and per entry of the allow-list that allows nothing."""
    allowed, lines = _yaml(root, f"{FOLDER}/{ALLOWED}")
    if not all(isinstance(entry, dict) for entry in allowed.values()):
        raise SourceError(f"{FOLDER}/{ALLOWED}:1: {_NO_LIST}")
    _, project = _yaml(root, f"apis/{FILE}")
    complaints: list[str] = []
    used: set[tuple[str, str]] = set()
    recorded = _records(root)
    absent = [
        version for version in load_project(root).versions if version.name not in {path.stem for path in recorded}
    ]
    for record in [*recorded, *(root / FOLDER / f"{version.name}.yaml" for version in absent)]:
        broken, sources = _breaks(root, record)
        used |= {(record.stem, item.key) for item in broken}
        refused = [item for item in broken if item.key not in allowed.get(record.stem, {})]
        complaints += told((item.complaint() for item in refused if item.file == FILE), "apis", project)
        complaints += told((item.complaint() for item in refused if item.file != FILE), f"apis/{record.stem}", sources)
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
    for record in _records(root):
        if record not in written:  # Nobody is promised a version whose removal was decided.
            record.unlink()
    (folder / ALLOWED).write_text(_ALLOWED_HEAD, encoding="utf-8")
    return [*written, folder / ALLOWED]


def _records(root: Path) -> list[Path]:
    return sorted(path for path in (root / FOLDER).glob("*.yaml") if path.name != ALLOWED)


def _breaks(root: Path, record: Path) -> tuple[list[Break], Mapping[str, Lines]]:
    if record.stem not in [version.name for version in load_project(root).versions]:
        return [version_break(record.stem)], {}
    if not record.is_file():
        return [unrecorded_break(record.stem, FOLDER)], {}
    sources = load(root, record.stem)
    promised = yaml.load(record.read_text("utf-8"), Loader=_Loader)  # noqa: S506
    return list(breaks(promised, bundle(sources))), sources.lines


def _yaml(root: Path, name: str) -> tuple[dict[str, Any], dict[str, Lines]]:
    """The mapping that a file holds, and its lines; nothing where there is no such file."""
    path = root / name
    text = path.read_text("utf-8") if path.is_file() else ""
    try:
        node, document = yaml.compose(text, Loader=_Loader), yaml.load(text, Loader=_Loader) or {}  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SourceError(
            f"{name}:{line}: no YAML: {error.problem}; put a key with a colon or hash in quotes"
        ) from None
    if not isinstance(document, dict):
        raise SourceError(f"{name}:1: {_NO_LIST}")
    return document, {path.name: Lines(node)} if node else {}


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
