"""A seeded Experiment on the laptop, again: the same points in the same order, also after an interruption in between."""

from __future__ import annotations

import signal
from pathlib import Path

from builders import an_experiment_file
from laptops import Katib, eventually

TRIALS = 14
"""Two generations of cmaes and more: its next points depend on the order of those before them."""
CHANGES = [
    ("parallelTrialCount: 2", "parallelTrialCount: 1"),
    ("maxTrialCount: 4", f"maxTrialCount: {TRIALS}"),
    ("algorithmName: random", "algorithmName: cmaes\n    algorithmSettings: [{name: random_state, value: '3'}]"),
    (
        "  parameters:\n",
        "  parameters:\n    - {name: y, parameterType: double, feasibleSpace: {min: '0', max: '1'}}\n",
    ),
    ("    trialParameters:\n", "    trialParameters:\n      - {name: y, reference: y}\n"),
]


def test_a_seeded_experiment_repeats_on_the_laptop_also_over_an_interruption(katib: Katib, tmp_path: Path) -> None:
    files = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    for file in files:
        file.write_text(
            an_experiment_file(file.stem, ": ${trialParameters.y}; echo score=${trialParameters.x}", *CHANGES)
        )
    katib.good("up")
    katib.good("run", str(files[0]))
    running = katib.start("run", str(files[1]))
    eventually(lambda: running.poll() is not None or len(points(katib, "two")) > TRIALS // 2)
    running.send_signal(signal.SIGINT)
    running.communicate()
    katib.good("down")
    katib.good("up")
    katib.good("run", str(files[1]))
    assert len(points(katib, "one")) == TRIALS
    assert points(katib, "two") == points(katib, "one")


def points(katib: Katib, experiment: str) -> list[list[tuple[str, str]]]:
    """The assignments of an Experiment, in the order in which they were suggested."""
    (suggestion,) = [one for one in katib.get("suggestions")["items"] if one["metadata"]["name"] == experiment] or [{}]
    found = (suggestion.get("status") or {}).get("suggestions") or []
    return [[(entry["name"], entry["value"]) for entry in one["parameterAssignments"]] for one in found]
