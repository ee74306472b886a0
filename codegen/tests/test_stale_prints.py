"""A stale print is named, whatever it is; the same sources give the same bytes everywhere; an interrupted run harms none."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from katib_codegen.__main__ import main
from katib_codegen.errors import SourceError
from katib_codegen.press import render_all
from katib_codegen.replace import is_left_behind, replace
from katib_codegen.tree import compare, differences, write

ROOT = Path(__file__).parents[2]

Printed = Mapping[str, bytes]


@pytest.fixture(scope="module")
def printed() -> Printed:
    return render_all(ROOT)


@pytest.fixture
def tree(tmp_path: Path, printed: Printed) -> Path:
    """A tree that holds what is printed."""
    write(tmp_path, printed)
    assert not compare(tmp_path, printed)
    return tmp_path


def states(tree: Path, printed: Printed) -> list[str]:
    return list(compare(tree, printed).lines())


def test_every_product_is_named_when_one_byte_of_it_changes(tree: Path, printed: Printed) -> None:
    dice = random.Random(4)
    for path, content in printed.items():
        place = dice.randrange(len(content))
        (tree / path).write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert states(tree, printed) == [f"changed  {path}" for path in sorted(printed)]
    for path, content in printed.items():
        (tree / path).write_bytes(content)
        assert path not in compare(tree, {path: content}).changed, "and it alone"


ENDS = [
    pytest.param(lambda text: text + b"\n", id="a line more"),
    pytest.param(lambda text: text[:-1], id="cut"),
    pytest.param(lambda text: b"", id="empty"),
]


@pytest.mark.parametrize("change", ENDS)
def test_every_product_is_named_when_its_end_changes(
    tree: Path, printed: Printed, change: Callable[[bytes], bytes]
) -> None:
    for path, content in printed.items():
        (tree / path).write_bytes(change(content))
    assert states(tree, printed) == [f"changed  {path}" for path in sorted(printed)]


def test_every_product_is_named_when_it_is_gone(tree: Path, printed: Printed) -> None:
    for path in printed:
        (tree / path).unlink()
    assert states(tree, printed) == [f"missing  {path}" for path in sorted(printed)]


def test_every_product_is_named_when_it_is_left_over(tree: Path, printed: Printed) -> None:
    """Under the name that it had before: beside the others, or in a folder of its own."""
    left = [str(Path(path).with_name(f"old_{Path(path).name}")) for path in printed]
    left += [str(Path(path).parent / "old" / Path(path).name) for path in printed if "/" in path]
    for name, content in zip(
        left, [*printed.values(), *(printed[path] for path in printed if "/" in path)], strict=True
    ):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_bytes(content)
    assert states(tree, printed) == [f"orphaned {name}" for name in sorted(left)]
    write(tree, printed)
    assert states(tree, printed) == []
    assert not any((tree / name).exists() for name in left)


SURROUNDINGS = [
    pytest.param({"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}, id="plain"),
    pytest.param(
        {"PYTHONHASHSEED": "12345", "TZ": "Pacific/Apia", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        id="ASCII, another day, files backwards",
    ),
]
# Folders list their files the other way round, and so does everything that asks for them.
PRESS = """
import os, sys
from pathlib import Path
listdir, scandir = os.listdir, os.scandir
class Backwards:
    def __init__(self, path="."):
        with scandir(path) as entries:
            self.entries = iter(sorted(entries, key=lambda entry: entry.name, reverse=True))
    __enter__ = __iter__ = lambda self: self
    __next__ = lambda self: next(self.entries)
    __exit__ = close = lambda self, *_: None
