"""What breaks users' objects, code or peers is refused, with what to do instead; what does not is let through."""

import re
import shutil
from pathlib import Path

import pytest
from wrong_inputs import Edit, WrongInput, read_wrong_inputs

from katib_codegen.released import ALLOWED, FOLDER, compare_with_release, main, record_release

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BREAKS = read_wrong_inputs(HERE / "breaks.txt")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A copy of the small API, released as it is."""
    shutil.copytree(HERE / "mistakes/apis", tmp_path / "apis")
    record_release(tmp_path)
    return tmp_path


def edit(small: Path, file: str, old: str, new: str) -> None:
    WrongInput("", [Edit(file, [old], [new])]).make_in(small)


def allow(small: Path, *lines: str) -> None:
    (small / FOLDER / ALLOWED).write_text("\n".join(["v1beta1:", *(f"  {line}" for line in lines)]) + "\n")


def test_the_sources_keep_what_the_last_release_promises() -> None:
    assert compare_with_release(ROOT) == []


@pytest.mark.parametrize("wrong", BREAKS, ids=[wrong.name for wrong in BREAKS])
def test_a_break_is_named_with_what_to_do_instead(
    small: Path, capsys: pytest.CaptureFixture[str], wrong: WrongInput
) -> None:
    wrong.make_in(small)
    assert main(["--root", str(small)]) == 1
    *told, cure = capsys.readouterr().err.splitlines()
    assert "\n".join(told) == wrong.told
    assert "codegen/released/allowed.yaml" in cure

    keys = [re.search(r"\[([^\[\]]*)\]$", line) for line in told]
    allow(small, *(f"{key[1]}: The maintainers decided it, for a test." for key in keys if key))
    assert compare_with_release(small) == []


KEPT = [
    pytest.param("pizza.yaml", "      box:", "      lid: {type: boolean}\n      box:", id="a field more"),
    pytest.param("pizza.yaml", "enum: [wheat, rye]", "enum: [rye, spelt, wheat]", id="a known value more"),
    pytest.param("pizza.yaml", "minimum: 1", "minimum: 0", id="a lower minimum"),
    pytest.param("pizza.yaml", "        maximum: 16\n", "", id="no maximum"),
    pytest.param("pizza.yaml", "    required: [dough]\n", "", id="nothing required"),
    pytest.param("pizza.yaml", "description: Into how many", "description: In how many", id="other words"),
    pytest.param("pizza.yaml", "examples: [rye]", "examples: [wheat]", id="another example"),
    pytest.param("pizza.yaml", "[{rule: self == oldSelf, message: it is cut once}]", "[]", id="a rule less"),
    pytest.param("api.proto", "  Heat heat = 3;", "  Heat heat = 3;\n  int32 slices = 5;", id="a proto field more"),
    pytest.param("api.proto", "  FIERCE = 2;", "  FIERCE = 2;\n  HELLISH = 3;", id="a proto value more"),
    pytest.param("api.proto", "reserved 2, 10 to 12;", "reserved 2, 9 to 14;", id="more reserved"),
    pytest.param("names.yaml", "objects:", "objects:\n  cook: {value: cook, description: x}", id="a name more"),
]


@pytest.mark.parametrize(("file", "old", "new"), KEPT)
def test_what_breaks_nobody_is_let_through(small: Path, file: str, old: str, new: str) -> None:
    edit(small, file, old, new)
    assert compare_with_release(small) == []


def test_a_type_may_move_to_another_file(small: Path) -> None:
    text = "  Share:\n    description: A part of the whole.\n    type: string\n    pattern: '^[01](\\.[0-9]+)?$'\n"
    edit(small, "toppings.yaml", text, "")
    edit(small, "toppings.yaml", "$ref: '#/$defs/Share'", "$ref: oven.yaml#/$defs/Share")
    edit(small, "oven.yaml", "$defs:\n", "$defs:\n" + text)
    assert compare_with_release(small) == []


def test_an_entry_that_allows_nothing_or_says_no_reason_is_an_error(small: Path) -> None:
    edit(small, "pizza.yaml", "enum: [wheat, rye]", "enum: [wheat]")
    allow(small, "dropped rye of Dough: so be it", "dropped oat of Dough: Nobody has ever ordered it.")
    assert compare_with_release(small) == [
        "codegen/released/allowed.yaml:3: `dropped oat of Dough` allows what is not so; remove it, or spell it as check "
        "prints it in brackets"
    ]
    allow(small, "dropped rye of Dough:")
    assert compare_with_release(small) == [
        "codegen/released/allowed.yaml:2: `dropped rye of Dough` has no reason; say who decided it, and why"
    ]
    (small / FOLDER / ALLOWED).write_text("- dropped\n")
    assert main(["--root", str(small)]) == 2


def test_a_release_is_one_command_and_refuses_what_was_not_decided(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (small / FOLDER / "v1beta1.yaml").read_bytes()
    edit(small, "pizza.yaml", "enum: [wheat, rye]", "enum: [wheat]")
    assert main(["--record", "--root", str(small)]) == 1
    assert (small / FOLDER / "v1beta1.yaml").read_bytes() == before

    allow(small, "dropped rye of Dough: There is no rye any more.")
    assert main(["--record", "--root", str(small)]) == 0
    assert "recorded codegen/released/v1beta1.yaml" in capsys.readouterr().out
    assert "no rye" not in (small / FOLDER / ALLOWED).read_text()
    assert compare_with_release(small) == []
    assert main(["--record", "--root", str(small)]) == 0, "and nothing changes"


def test_a_version_that_was_never_released_promises_nothing_and_a_released_one_stays(small: Path) -> None:
    (small / FOLDER / "v1beta1.yaml").rename(small / FOLDER / "v1alpha1.yaml")
    assert compare_with_release(small) == [
        "apis/v1alpha1:1: the version is gone, and was released; put it back, unserved at first"
    ]
