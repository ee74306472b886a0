"""Bad input: one readable message that names file, line or field, what is wrong and the cure; nothing half-made."""

from __future__ import annotations

import shlex
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from laptops import Katib, eventually

Writer = Callable[..., Path]
Change = tuple[str, str]

REFUSED: dict[str, tuple[Change, str, list[str]]] = {
    "missing objective": (
        ("  objective:\n    type: maximize\n    objectiveMetricName: score\n", ""),
        ":6: spec.objective: Required value",
        ["objective"],
    ),
    "unknown algorithm": (
        ("algorithmName: random", "algorithmName: randm"),
        ":11: spec.algorithm.algorithmName: Invalid value: ",
        ["randm", "random", "tpe"],
    ),
    "min above max": (
        ('min: "0"', 'min: "2"'),
        ": spec.parameters[0].feasibleSpace",
        ["2", "1"],
    ),
    "a parameter that no trial parameter refers to": (
        (
            "  trialTemplate:\n",
            '    - name: y\n      parameterType: int\n      feasibleSpace: {min: "1", max: "3"}\n  trialTemplate:\n',
        ),
        ":21: spec.parameters[1].name: Invalid value",
        ["no entry of spec.trialTemplate.trialParameters refers to it: add one with reference y"],
    ),
    "an unknown setting": (
        (
            "algorithmName: random",
            'algorithmName: tpe\n    algorithmSettings:\n      - {name: seed, value: "1"}\n      - {name: bogus, value: "1"}',
        ),
        ":14: spec.algorithm.algorithmSettings[1]: setting 'bogus': no such setting (given '1'); known are ",
        ["n_startup_trials"],
    ),
    "a setting out of range": (
        ("algorithmName: random", 'algorithmName: tpe\n    algorithmSettings: [{name: gamma, value: "7"}]'),
        ":12: spec.algorithm.algorithmSettings[0]: setting gamma: '7' is not ",
        [],
    ),
    "an unknown setting of early stopping": (
        (
            "  parallelTrialCount: 2\n",
            "  earlyStopping:\n    algorithmName: medianstop\n    algorithmSettings:\n"
            '      - {name: start_stp, value: "4"}\n  parallelTrialCount: 2\n',
        ),
        ":15: spec.earlyStopping.algorithmSettings[0]: setting 'start_stp': no such setting",
        ["start_step"],
    ),
    "a setting that early stopping needs": (
        ("  parallelTrialCount: 2\n", "  earlyStopping:\n    algorithmName: asha\n  parallelTrialCount: 2\n"),
        ":12: spec.earlyStopping.algorithmSettings: setting max_resource: is missing: give a whole number at least 1",
        [],
    ),
    "settings that the algorithm needs": (
        ("algorithmName: random", "algorithmName: hyperband"),
        ":10: spec.algorithm.algorithmSettings: setting r_l: is missing: give a number greater than 0",
        ["resource_name"],
    ),
    "architectures of parameters": (
        ("algorithmName: random", "algorithmName: enas"),
        ": spec.nasConfig: Required value: say what the layers may be, instead of spec.parameters",
        ["enas searches architectures"],
    ),
    "compromises of one metric": (
        ("algorithmName: random", "algorithmName: nsgaii"),
        ": spec.objective.additionalMetricNames: Required value: name at least one metric beside the objective",
        [],
    ),
    "settings that are a mapping": (
        ("algorithmName: random", "algorithmName: random\n    algorithmSettings: {random_state: 3}"),
        ":12: spec.algorithm.algorithmSettings: must be a list: write an entry for each, `- {name: ..., value: ...}`",
        [],
    ),
    "placeholder without parameter": (
        ("echo score", "echo ${trialParameters.y} score"),
        ": spec.trialTemplate",
        ["the template holds ${trialParameters.y} (line "],
    ),
    "parameter without placeholder": (
        ("${trialParameters.x}", "1"),
        ": spec.trialTemplate.trialParameters[0].name: Invalid value",
        ["${trialParameters.x}"],
    ),
    "invalid name": (
        ("name: refused", "name: Refused_1"),
        ":4: metadata.name: Invalid value",
        ["Refused_1"],
    ),
    "filter that is no regex": (
        (
            "  parallelTrialCount: 2\n",
            '  metricsCollectorSpec:\n    source:\n      filter:\n        metricsFormat: ["(\\\\w+=(.*)"]\n  parallelTrialCount: 2\n',
        ),
        ": spec.metricsCollectorSpec.source.filter.metricsFormat",
        ["(\\w+=(.*)"],
    ),
    "a misspelt field": (
        ("parallelTrialCount: 2", "paralelTrialCount: 2"),
        ":12: spec.paralelTrialCount: no such field; did you mean parallelTrialCount?",
        [],
    ),
    "a misspelt field below another": (
        ("    objectiveMetricName", "    goall: 1\n    objectiveMetricName"),
        ":9: spec.objective.goall: no such field; did you mean goal?",
        [],
    ),
    "a field twice": (
        ("maxTrialCount: 4", "maxTrialCount: 4\n  maxTrialCount: 5"),
        ":14: spec.maxTrialCount: stands here again, after line 13: remove one",
        [],
    ),
    "a name that is a path": (
        ("name: refused", "name: refused/status"),
        ':4: metadata.name: Invalid value: "refused/status"',
        [],
    ),
    "a companion in a namespace that is not there": (
        (
            "apiVersion: kubeflow.org/v1beta1\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: script, namespace: nosuchns}\n---\n"
            "apiVersion: kubeflow.org/v1beta1\n",
        ),
        ':3: ConfigMap script is refused: namespaces "nosuchns" not found',
        [],
    ),
    "a wrong type": (
        ("maxTrialCount: 4", 'maxTrialCount: "four"'),
        ": spec.maxTrialCount: Invalid value",
        ["four", "integer", "; write a whole number without quotes\n"],
    ),
    "a count in quotes": (
        ("maxTrialCount: 4", 'maxTrialCount: "4"'),
        ":13: spec.maxTrialCount: Invalid value",
        ["; write it without quotes: 4\n"],
    ),
    "a number where text is needed": (
        ('min: "0"', "min: 0.001"),
        ": spec.parameters[0].feasibleSpace.min: Invalid value",
        ['; write it in quotes: "0.001"\n'],
    ),
    "a list where text is needed": (
        ("objectiveMetricName: score", "objectiveMetricName: [score]"),
        ":9: spec.objective.objectiveMetricName: Invalid value",
        ["; write one text in quotes\n"],
    ),
}