os.listdir = lambda path=".": sorted(listdir(path), reverse=True)
os.scandir = Backwards
from katib_codegen.press import render_all
from katib_codegen.tree import write
write(Path(sys.argv[2]), render_all(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_the_same_sources_give_the_same_bytes(
    tmp_path: Path, printed: Printed, surroundings: Mapping[str, str]
) -> None:
    """On each Python too: the committed prints are the same for all, and each runs this suite (nox -s unit)."""
    environment = {**os.environ, **surroundings}
    subprocess.run([sys.executable, "-c", PRESS, str(ROOT), str(tmp_path)], cwd="/", env=environment, check=True)
    assert {path: (tmp_path / path).read_bytes() for path in printed} == printed
    assert states(tmp_path, printed) == []


# Prints two editions in turn until it is killed.
ENDLESS = """
import sys
from pathlib import Path
from katib_codegen.replace import replace
root = Path(sys.argv[1])
paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
print("ready", flush=True)
while True:
    for edition in b"ab":
        for path in paths:
            replace(path, bytes([edition]) * 200_000)
            print(end=".", flush=True)
"""


def test_a_run_that_is_killed_leaves_each_file_whole(tmp_path: Path) -> None:
    dice = random.Random(4)
    printed = {f"pkg/folder{number}/file.py": b"a" * 200_000 for number in range(20)}
    write(tmp_path, printed)
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        # It goes on while this is read, so the signal meets it anywhere.
        process.stdout.read(dice.randrange(1, 60))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for path in printed:
            assert (tmp_path / path).read_bytes() in (b"a" * 200_000, b"b" * 200_000), path
    write(tmp_path, printed)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == printed.keys()


def test_a_print_is_found_wherever_it_is_left_over_and_not_where_git_ignores(tree: Path, printed: Printed) -> None:
    text = printed["docs/typescript/v1beta1.ts"]
    (tree / ".gitignore").write_text("/.venv/\n/build/\n*.egg-info/\n*.log\n")
    left = ["examples/v1beta1/types.ts", "codegen/types.ts", "apis/types.ts", "types.ts", "pkg/build/types.ts"]
    others = [
        ".venv/types.ts",
        "build/types.ts",
        "pkg/x.egg-info/types.ts",
        ".git/types.ts",
        "hack/__pycache__/types.ts",
    ]
    for name in (*left, *others):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(text)
    assert states(tree, printed) == [f"orphaned {name}" for name in sorted(left)]
    write(tree, printed)
    assert [name for name in (*left, *others) if (tree / name).exists()] == others


def test_a_print_among_the_sources_is_named(workspace: Path, printed: Printed) -> None:
    (workspace / "apis/v1beta1/crd.yaml").write_bytes(printed["manifests/v1beta1/components/crd/trial.yaml"])
    with pytest.raises(
        SourceError, match=r"^apis/v1beta1/crd\.yaml:1: this file is printed, and no source; remove it$"
    ):
        render_all(workspace)


MODELS = "pkg/apis/katib_apis/v1beta1/models.py"


@pytest.mark.parametrize("target", ["copy.py", "nowhere.py", "models.py", "folder"])
def test_a_link_in_place_of_a_printed_file_is_changed_and_becomes_the_file(
    tree: Path, printed: Printed, target: str
) -> None:
    """Also where it leads to the right text; and what it leads to stays as it is."""
    elsewhere = tree / "pkg/apis/katib_apis/v1beta1"
    (elsewhere / "folder").mkdir()
    (tree / "copy.py").write_bytes(printed[MODELS].partition(b"\n")[2])
    (tree / MODELS).unlink()
    (tree / MODELS).symlink_to(tree / target if target == "copy.py" else target)
    assert states(tree, printed) == [f"changed  {MODELS}"]
    assert any(line.startswith(f"-{tree if target == 'copy.py' else target}") for line in differences(tree, printed))
    write(tree, printed)
    assert states(tree, printed) == [] and not (tree / MODELS).is_symlink()
    assert (tree / "copy.py").read_bytes() == printed[MODELS].partition(b"\n")[2] and (elsewhere / "folder").is_dir()


def refused(tree: Path, capsys: pytest.CaptureFixture[str], *ways: str) -> str:
    """What the press says to a tree that it cannot compare, with each of these ways."""
    said = set()
    for way in ways or ("--check", "--diff", "--root"):
        assert main([way, "--root", str(tree)] if way != "--root" else ["--root", str(tree)]) == 2
        said.add(capsys.readouterr().err)
    (line,) = said
    return line


def test_a_folder_in_place_of_a_printed_file_is_named_with_its_cure(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / MODELS).mkdir(parents=True)
    (workspace / "docs").write_text("mine")
    assert refused(workspace, capsys) == (
        f"{MODELS}: a folder stands where a file is printed; move it away\n"
        "docs: a file stands where a folder of printed files belongs; move it away\n"
    )
    assert (workspace / "docs").read_text() == "mine"


def test_what_cannot_be_read_is_named_with_its_cure(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "notes.txt").touch(mode=0)
    told = "notes.txt: it cannot be read (Permission denied); give yourself the right to it, or move it away\n"
    if os.access(workspace / "notes.txt", os.R_OK):  # Root may read everything.
        told = ""
    status = main(["--check", "--root", str(workspace)])
    assert (status, capsys.readouterr().err[: len(told)]) == ((2, told) if told else (1, ""))


def test_a_link_to_a_print_is_left_alone_wherever_it_leads(tree: Path, printed: Printed) -> None:
    links = {"models.py": MODELS, "nowhere.py": "gone/models.py", "notes.txt": "/proc/self/mem"}
    for name, target in links.items():
        (tree / name).symlink_to(target)
    assert states(tree, printed) == []
    write(tree, printed)
    assert all((tree / name).is_symlink() for name in links)


@pytest.mark.parametrize("name", ["trial.yaml", "old.yaml", "api.proto"])
def test_a_source_that_cannot_be_read_is_named_with_its_cure(
    workspace: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    source = workspace / "apis/v1beta1" / name
    source.unlink(missing_ok=True)
    source.symlink_to("/proc/self/mem")
    cure = "put a file here that you may read, or nothing"
    assert refused(workspace, capsys) == f"apis/v1beta1/{name}:1: it cannot be read (Input/output error); {cure}\n"
    source.unlink()
    if name == "old.yaml":
        source.mkdir()
        assert refused(workspace, capsys) == f"apis/v1beta1/{name}:1: it cannot be read (Is a directory); {cure}\n"


def test_check_names_what_a_killed_run_has_left_and_generate_removes_it(tree: Path, printed: Printed) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = [f"pkg/.models.py.{ended.pid}.printing", f"..gitattributes.{ended.pid}.printing"]
    at_work = [f"pkg/.models.py.{os.getppid()}.printing", f"pkg/models.{ended.pid}.printing", "pkg/.x.y.printing"]
    for name in (*left, *at_work):
        (tree / name).write_bytes(b"half")
    assert states(tree, printed) == [f"orphaned {name}" for name in sorted(left)]
    write(tree, printed)
    assert [name for name in (*left, *at_work) if (tree / name).exists()] == at_work
    assert is_left_behind(tree / left[0]) and not is_left_behind(tree / at_work[0])


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file.py").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace(tmp_path / "file.py", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file.py"]
