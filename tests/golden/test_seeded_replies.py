"""What seeded algorithms without a model answer, to the letter: the same in every release, on every Python (U-03).

The answers stand in `seeded_replies.txt`. `python tests/golden/test_seeded_replies.py` writes that file anew; its diff is
reviewed like code: users' seeds then give other trials.
"""

from __future__ import annotations

from pathlib import Path

from katib_suggestion.registry import BUILT_IN
from katib_suggestion.study import Study, categorical, discrete, double, integer

GOLDEN = Path(__file__).with_name("seeded_replies.txt")
WITHOUT_MODEL = [name for name in ("grid", "halton", "random", "sobol") if name in BUILT_IN]
SPACE = {
    "rate": double(1e-4, 1e-1, distribution="logUniform"),
    "share": double(0.0, 1.0, distribution="normal"),
    "width": double(8.0, 64.0, distribution="logNormal"),
    "momentum": double(0.1, 0.9, step=0.2),
    "layers": integer(1, 5),
    "batch": discrete(16, 32, 64),
    "optimizer": categorical("sgd", "adam"),
}
COUNT = 5


def render_replies() -> str:
    """A line for each trial, three of them asked for at once and the others one by one."""
    lines = []
    for name in WITHOUT_MODEL:
        study = Study(SPACE, algorithm=name, seed=2**64 - 1, max_trial_count=500)
        trials = [*study.ask_many(3), *(study.ask() for _ in range(COUNT - 3))]
        lines += [f"{name}: " + " ".join(map(repr, trial.parameters.values())) for trial in trials]
    return "\n".join(lines) + "\n"


def test_seeded_answers_are_those_of_the_file() -> None:
    assert render_replies() == GOLDEN.read_text()


if __name__ == "__main__":
    GOLDEN.write_text(render_replies())
