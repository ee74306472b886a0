"""`katib run` from a file to its best trials, and everything a user may do with it in between."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from experiments import create
from laptops import ROOT, Katib, eventually

Writer = Callable[..., Path]
TESTED = ("grid", "hyperband", "random", "simple-pbt", "tpe")
"""nox -s examples runs the others, too."""
EXAMPLES = [ROOT / f"examples/v1beta1/hp-tuning/{name}.yaml" for name in TESTED]
REPEATING = ("hyperband", "simple-pbt")  # on purpose (U-06): the same point with more epochs, or of a later generation


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_finds_a_good_classifier(laptop: Katib, example: Path) -> None:
    done = laptop("run", str(example))
    assert done.returncode == 0, done.stderr + laptop.logs()
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0][:2] == ["TRIAL", "ACCURACY"]
    assert float(rows[1][1]) > 0.9
    experiment = laptop.get("experiment", example.stem, "-n", "kubeflow")
    wanted = experiment["spec"]["maxTrialCount"]
    assert experiment["status"]["trialsSucceeded"] == wanted
    assert experiment["status"]["conditions"][-1]["reason"] == "ExperimentMaxTrialsReached"
    trials = laptop.get("trials", "-n", "kubeflow", "-l", f"katib.kubeflow.org/experiment={example.stem}")["items"]
    points = {tuple(sorted(entry["value"] for entry in trial["spec"]["parameterAssignments"])) for trial in trials}
    assert len(trials) == wanted
    assert len(points) == wanted or example.stem in REPEATING


def test_a_laptop_of_its_own_runs_one_file_and_leaves_nothing_behind(katib: Katib, experiment_file: Writer) -> None:
    done = katib("run", str(experiment_file("alone")))
    assert done.returncode == 0, done.stderr + katib.logs()
    assert len(done.stdout.splitlines()) == 5
    assert "4 of 4 succeeded" in done.stderr
    assert not katib.processes()


def test_a_template_may_lie_in_a_config_map_of_the_same_file(laptop: Katib, experiment_file: Writer) -> None:
    file = experiment_file("with-template")
    head, _, job = file.read_text().partition("    trialSpec:\n")
    place = "    configMap: {configMapName: template, configMapNamespace: default, templatePath: job}\n"
    for outcome, kind in ("success", "Complete"), ("failure", "Failed"):
        place += f'    {outcome}Condition: status.conditions.#(type=="{kind}")#|#(status=="True")#\n'
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: template\n  labels: {katib.kubeflow.org/component: trial-templates}\n"
    file.write_text(f"{head}{place}---\n{config_map}data:\n  job: |\n{job}---\n")
    done = laptop("run", str(file))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5


def test_the_example_of_early_stopping_stops_trials_and_finds_a_good_classifier(laptop: Katib) -> None:
    done = laptop("run", str(ROOT / "examples/v1beta1/early-stopping/median-stop.yaml"))
    assert done.returncode == 0, done.stderr + laptop.logs()
    status = laptop.get("experiment", "median-stop", "-n", "kubeflow")["status"]
    assert status["trialsSucceeded"] + status["trialsEarlyStopped"] == 12
    assert status["trialsEarlyStopped"] >= 1
    assert float(status["currentOptimalTrial"]["observation"]["metrics"][0]["max"]) > 0.9


def test_the_example_of_darts_finds_a_cell_which_is_a_text(laptop: Katib) -> None:
    """algorithms.md §14: nasConfig from admission to the trial's arguments, and a result that is no number."""
    done = laptop("run", str(ROOT / "examples/v1beta1/nas/darts-cpu.yaml"))
    assert done.returncode == 0, done.stderr + laptop.logs()
    assert re.search(r"Genotype\(normal=\[\[.*,reduce_concat=range\(2,4\)\)", done.stdout)


