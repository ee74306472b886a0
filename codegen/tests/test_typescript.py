"""The TypeScript types compile, take every example, and refuse what is no Experiment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from katib_codegen.model import Api
from katib_codegen.render.typescript import render_typescript

ROOT = Path(__file__).parents[2]
MODULE = "docs/typescript/v1beta1.ts"
EXPERIMENTS = [
    document
    for file in sorted((ROOT / "examples").rglob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
    if document["kind"] == "Experiment"
]
USE = """\
import type { AnyDocument, Experiment, ExperimentList, ObjectiveType, SuggestionConfig, Trial } from "./v1beta1.ts";

export function best(experiment: Experiment): string | undefined {
  return experiment.status?.currentOptimalTrial?.parameterAssignments?.map((one) => `${one.name}=${one.value}`).join();
}
export function job(document: AnyDocument): unknown {
  return document.kind === "Trial" ? document.spec.runSpec?.["apiVersion"] : undefined;
}
export function names(list: ExperimentList): (string | null | undefined)[] {
  return (list.items ?? []).map((one) => one.metadata.name);
}
export const known: ObjectiveType = "maximize";
export const newer: ObjectiveType = "closest";
export const config: SuggestionConfig = { algorithmName: "tpe", image: "i:1", env: [{ name: "A", value: "1" }] };
export const trial: Trial = {
  apiVersion: "kubeflow.org/v1beta1",
  kind: "Trial",
  metadata: {},
  spec: { runSpec: { spec: [1, "a"] }, earlyStoppingRules: null, metricsCollector: { source: { httpGet: { port: "http" } } } },
};
"""
WRONG = {
    "another kind": '{ ...trial, kind: "Experiment" }',
    "no spec": '{ apiVersion: trial.apiVersion, kind: "Trial", metadata: {} }',
    "an unknown field": "{ ...trial, spec: { runSpecs: {} } }",
    "a text for a number": '{ ...trial, spec: { earlyStoppingRules: [{ startStep: "4" }] } }',
    "a label that is no text": "{ ...trial, spec: { labels: { a: 1 } } }",
}


def compiled(folder: Path, api: Api, *lines: str) -> str:
    """What the compiler has to say of lines that follow the uses; empty when all is well."""
    folder.joinpath("v1beta1.ts").write_bytes(render_typescript(api)[MODULE])
    folder.joinpath("use.ts").write_text(USE + "".join(f"{line}\n" for line in lines))
    quiet = {"DENO_DIR": str(folder / "cache"), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
    command = [str(Path(sys.executable).with_name("deno")), "check", "--no-config", "--no-remote", "use.ts"]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **quiet}, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def test_the_types_compile_and_take_every_example(tmp_path: Path, api: Api) -> None:
    lines = [f"export const e{place}: Experiment = {json.dumps(one)};" for place, one in enumerate(EXPERIMENTS)]
    assert lines and compiled(tmp_path, api, *lines) == ""


def test_what_is_wrong_does_not_compile(tmp_path: Path, api: Api) -> None:
    """Each line is marked as wrong, and the compiler complains of a mark without an error."""
    lines = [
        f"// @ts-expect-error\nexport const w{place}: Trial = {text};" for place, text in enumerate(WRONG.values())
    ]
    assert compiled(tmp_path, api, *lines) == ""
    assert "Unused '@ts-expect-error'" in compiled(tmp_path, api, "// @ts-expect-error\nexport const fine = 1;")


@pytest.mark.parametrize(
    "line",
    [
        '  kind: "Experiment";',
        "  parameters?: ParameterSpec[] | null;",
        "  trialSpec?: { [field: string]: unknown } | null;",
        "  primaryPodLabels?: { [key: string]: string } | null;",
        "export interface SuggestionConfig extends Container {",
        'export type ObjectiveType = "minimize" | "maximize" | (string & {});',
        "  /** Direction of the search. Absent: admission refuses the Experiment. */",
        "export type AnyDocument = Experiment | KatibConfig | Suggestion | Trial;",
    ],
)
def test_a_type_reads_as_a_person_would_write_it(api: Api, line: str) -> None:
    assert line in render_typescript(api)[MODULE].decode().splitlines()


def test_no_line_is_too_long(api: Api) -> None:
    assert all(len(line) <= 120 for line in render_typescript(api)[MODULE].decode().splitlines())
