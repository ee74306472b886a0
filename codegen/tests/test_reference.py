"""The reference: every field has its row, every link leads somewhere, and every table is one to GitHub."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from katib_codegen.model import Api
from katib_codegen.outline import documents, types_of
from katib_codegen.press import render_all

ROOT = Path(__file__).parents[2]
FOLDER = Path("docs/reference/v1beta1")
UNESCAPED = re.compile(r"(?<!\\)\|")
PAGES = ["README.md", "experiment.md", "grpc.md", "katib_config.md", "names.md", "suggestion.md", "trial.md"]


@pytest.fixture(scope="module")
def printed() -> Mapping[str, bytes]:
    return render_all(ROOT)


def parsed(text: bytes | str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text if isinstance(text, str) else text.decode())


def headings(tokens: list[Token]) -> list[str]:
    """What GitHub makes of the headings: lower case, no punctuation, dashes for blanks."""
    titles = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


def links(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                yield str(child.attrs["href"])


def tables(tokens: list[Token]) -> Iterator[list[list[str]]]:
    """The texts of the cells, by row."""
    table: list[list[str]] = []
    for place, token in enumerate(tokens):
        match token.type:
            case "table_open":
                table = []
            case "tr_open":
                table.append([])
            case "th_open" | "td_open":
                table[-1].append(tokens[place + 1].content)
            case "table_close":
                yield table


def test_there_is_a_page_for_every_document_for_names_and_for_grpc(printed: Mapping[str, bytes]) -> None:
    assert [path for path in printed if path.startswith(str(FOLDER))] == [str(FOLDER / page) for page in PAGES]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(printed: Mapping[str, bytes], page: str) -> None:
    found = list(links(parsed(printed[str(FOLDER / page)])))
    assert found
    for link in found:
        target, _, heading = link.partition("#")
        path = (ROOT / FOLDER / page).parent.joinpath(target or page).resolve().relative_to(ROOT).as_posix()
        assert path in printed or (ROOT / path).is_file(), link
        if heading:
            text = printed[path] if path in printed else (ROOT / path).read_bytes()
            assert heading in headings(parsed(text)), link


@pytest.mark.parametrize("page", PAGES)
def test_headings_are_unique_and_tables_are_whole(printed: Mapping[str, bytes], page: str) -> None:
    tokens = parsed(printed[str(FOLDER / page)])
    titles = headings(tokens)
    assert len(titles) == len(set(titles))
    lines = [line for line in printed[str(FOLDER / page)].decode().splitlines() if line.startswith("|")]
    written = [line for line in lines if set(line) != set("|-")]
    rows = [row for table in tables(tokens) for row in table]
    for line, row in zip(written, rows, strict=True):
        assert len(UNESCAPED.findall(line)) == len(row) + 1, line


def test_every_field_of_every_type_has_its_row(api: Api, printed: Mapping[str, bytes]) -> None:
    for document in documents(api):
        tokens = parsed(printed[str(FOLDER / f"{document.stem}.md")])
        found = {row[0] for table in tables(tokens) for row in table}
        for definition in types_of(api, document):
            if not definition.borrowed:
                assert {f"`{name}`" for name in definition.schema.get("properties", {})} <= found, definition.name
                assert definition.name == document.name or definition.name.lower() in headings(tokens)


def test_a_row_says_type_default_rules_unit_values_and_example(printed: Mapping[str, bytes]) -> None:
    text = printed[str(FOLDER / "experiment.md")].decode()
    [count] = [line for line in text.splitlines() if line.startswith("| `parallelTrialCount`")]
    assert count == (
        "| `parallelTrialCount` | integer | `3` | How many Trials may be active at the same time. May be changed while the "
        "Experiment runs. More than 0.<br>Unit: Trials.<br>Example: `4` |"
    )
    [kind] = [line for line in text.splitlines() if line.startswith("| `parameterType`")]
    assert "| [ParameterType](#parametertype) | **required** |" in kind
    assert "One of `double`, `int`, `discrete`, `categorical`." in kind


def test_markup_in_the_sources_is_text_on_a_page(printed: Mapping[str, bytes]) -> None:
    text = printed[str(FOLDER / "experiment.md")].decode()
    assert "${trialParameters.&lt;name&gt;}" in text
    assert '#(type=="Complete")#\\|#(status=="True")#' in text


def test_a_name_has_its_constant_and_its_default(printed: Mapping[str, bytes]) -> None:
    text = printed[str(FOLDER / "names.md")].decode()
    assert (
        "| `KATIB_CORE_NAMESPACE` | Namespace of the control plane. Default: `kubeflow`. | `ENV_CORE_NAMESPACE` |"
        in text
    )
    assert "Of `Trial Killed=True`. Its Experiment has completed." in text


def test_a_call_and_its_messages_have_the_words_of_the_contract(printed: Mapping[str, bytes]) -> None:
    text = printed[str(FOLDER / "grpc.md")].decode()
    assert "| `GetSuggestions` | [GetSuggestionsRequest](#getsuggestionsrequest) |" in text
    assert "| 4 | `labels` | map of string to string |  |" in text
    assert "| 100 | `next_page_token` | string | Asks for the rows after these; empty: there are none. |" in text
