"""Every mistake in a source stops the press with readable lines: file, line, what is wrong, what would be right.

mistakes/apis is a small API that is right in every way. mistakes.txt breaks one rule of it at a time.
"""

import re
import shutil
from pathlib import Path

import pytest
from wrong_inputs import WrongInput, read_wrong_inputs

from katib_codegen.__main__ import main
from katib_codegen.complaints import Lines
from katib_codegen.errors import SourceError
from katib_codegen.lint import lint
from katib_codegen.load import load
from katib_codegen.model import bundle
from katib_codegen.render.clients import render_clients
from katib_codegen.render.crds import render_crds
from katib_codegen.render.defaults import render_defaults
from katib_codegen.render.names import render_names
from katib_codegen.render.rbac import render_rbac
from katib_codegen.render.webhooks import render_webhooks

HERE = Path(__file__).parent
SMALL = HERE / "mistakes"


MISTAKES = read_wrong_inputs(HERE / "mistakes.txt")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A copy of the small API."""
    shutil.copytree(SMALL / "apis", tmp_path / "apis")
    return tmp_path


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_mistake_is_named_in_readable_lines(
    small: Path, capsys: pytest.CaptureFixture[str], mistake: WrongInput
) -> None:
    mistake.make_in(small)
    assert main(["--root", str(small)]) == 2
    assert capsys.readouterr().err.rstrip("\n") == mistake.told
    assert not (small / "pkg").exists()


def test_the_small_api_is_right_and_can_be_printed(small: Path) -> None:
    assert main(["--root", str(small)]) == 0
    assert (small / "manifests/v1beta1/components/crd/pizza.yaml").exists()


def test_every_complaint_has_its_line_and_no_mistake_stands_twice() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) > 40
    for mistake in MISTAKES:
        for line in mistake.told.split("\n"):
            assert re.match(r"apis/(v1beta1/)?[a-z_]+\.(yaml|proto):\d+: .{10}", line), line


def judge(root: Path) -> list[str]:
    """All that the press tells before it prints; it prints what can go wrong in sources that are right."""
    try:
        api = bundle(load(root))
        complaints = lint(api)
        if not complaints:
            for render in (render_crds, render_names, render_rbac, render_webhooks, render_clients, render_defaults):
                render(api)
    except SourceError as error:
        complaints = str(error).split("\n")
    return complaints


@pytest.mark.parametrize("file", sorted(path.name for path in (SMALL / "apis/v1beta1").iterdir()))
def test_a_line_that_is_lost_or_garbled_is_told_with_its_place_or_changes_what_is_printed(
    small: Path, file: str
) -> None:
    """Whatever is done to a source, the press neither falls over it nor tells of it without a line."""
    path = small / "apis/v1beta1" / file
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines):
        key = re.match(r"\s*[^\s{#]+:", line)
        for instead in [None, *([f"{key[0]} 7", f"{key[0]} []"] if key and file.endswith(".yaml") else ())]:
            path.write_text("\n".join([*lines[:number], *([] if instead is None else [instead]), *lines[number + 1 :]]))
            for told in judge(small):
                assert re.match(r"apis/v1beta1/[a-z_]+\.(yaml|proto):\d+: ", told), (number + 1, line, told)


def test_the_lines_are_those_of_the_places(small: Path) -> None:
    sources = load(small)
    lines, text = sources.lines["pizza.yaml"], (small / "apis/v1beta1/pizza.yaml").read_text().split("\n")
    slices = ("$defs", "PizzaSpec", "properties", "slices")
    assert text[lines.at(slices) - 1] == "      slices:"
    assert text[lines.at((*slices, "minimum")) - 1] == "        minimum: 1"
    assert "name: Status" in text[lines.at(("x-katib-resource", "printerColumns", 1)) - 1]
    assert lines.at((*slices, "nothing", "below")) == lines.at(slices), "the nearest line above stands in"
    assert isinstance(lines, Lines) and lint(bundle(sources)) == []


def test_a_source_that_is_no_utf8_is_named(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (small / "apis/v1beta1/names.yaml").open("ab") as file:
        file.write(b"\xff")
    assert main(["--root", str(small)]) == 2
    assert re.match(r"apis/v1beta1/names\.yaml:\d+: byte \d+ is no UTF-8; save", capsys.readouterr().err)