def test_the_same_file_again_prints_the_finished_result(laptop: Katib, experiment_file: Writer) -> None:
    file = str(experiment_file("again"))
    first = laptop.good("run", file)
    assert laptop.good("run", file) == first


def test_a_larger_budget_is_refused_for_a_finished_experiment_that_cannot_restart(
    laptop: Katib, experiment_file: Writer
) -> None:
    laptop.good("run", str(experiment_file("finished")))
    done = laptop(
        "run",
        str(experiment_file("finished", "echo score=${trialParameters.x}", ("maxTrialCount: 4", "maxTrialCount: 6"))),
    )
    assert done.returncode == 2
    cure = f"delete it with `katib delete experiment finished -n default --state-dir={laptop.state}`"
    assert "spec.resumePolicy" in done.stderr and cure in done.stderr


@pytest.mark.parametrize("policy", ["LongRunning", "FromVolume"])
def test_a_larger_budget_restarts_a_finished_experiment_whose_policy_allows_it(
    laptop: Katib, experiment_file: Writer, policy: str
) -> None:
    command = "echo score=${trialParameters.x}"
    resumable = ("  parallelTrialCount: 2\n", f"  resumePolicy: {policy}\n  parallelTrialCount: 2\n")
    laptop.good("run", str(experiment_file(f"more-{policy.lower()}", command, resumable)))
    larger = experiment_file(f"more-{policy.lower()}", command, resumable, ("maxTrialCount: 4", "maxTrialCount: 6"))
    done = laptop("run", str(larger))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 7 and "6 of 6 succeeded" in done.stderr


