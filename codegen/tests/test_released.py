"""What breaks users' objects, code or peers is refused, with what to do instead; what does not is let through."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wrong_inputs import Edit, WrongInput, read_wrong_inputs

from katib_codegen.breaks import breaks
from katib_codegen.breaks.wider import admits_all_of
from katib_codegen.dialect import KEYWORDS
from katib_codegen.load import load
from katib_codegen.model import bundle
from katib_codegen.promises import promises
from katib_codegen.released import ALLOWED, FOLDER, compare_with_release, main, record_release
from katib_codegen.rules.forms import FORMS

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

    keys = [re.search(r"\[((?:[^\[\]]|\[\])*)\]$", line) for line in told]
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
    pytest.param(
        "pizza.yaml", "x-katib-absent: it is eaten here", "x-katib-absent: none", id="other words about absence"
    ),
    pytest.param("pizza.yaml", "categories: [all]", "categories: [all, food]", id="a category more"),
    pytest.param(
        "pizza.yaml",
        "    - {name: Age,",
        "    - {name: Dough, type: string, jsonPath: .spec.dough}\n    - {name: Age,",
        id="a column more",
    ),
    pytest.param("pizza.yaml", "  PizzaSpec:\n", "  PizzaSpec:\n    x-katib-message: BakeRequest\n", id="a message"),
    pytest.param(
        "pizza.yaml",
        "      slices:\n",
        "      slices:\n        x-katib-message-field: heat\n",
        id="another field of a message",
    ),
    pytest.param("names.yaml", "What the waiters speak.", "What waiters speak.", id="other words about a name"),
    pytest.param("webhooks.yaml", "Refuses a pizza", "Refuses pizza", id="other words about a webhook"),
    pytest.param(
        "webhooks.yaml",
        "namespaceLabels: {names.labels.table: names.label_values.terrace}",
        "namespaceLabels: {names.labels.table: names.label_values.terrace}\n  oven_validator:\n    {name: ovens.example.org, type: Validating, path: /ovens, description: Looks at ovens.,\n     rule: {group: kitchen.example.org, version: v1beta1, resource: ovens, operations: [CREATE]}}",
        id="a webhook more",
    ),
    pytest.param("permissions.yaml", "It brings them.", "It counts them.", id="another reason for a grant"),
    pytest.param("permissions.yaml", "verbs: [get]", "verbs: [get, list]", id="a verb more"),
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


def test_a_released_version_stays_unless_its_removal_was_decided(small: Path) -> None:
    record = small / FOLDER / "v1alpha1.yaml"
    shutil.copy(small / FOLDER / "v1beta1.yaml", record)
    assert compare_with_release(small) == [
        "apis/project.yaml:8: versions is without v1alpha1, which was released; put it back, first with served: false "
        "[removed v1alpha1]"
    ]
    (small / FOLDER / ALLOWED).write_text("v1alpha1:\n  removed v1alpha1: Nobody has it any more, says the survey.\n")
    assert main(["--record", "--root", str(small)]) == 0
    assert not record.exists(), "nobody is promised what is gone"
    assert (small / FOLDER / "v1beta1.yaml").exists() and compare_with_release(small) == []


def test_a_version_without_a_record_is_told_until_it_is_said_to_be_new(small: Path) -> None:
    (small / FOLDER / "v1beta1.yaml").unlink()
    assert compare_with_release(small) == [
        "apis/project.yaml:9: v1beta1 has no record of its promises, so nothing that breaks them would be told; restore "
        "codegen/released/v1beta1.yaml; a new version is allowed until the release that records it [new v1beta1]"
    ]
    assert main(["--record", "--root", str(small)]) == 1

    allow(small, "new v1beta1: It is the first version of all.")
    assert main(["--record", "--root", str(small)]) == 0
    assert (small / FOLDER / "v1beta1.yaml").exists() and compare_with_release(small) == []

    allow(small, "new v1beta1: It is the first version of all.")
    assert "allows what is not so" in compare_with_release(small)[0], "a recorded version is new no more"


ASKS = "{type: object, required: [a, b], properties: {a: {maxLength: 40, enum: [p, q]}, b: {not: {minimum: 3}}}}"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("maxLength: 40", "maxLength: 50", False, id="a longer text"),
        pytest.param("maxLength: 40", "maxLength: 30", True, id="a shorter text"),
        pytest.param("maxLength: 40, ", "", False, id="a text of any length"),
        pytest.param("maxLength: 40", "maxLength: 40, minLength: 1", True, id="a text that is not empty"),
        pytest.param("[p, q]", "[p, r, q]", False, id="a value more"),
        pytest.param("[p, q]", "[p]", True, id="a value less"),
        pytest.param("required: [a, b]", "required: [a]", False, id="less required"),
        pytest.param("required: [a, b]", "required: [a, b, c]", True, id="more required"),
        pytest.param("minimum: 3", "minimum: 4", False, id="less forbidden"),
        pytest.param("minimum: 3", "minimum: 2", True, id="more forbidden"),
        pytest.param("maxLength: 40", "pattern: a", True, id="another keyword"),
        pytest.param("type: object, ", "", False, id="of any type"),
    ],
)
def test_a_rule_of_admission_that_takes_more_breaks_nobody(small: Path, old: str, new: str, told: bool) -> None:
    absent = "        x-katib-absent: it is eaten here\n"
    edit(small, "pizza.yaml", absent, f"{absent}        x-katib-rules: [{{says: A b., schema: {ASKS}}}]\n")
    record_release(small)
    edit(small, "pizza.yaml", ASKS, ASKS.replace(old, new))
    keys = [line.rsplit("[", 1)[1] for line in compare_with_release(small)]
    assert keys == ["narrowed PizzaSpec.box by admission 0]"] * told


def test_a_rule_whose_parts_mean_something_only_together_is_told_when_it_changes() -> None:
    when = {"if": {"required": ["a"]}, "then": {"maxLength": 40}}
    assert not admits_all_of({"if": {"required": ["a"]}, "then": {"maxLength": 50}}, when), "that cannot be told"
    assert not admits_all_of({"then": {"maxLength": 40}, "if": {}}, when)
    assert admits_all_of({**when, "maxLength": 5}, {**when, "maxLength": 4})


def test_what_is_printed_elsewhere_or_is_no_message_any_more_is_told(small: Path) -> None:
    edit(small, "../project.yaml", "manifests: manifests", "manifests: manifests\nopenapi: docs/openapi")
    edit(small, "pizza.yaml", "  PizzaSpec:\n", "  PizzaSpec:\n    x-katib-message: BakeRequest\n")
    record_release(small)
    edit(small, "../project.yaml", "\nopenapi: docs/openapi", "")
    edit(small, "pizza.yaml", "    x-katib-message: BakeRequest\n", "")
    told = compare_with_release(small)
    assert [line.rsplit("[")[-1] for line in told] == ["moved openapi]", "changed message of PizzaSpec]"]


def test_a_list_of_decided_breaks_that_is_no_yaml_is_named_with_its_line(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    allow(small, "dropped rye of Dough: it is: out")
    assert main(["--root", str(small)]) == 2
    assert capsys.readouterr().err.startswith("codegen/released/allowed.yaml:2: no YAML: ")


# What stands for each keyword and key of the sources: a break of breaks.txt, or a change that breaks nobody.
DECIDED = {
    "$ref": "a field of another type of ours",
    "additionalProperties": "a pattern for the values of a map",
    "allOf": "a type that extends another",
    "default": "a default changed",
    "description": "other words",
    "enum": "an enum value dropped",
    "examples": "another example",
    "format": "a field retyped",
    "items": "items retyped",
    "maxItems": "a list bounded",
    "maxLength": "a length bounded",
    "maximum": "a maximum added",
    "minItems": "a list that needs an item",
    "minLength": "a longer text",
    "minimum": "a minimum raised",
    "pattern": "another pattern",
    "properties": "a field removed",
    "required": "a field required",
    "type": "items retyped",
    "x-katib-absent": "other words about absence",
    "x-katib-from": "a borrowed type from elsewhere",
    "x-katib-message": "a message that is none any more",
    "x-katib-message-field": "another field of a message",
    "x-katib-python": "another Python type",
    "x-katib-required": "a field that admission asks for",
    "x-katib-resource": "a kind that is none any more",
    "x-katib-rules": "a rule of admission more",
    "x-katib-sdk": "a field that the SDK requires",
    "x-katib-unit": "another unit",
    "x-kubernetes-group-version-kind": "another group",
    "x-kubernetes-int-or-string": "a number that was a text too",
    "x-kubernetes-list-map-keys": "a list merged by another key",
    "x-kubernetes-list-type": "a list merged otherwise",
    "x-kubernetes-map-type": "an object that is replaced whole",
    "x-kubernetes-preserve-unknown-fields": "a free object that becomes a map",
    "x-kubernetes-validations": "a rule more",
}
DECIDED_FACTS = {
    "names.yaml": {
        "value": "an object of another name",
        "description": "other words about a name",
        "default?": "a default of an environment variable changed",
        "conditions?": "a reason that is not for its condition any more",
    },
    "webhook": {
        "name": "a webhook of another name",
        "type": "a webhook of another type",
        "path": "a webhook at another path",
        "description": "other words about a webhook",
        "rule": "a webhook that sees fewer requests",
        "namespaceLabels?": "a webhook that sees other namespaces",
        "withoutLabels?": "a webhook that sees other namespaces",
        "exceptUser?": "a webhook that excepts a user",
    },
    "permission": {
        "group": "a resource of another group",
        "resources": "a resource that is not granted any more",
        "verbs": "a verb that is not granted any more",
        "why?": "another reason for a grant",
        "only?": "a grant for one object only",
    },
}


def test_of_every_keyword_and_key_it_is_decided_what_breaks_users() -> None:
    """Whoever adds a keyword decides what a change of it means, and shows it."""
    shown = {wrong.name for wrong in BREAKS} | {str(kept.id) for kept in KEPT} | {"a message that is none any more"}
    assert DECIDED.keys() == KEYWORDS.keys()
    forms = {"names.yaml": FORMS["names.yaml"].form.form, "webhook": FORMS["webhooks.yaml"]["webhooks"].form}
    forms["permission"] = FORMS["permissions.yaml"]["controller"]["cluster"][0]
    assert {file: list(keys) for file, keys in DECIDED_FACTS.items()} == {
        file: list(form) for file, form in forms.items()
    }
    assert {*DECIDED.values(), *(case for cases in DECIDED_FACTS.values() for case in cases.values())} <= shown


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, (dict, list)) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def others(value: Any) -> list[Any]:
    """Values that are none of the record's; a bound may be wider one way only."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, (int, float)):
        return [value - 1, value + 1]
    return [["other"]] if isinstance(value, list) else [{"other": {}}] if isinstance(value, dict) else [f"{value}other"]


def test_whatever_the_record_promises_is_compared(small: Path) -> None:
    """A promise that nobody reads would be none: each leaf of the record is made another one, and that is told."""
    api = bundle(load(small))
    promised = promises(api)
    for path, value in leaves(promised):
        # Empty sections promise nothing; a type may move to another file, and a version may come to be served.
        if value in ({}, []) or path[-1] in ("file", "served"):
            continue
        told = [broken for other in others(value) for broken in breaks(with_leaf(promised, path, other), api)]
        assert told, path


def with_leaf(promised: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The promises with another value at one place; nothing else is copied."""
    if not path:
        return value
    if isinstance(promised, list):
        return [with_leaf(item, path[1:], value) if at == path[0] else item for at, item in enumerate(promised)]
    return {**promised, path[0]: with_leaf(promised[path[0]], path[1:], value)}