@pytest.mark.parametrize(("change", "message", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_file_names_line_field_and_cure_and_leaves_nothing(
    laptop: Katib, experiment_file: Writer, change: Change, message: str, words: list[str]
) -> None:
    file = experiment_file("refused", "echo score=${trialParameters.x}", change)
    done = laptop("run", str(file))
    assert done.returncode == 2, done.stdout + done.stderr
    first = next(line for line in done.stderr.splitlines() if message in line)
    assert first.startswith(f"katib: {file}:")
    assert all(word in done.stderr for word in words)
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert laptop.kubectl("get", "experiments", "--field-selector=metadata.name=refused", "--no-headers").stdout == ""


@pytest.mark.parametrize(
    "change",
    [
        ("maxTrialCount: 4", "maxTrialCount: 0"),
        ("algorithmName: random", "algorithmName: tpe\n    algorithmSettings: [{name: a, value: b}]"),
        (
            "  maxTrialCount: 4",
            "  maxTrialCount: 4\n  earlyStopping: {algorithmName: asha, algorithmSettings: [{name: a, value: b}]}",
        ),
    ],
    ids=["by admission", "by the algorithm", "by early stopping"],
)
def test_a_file_that_is_refused_at_the_first_start_leaves_no_state_directory(
    katib: Katib, experiment_file: Writer, change: Change
) -> None:
    done = katib("run", str(experiment_file("refused", "echo score=${trialParameters.x}", change)))
    assert done.returncode == 2, done.stdout + done.stderr
    assert not katib.state.exists()


def test_yaml_that_does_not_parse_is_refused_without_starting_anything(katib: Katib, tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("kind: Experiment\nspec: [\n")
    done = katib("run", str(file))
    assert done.returncode == 2
    assert done.stderr.startswith(f"katib: {file}:3: is not YAML")
    assert len(done.stderr.splitlines()) == 1
    assert not katib.state.exists()


FAILING: dict[str, tuple[str, list[str]]] = {
    "missing-executable": (
        "exec no-such-program ${trialParameters.x}",
        ["code 127", "local.images of the KatibConfig"],
    ),
    "crash": ("echo lost at ${trialParameters.x}; exit 3", ["3", "    | lost at 0.", "    `katib logs crash-"]),
}


@pytest.mark.parametrize("name", FAILING.keys())
def test_a_trial_that_fails_gives_its_reason(laptop: Katib, experiment_file: Writer, name: str) -> None:
    command, words = FAILING[name]
    done = laptop("run", str(experiment_file(name, command)))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"katib: Experiment {name}: Experiment has failed because max failed count has reached" in done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr


def test_a_trial_that_is_tried_again_and_again_says_why_while_it_runs(
    katib: Katib, experiment_file: Writer, tmp_path: Path
) -> None:
    """With Kubernetes' own backoffLimit it is given up after minutes."""
    katib.good("up")
    patient = ("        backoffLimit: 0\n", "")
    file = str(experiment_file("again", "echo at ${trialParameters.x}; exit 3", patient))
    errors = tmp_path / "errors"
    with open(errors, "w") as stream:
        running = subprocess.Popen(katib.command("run", file), stderr=stream, start_new_session=True)
    eventually(lambda: "fails and is tried again: container main exited with code 3" in errors.read_text())
    assert f" --state-dir={katib.state}` shows what it printed" in errors.read_text()
    eventually(lambda: ": attempt 1 of 7 has failed (backoffLimit 6)" in errors.read_text())
    eventually(lambda: " to be tried again" in errors.read_text())
    running.terminate()
    assert running.wait(timeout=60) == 130


def test_a_command_that_does_not_exist_names_the_cure(laptop: Katib, experiment_file: Writer) -> None:
    change = ('command: [sh, -c, "true ${trialParameters.x}"]', 'command: [no-such-program, "${trialParameters.x}"]')
    done = laptop("run", str(experiment_file("no-command", "true ${trialParameters.x}", change)))
    assert done.returncode == 1, done.stdout + done.stderr
    cure = "names a program that image localhost/none:1 does not have on this machine: install it, or map the image in local.images"
    assert done.stderr.count(cure) == 1
    program = ":37: what a trial runs: no-such-program ${trialParameters.x} (container main, image localhost/none:1)\n"
    assert program in done.stderr and "no-such-program: not found" in done.stderr
    assert "metrics-logger-and-collector" not in done.stderr and "katib-collector" not in done.stderr
    assert "`katib delete experiment no-command -n default --state-dir=" in done.stderr


def test_a_trial_without_a_metric_says_which_one_was_expected(laptop: Katib, experiment_file: Writer) -> None:
    done = laptop("run", str(experiment_file("silent", "echo ${trialParameters.x}")))
    assert done.returncode == 1
    cure = "no value of the metric score was reported: print lines that hold score=0.9, or give metricsCollectorSpec.source."
    assert done.stderr.count(cure) == 1, done.stderr
    assert ":37: what a trial runs: sh -c echo ${trialParameters.x} (container main, " in done.stderr


@pytest.mark.parametrize("command", ["run", "up"])
def test_a_port_in_use_is_named(katib: Katib, experiment_file: Writer, command: str) -> None:
    file = [str(experiment_file("port"))] if command == "run" else []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = katib(command, *file, f"--port={port}")
    assert done.returncode == 2
    assert done.stderr == f"katib: port {port} is in use: choose another one with --port, or leave it out\n"
    assert not katib.state.exists()


def test_a_read_only_state_directory_is_named_with_the_cure(experiment_file: Writer) -> None:
    done = Katib(Path("/proc/katib"))("run", str(experiment_file("readonly")))
    assert done.returncode == 2
    assert done.stderr.startswith("katib: cannot write to the state directory /proc/katib: ")
    assert "--state-dir" in done.stderr and len(done.stderr.splitlines()) == 1


def run_on_disk(
    folder: Path, size: str, file: Path, before: str = "true"
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """`katib run` on a file system of that size in a mount namespace of its own, which any user may make."""
    disk = folder / "disk"
    disk.mkdir()
    run = shlex.join(Katib(disk / "state").command("run", str(file)))
    script = f"mount -t tmpfs -o size={size} disk {disk} && cd {disk} && {before}; {run}; code=$?; ls {disk}/state 2>&-; exit $code"
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    return disk / "state", subprocess.run(command, capture_output=True, text=True, timeout=120)


FILL = "head -c 100000 /dev/zero 2>/dev/null >filling"


@pytest.mark.parametrize(("size", "before"), [("64k", FILL), ("64k", "true"), ("140k", "true"), ("200k", "true")])
def test_a_full_state_directory_is_named_with_the_cure(
    experiment_file: Writer, tmp_path: Path, size: str, before: str
) -> None:
    state, done = run_on_disk(tmp_path, size, experiment_file("full"), before)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"katib: cannot write to the state directory {state}: No space left on device")
    assert "--state-dir" in done.stderr and len(done.stderr.splitlines()) == 1
    assert done.stdout == ""  # the state directory is gone again


def test_a_disk_that_is_filled_while_an_experiment_runs_ends_it_with_the_cure(
    experiment_file: Writer, tmp_path: Path
) -> None:
    file = experiment_file("filling", f"touch {tmp_path}/runs; sleep 1000; echo score=${{trialParameters.x}}")
    shrink = "for size in $(seq 100); do mount -o remount,size=${size}m disk . 2>/dev/null && break; done"
    before = f"{{ until [ -e {tmp_path}/runs ]; do sleep 0.1; done; {shrink}; }} & true"
    state, done = run_on_disk(tmp_path, "900m", file, before)
    assert done.returncode == 2, done.stderr
    full = f"katib: the disk of the state directory {state} is full: make room, and the same command continues"
    assert done.stderr.splitlines()[-1] == full
    assert "version" in done.stdout.split()  # what an experiment has come to is kept


def test_a_second_run_on_one_state_directory_is_refused(katib: Katib, experiment_file: Writer, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = katib.start(
        "run",
        str(experiment_file("first", f"until [ -e {gate} ]; do sleep 0.1; done; echo score=${{trialParameters.x}}")),
    )
    eventually(lambda: katib.kubectl("get", "experiment", "first").returncode == 0)
    second = katib("run", str(experiment_file("second")))
    assert second.returncode == 2
    assert f"`katib run` (process {first.pid}) is using the state directory {katib.state}" in second.stderr
    assert "--state-dir" in second.stderr
    gate.touch()
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run"], "katib run: the following arguments are required: FILE; see katib run --help"),
        (["nothing"], "katib: argument COMMAND: invalid choice: 'nothing'"),
        (["run", "x.yaml", "--port=0"], "katib run: argument --port: '0' is no port: give a number from 1 to 65535"),
        (["run", "x.yaml", "--isolation=none"], "katib run: argument --isolation: invalid choice: 'none'"),
        (
            ["status", "--state-dir="],
            "katib status: argument --state-dir: names no directory: give a path, or leave it out",
        ),
        (["status", "--nope"], "katib: unrecognized arguments: --nope; see katib --help"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(katib: Katib, arguments: list[str], says: str) -> None:
    done = subprocess.run([*katib.command("run")[:1], *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(says) and done.stderr.endswith("--help\n") and done.stderr.count("\n") == 1