def test_a_changed_budget_of_a_running_experiment_is_applied(
    laptop: Katib, experiment_file: Writer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    command = f"until [ -e {gate} ]; do sleep 0.1; done; echo score=${{trialParameters.x}}"
    running = laptop.start("run", str(experiment_file("budget", command)))
    eventually(lambda: laptop.kubectl("get", "experiment", "budget").returncode == 0)
    changed = laptop.start("run", str(experiment_file("budget", command, ("maxTrialCount: 4", "maxTrialCount: 5"))))
    eventually(lambda: laptop.get("experiment", "budget")["spec"]["maxTrialCount"] == 5)
    gate.touch()
    for process in (running, changed):
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert len(output.splitlines()) == 6


def test_trials_that_wait_for_room_are_told_from_those_that_run(
    katib: Katib, experiment_file: Writer, tmp_path: Path
) -> None:
    gate, errors = tmp_path / "gate", tmp_path / "errors"
    katib.good("up")
    nearly_all = int(katib.get("nodes")["items"][0]["status"]["allocatable"]["cpu"]) * 1000 - 400
    image = "                image: localhost/none:1\n"
    greedy = f"{image}                resources: {{requests: {{cpu: {nearly_all}m}}}}\n"
    command = f"until [ -e {gate} ]; do sleep 0.1; done; echo score=${{trialParameters.x}}"
    file = experiment_file("room", command, (image, greedy))
    with (
        open(errors, "w") as stream,
        subprocess.Popen(katib.command("run", str(file)), stderr=stream, stdout=subprocess.DEVNULL) as running,
    ):
        eventually(lambda: ", 1 running, 1 waiting for CPU, 0 failed," in errors.read_text())
        gate.touch()
        assert running.wait(timeout=60) == 0


def test_any_other_change_names_the_field_and_the_way_out(laptop: Katib, experiment_file: Writer) -> None:
    laptop.good("run", str(experiment_file("fixed")))
    file = experiment_file("fixed", "echo score=${trialParameters.x}", ("type: maximize", "type: minimize"))
    done = laptop("run", str(file))
    assert done.returncode == 2
    assert f"{file}:7: Experiment fixed exists and differs in spec.objective" in done.stderr
    assert f"`katib delete experiment fixed -n default --state-dir={laptop.state}`" in done.stderr


def test_ctrl_c_stops_everything_and_the_same_file_continues(
    katib: Katib, experiment_file: Writer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    file = str(experiment_file("paused", f"until [ -e {gate} ]; do sleep 0.1; done; echo score=${{trialParameters.x}}"))
    running = katib.start("run", file)
    eventually(lambda: "2 running" in katib.kubectl("get", "experiments").stdout or _running_trials(katib) == 2)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"`katib run {file} --state-dir={katib.state}` continues the experiment" in errors
    assert not katib.processes()
    gate.touch()
    done = katib("run", file)
    assert done.returncode == 0, done.stderr + katib.logs()
    assert len(done.stdout.splitlines()) == 5


def _running_trials(katib: Katib) -> int:
    done = katib.kubectl("get", "pods", "--no-headers")
    return len(re.findall(r"Running", done.stdout))


@pytest.mark.parametrize("isolation", ["mount", "rewrite"])
def test_file_collectors_find_metrics_in_both_isolations(katib: Katib, experiment_file: Writer, isolation: str) -> None:
    katib.good("up", f"--isolation={isolation}")
    source = (
        "  metricsCollectorSpec:\n    collector: {kind: File}\n"
        "    source: {fileSystemPath: {path: /var/log/katib/out.FORMAT, kind: File, format: FORMAT}}\n"
    )
    commands = {
        "TEXT": "echo score=${trialParameters.x} > /var/log/katib/out.TEXT",
        "JSON": r"echo '{\"score\": ${trialParameters.x}}' > /var/log/katib/out.JSON",
    }
    for kind, command in commands.items():
        spec = ("  parallelTrialCount: 2\n", source.replace("FORMAT", kind) + "  parallelTrialCount: 2\n")
        done = katib("run", str(experiment_file(f"file-{kind.lower()}", command, spec)))
        assert done.returncode == 0, done.stderr + katib.logs()
        assert len(done.stdout.splitlines()) == 5
    assert not Path("/var/log/katib/out.TEXT").exists()
    events = katib.kubectl("get", "events", "--no-headers").stdout
    assert ("PathsRewritten" in events) is (isolation == "rewrite")


def test_an_algorithm_is_served_by_a_deployment_of_its_own_when_the_configuration_names_no_shared_service(
    katib: Katib, laptop: Katib, experiment_file: Writer
) -> None:
    """S4 to S8; and CTL-29: a shared service shows the same conditions in the end."""
    shipped = (ROOT / "pkg/local/katib_local/katib_config.yaml").read_text()
    lines = [line for line in shipped.splitlines() if "endpoint:" not in line]
    katib.state.mkdir()
    (katib.state / "katib-config.yaml").write_text("\n".join(lines) + "\n")
    katib.good("up")
    running = katib.start("run", str(experiment_file("own")))
    deployment = eventually(lambda: katib.kubectl("get", "deployment", "own-random", "-o", "name").stdout)
    assert deployment.strip() == "deployment.apps/own-random"
    assert katib.get("service", "own-random")["spec"]["ports"][0]["port"] == 6789
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors + katib.logs()
    own = _conditions(katib, "own")
    assert own["Succeeded"][0] == "True"
    laptop.good("run", str(experiment_file("shared")))
    assert eventually(lambda: _conditions(laptop, "shared") == own)
    eventually(lambda: katib.kubectl("get", "deployment", "own-random").returncode != 0)


def _conditions(katib: Katib, suggestion: str) -> dict[str, tuple[str, str]]:
    """Status and reason of a Suggestion's conditions by type, in their order."""
    entries = katib.get("suggestion", suggestion)["status"]["conditions"]
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in entries}


def test_a_run_whose_katib_goes_down_says_how_to_go_on(katib: Katib, experiment_file: Writer, tmp_path: Path) -> None:
    file = str(
        experiment_file("joined", f"until [ -e {tmp_path}/gate ]; do sleep 0.1; done; echo ${{trialParameters.x}}")
    )
    katib.good("up")
    running = katib.start("run", file)
    eventually(lambda: _running_trials(katib) == 2)
    katib.good("down")
    _, errors = running.communicate(timeout=60)
    again = f"`katib run {file} --state-dir={katib.state}` continues the experiment"
    assert running.returncode == 1
    assert errors.splitlines()[-1] == f"katib: Katib on {katib.state} was stopped; {again}"


@pytest.mark.parametrize(("sink", "cause"), [("| true", "Broken pipe"), ("> /dev/full", "No space left on device")])
def test_output_that_cannot_be_written_is_told_in_one_line(
    laptop: Katib, experiment_file: Writer, tmp_path: Path, sink: str, cause: str
) -> None:
    run = shlex.join(laptop.command("run", str(experiment_file("unwritten"))))
    script = f"{{ {run} 2> {tmp_path}/errors; echo $? > {tmp_path}/code; }} {sink}"
    subprocess.run(["sh", "-c", script], timeout=120)
    assert (tmp_path / "errors").read_text().splitlines()[-1] == f"katib: cannot write the output: {cause}"
    assert "Traceback" not in (tmp_path / "errors").read_text() and (tmp_path / "code").read_text() == "1\n"


def test_up_status_and_down_tell_what_runs(katib: Katib) -> None:
    assert katib("status").returncode == 1
    assert "Katib is up" in katib.good("up")
    assert "already up" in katib.good("up")
    assert f"state in {katib.state}" in katib.good("status")
    assert "server: https://127.0.0.1:" in katib.good("kubeconfig")
    assert "Katib is down" in katib.good("down")
    assert "not running" in katib.good("down")
    assert not katib.processes()
    refused = katib("kubeconfig")
    assert refused.returncode == 2
    assert f"start it with `katib up --state-dir={katib.state}`" in refused.stderr


def test_of_two_that_start_katib_at_once_both_find_it_up(katib: Katib) -> None:
    both = [katib.start("up") for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert sorted(output.split(";")[0] for output, _ in answers) == ["Katib is already up", "Katib is up"]


def test_another_isolation_than_that_of_the_katib_that_runs_is_refused(katib: Katib, experiment_file: Writer) -> None:
    katib.good("up", "--isolation=rewrite")
    for command in (["up"], ["run", str(experiment_file("isolated"))]):
        done = katib(*command, "--isolation=mount")
        assert done.returncode == 2
        assert "runs with the isolation rewrite, not mount: leave --isolation out, or `katib down" in done.stderr
    katib.good("run", str(experiment_file("isolated")), "--isolation=rewrite")


@pytest.mark.parametrize("command", ["status", "doctor", "down", "kubeconfig"])
def test_a_command_that_only_looks_makes_no_state_directory(katib: Katib, command: str) -> None:
    done = katib(command)
    assert "Traceback" not in done.stderr
    assert not katib.state.exists()


def test_doctor_finds_this_machine_good(katib: Katib) -> None:
    rows = katib.good("doctor").splitlines()
    assert [row.split()[1] for row in rows[1:]] == ["state", "disk", "clock", "ports", "isolation", "kubectl"]


def test_what_a_run_of_its_own_has_left_is_shown_and_deleted_without_up(katib: Katib, experiment_file: Writer) -> None:
    katib.good("run", str(experiment_file("left", "echo hello; echo score=${trialParameters.x}")))
    assert katib.good("get", "experiment", "left", "-o", "name") == "experiment.kubeflow.org/left\n"
    trials = katib.good("get", "trials", "-o", "name").split()
    assert len(trials) == 4 and "Succeeded" in katib.good("describe", trials[0])
    assert katib.good("logs", trials[0].rpartition("/")[2]).splitlines()[0] == "hello"
    katib.good("delete", "experiment", "left")
    assert katib.good("get", "experiments,trials", "-o", "name") == ""
    assert not katib.processes()


def test_logs_of_an_interrupted_trial_are_shown_without_up(
    katib: Katib, experiment_file: Writer, tmp_path: Path
) -> None:
    file = str(experiment_file("halfway", "echo begun; sleep 1000; echo score=${trialParameters.x}"))
    running = katib.start("run", file)
    eventually(lambda: _running_trials(katib) == 2)
    trial, _ = katib.good("get", "trials", "-o", "name").split()
    eventually(lambda: "begun" in katib("logs", trial.rpartition("/")[2]).stdout)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert katib.good("logs", trial.rpartition("/")[2]) == "begun\n"
    assert not katib.processes()


def test_what_is_in_another_namespace_is_told_with_the_flag_that_finds_it(
    laptop: Katib, experiment_file: Writer
) -> None:
    laptop.good("run", str(experiment_file("away", "echo score=${trialParameters.x}", ("default", "kubeflow"))))
    trial = laptop.get("trials", "-n", "kubeflow", "-l", "katib.kubeflow.org/experiment=away")["items"][0]
    name = trial["metadata"]["name"]
    for command in (["get", "experiment", "away"], ["describe", f"trial/{name}"], ["delete", "experiment", "away"]):
        done = laptop(*command)
        assert done.returncode != 0 and "NotFound" in done.stderr
        assert done.stderr.endswith(": found in the namespace kubeflow; add -n kubeflow\n")
    assert "add -n" not in laptop("get", "experiment", "nowhere").stderr
    done = laptop("logs", name, "-n", "default")
    assert done.returncode == 2
    assert done.stderr == f"katib: trial {name} is in the namespace kubeflow, not in default: -n kubeflow\n"
    assert "known in the namespace default: `katib get trials -A" in laptop("logs", "nobody", "-n", "default").stderr


@pytest.mark.parametrize("command", ["get", "describe", "logs", "delete"])
def test_where_katib_was_never_started_there_is_nothing_to_ask(katib: Katib, command: str) -> None:
    done = katib(command, "trials")
    assert done.returncode == 2
    assert f"`katib up --state-dir={katib.state}` begins" in done.stderr and done.stderr.count("\n") == 1
    assert not katib.state.exists()


def test_logs_of_a_trial_are_what_its_command_printed(laptop: Katib, experiment_file: Writer) -> None:
    laptop.good("run", str(experiment_file("printing", "echo hello; echo score=${trialParameters.x}")))
    trial = laptop.get("trials", "-l", "katib.kubeflow.org/experiment=printing")["items"][0]["metadata"]["name"]
    lines = laptop.good("logs", trial).splitlines()
    assert lines[0] == "hello" and lines[1].startswith("score=0.")


def test_a_claim_is_a_directory_that_its_volume_names(laptop: Katib) -> None:
    volume, mount = {"name": "v", "persistentVolumeClaim": {"claimName": "kept"}}, {"name": "v", "mountPath": "/kept"}
    main = {"name": "main", "image": "i:1", "command": ["sh", "-c", "echo seen > /kept/note"], "volumeMounts": [mount]}
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    create(
        laptop,
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "kept"}, "spec": asked},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "writer"},
            "spec": {"restartPolicy": "Never", "containers": [main], "volumes": [volume]},
        },
    )
    for name, phase in (("pod/writer", "Succeeded"), ("persistentvolumeclaim/kept", "Bound")):
        waited = laptop.kubectl("wait", f"--for=jsonpath={{.status.phase}}={phase}", name, "--timeout=60s")
        assert waited.returncode == 0, waited.stderr
    bound = laptop.get("persistentvolume", laptop.get("persistentvolumeclaim", "kept")["spec"]["volumeName"])
    assert (Path(bound["spec"]["hostPath"]["path"]) / "note").read_text() == "seen\n"
    laptop.kubectl("delete", "persistentvolumeclaim", "kept")
    name = bound["metadata"]["name"]
    eventually(lambda: laptop.kubectl("get", "persistentvolume", name).returncode != 0)
