"""Checkpoints of a population: each trial goes on from a copy of its parent's directory (algorithms.md §12)."""

from __future__ import annotations

from pathlib import Path

import pytest
from contracts.algorithms.questions import a_parameter, a_question
from contracts.algorithms.running import Running, Status, end

from katib_apis.v1beta1 import api_pb2, names
from katib_suggestion.answers import answer_suggestions, answer_validation
from katib_suggestion.checkpoints import Checkpoints
from katib_suggestion.problem import RefusedError
from katib_suggestion.registry import Registry

RATE = a_parameter("rate", api_pb2.DOUBLE, bounds=("0", "1"))
SETTINGS = {
    "suggestion_trial_dir": "/checkpoints",
    "n_population": "5",
    "truncation_threshold": "0.2",
    "random_state": "7",
}


def generation_of(trial: api_pb2.Trial) -> int:
    return int(trial.spec.labels[names.LABEL_PBT_GENERATION])


def parent_of(trial: api_pb2.Trial) -> str:
    return trial.spec.labels[names.LABEL_PBT_PARENT]


class Training:
    """Trials that count in their directory how many generations have trained there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, trial: api_pb2.Trial | str) -> Path:
        return self.root / "searching" / (trial if isinstance(trial, str) else trial.name)

    def __call__(self, trial: api_pb2.Trial) -> float:
        file = self.place(trial) / "steps"
        steps = int(file.read_text()) if file.exists() else 0
        file.write_text(str(steps + 1))
        return -float(steps + 1)


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path / "volume")


def checkpointed(training: Training) -> Running:
    return Running("pbt", [RATE], SETTINGS, checkpoints=Checkpoints(str(training.root)))


def test_every_trial_goes_on_from_its_parents_checkpoint(training: Training) -> None:
    """§12, D-37: directories are there before the reply; each call here is by a fresh process."""
    running = checkpointed(training)
    running.run(25, 1, training)
    steps = [int((training.place(trial) / "steps").read_text()) for trial in running.trials]
    assert steps == [generation_of(trial) + 1 for trial in running.trials]
    assert not [*(training.root / "searching").glob(".*")]


def test_a_repeated_request_copies_nothing_twice(training: Training) -> None:
    running = checkpointed(training)
    running.run(5, 1, training)
    running.reply(2)
    child, *_ = running.ask(2)
    (training.place(child) / "steps").write_text("100")
    del running.trials[-2:]
    running.reply(2)
    assert (training.place(child) / "steps").read_text() == "100"
    assert len([*(training.root / "searching").iterdir()]) == 7


def test_what_an_earlier_experiment_of_this_name_left_is_removed(training: Training) -> None:
    first = checkpointed(training)
    first.run(7, 1, training)
    second = checkpointed(training)
    trials = second.ask(5)
    assert {path.name for path in (training.root / "searching").iterdir()} == {trial.name for trial in trials}
    assert not any([*training.place(trial).iterdir()] for trial in trials)


def test_a_lost_checkpoint_costs_only_itself(training: Training, caplog: pytest.LogCaptureFixture) -> None:
    """§12: its child starts from an empty directory, and the log says so."""
    running = checkpointed(training)
    running.run(5, 1, training)
    lost = running.trials[1]
    for file in training.place(lost).iterdir():
        file.unlink()
    training.place(lost).rmdir()
    children = running.ask(5)
    empty = [trial.name for trial in children if not [*training.place(trial).iterdir()]]
    assert empty == [trial.name for trial in children if parent_of(trial) == lost.name] != []
    assert f"without the checkpoint of {lost.name}" in caplog.text
    for trial in children:
        end(trial, training(trial))
    assert len(running.ask(5)) == 5


def test_a_member_that_is_tried_again_starts_from_the_same_checkpoint(training: Training) -> None:
    running = checkpointed(training)
    running.run(5, 1, training)
    (child,) = running.ask(1)
    training(child)
    child.status.condition = Status.FAILED
    (again,) = running.ask(1)
    assert (training.place(again) / "steps").read_text() == "1"


def test_links_are_copied_as_links_and_files_may_be_written_by_anyone(training: Training, tmp_path: Path) -> None:
    running = checkpointed(training)
    running.run(5, 1, training)
    outside = tmp_path / "outside"
    outside.write_text("kept")
    outside.chmod(0o600)
    parent = training.place(running.trials[0])
    (parent / "link").symlink_to(outside)
    (parent / "steps").chmod(0o400)
    child = training.place(next(trial for trial in running.ask(5) if parent_of(trial) == running.trials[0].name))
    assert (child / "link").is_symlink() and outside.stat().st_mode & 0o777 == 0o600
    assert (child.stat().st_mode & 0o777, (child / "steps").stat().st_mode & 0o666) == (0o777, 0o666)


@pytest.mark.parametrize("name", ["../elsewhere", "..", "a/b", "", ".unfinished.x"])
def test_no_name_leads_out_of_the_directory(training: Training, name: str) -> None:
    running = checkpointed(training)
    running.experiment.name = name
    with pytest.raises(RefusedError, match="choose another name"):
        running.ask(1)


TOO_LONG = {
    "a name": ("{namespace}", "name", "metadata.name: 'eee"),
    "a namespace": ("{namespace}", "namespace", "metadata.namespace: 'eee"),
    "a name and an algorithm": ("{experiment}-{algorithm}", "name", "metadata.name: 'eee"),
}


@pytest.mark.parametrize("length", [253, 300, 10_000])
@pytest.mark.parametrize(("root", "field", "words"), TOO_LONG.values(), ids=TOO_LONG.keys())
def test_a_name_too_long_for_a_directory_is_refused_beforehand(
    tmp_path: Path, root: str, field: str, words: str, length: int
) -> None:
    """U-08: no Experiment is admitted with such a name, but anybody may ask the service."""
    running = Running("pbt", [RATE], SETTINGS, checkpoints=Checkpoints(f"{tmp_path}/{root}"))
    setattr(running.experiment, field, "e" * length)
    request = api_pb2.ValidateAlgorithmSettingsRequest(experiment=running.experiment)
    if length == 253 and "-" not in root:
        answer_validation(request, Registry(), running.checkpoints)
        assert len(running.ask(3)) == 3
        return
    for ask in (lambda: running.ask(1), lambda: answer_validation(request, Registry(), running.checkpoints)):
        with pytest.raises(RefusedError, match=f"^{words}.*choose another name$"):
            ask()
    assert not [*tmp_path.iterdir()]


def test_a_parents_name_does_not_lead_out_of_the_directory(training: Training, tmp_path: Path) -> None:
    running = checkpointed(training)
    (tmp_path / "secret").write_text("x")
    for number, trial in enumerate(running.ask(5)):
        trial.name = "../.."
        end(trial, float(number))
    children = running.ask(5)
    assert not any([*training.place(child).iterdir()] for child in children)


def test_each_experiment_can_have_a_directory_of_its_own(tmp_path: Path) -> None:
    """One service for all Experiments of a laptop: the volume's directory is that of its claim."""
    root = f"{tmp_path}/{{namespace}}/{{experiment}}-{{algorithm}}"
    running = Running("pbt", [RATE], SETTINGS, checkpoints=Checkpoints(root))
    running.experiment.namespace = "team"
    (trial,) = running.ask(1)
    assert (tmp_path / "team/searching-pbt/searching" / trial.name).is_dir()


def test_trials_that_are_not_sent_keep_their_checkpoints(training: Training) -> None:
    """C-03: Katib's controller leaves out trials whose metrics are unavailable, and so perhaps all."""
    running = checkpointed(training)
    (trial,) = running.ask(1)
    (training.place(trial) / "weights").write_text("w")
    running.trials.clear()
    question = a_question(running.experiment, [], 1)
    question.total_request_number = 2
    answer_suggestions(question, Registry(), checkpoints=running.checkpoints)
    assert (training.place(trial) / "weights").read_text() == "w"


def test_no_place_to_write_to_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Running("pbt", [RATE], SETTINGS, checkpoints=Checkpoints(str(tmp_path / "file"))).ask(1)


def test_without_a_directory_the_log_says_that_nothing_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    Running("pbt", [RATE], SETTINGS).ask(1)
    assert "there is no directory of checkpoints" in caplog.text
