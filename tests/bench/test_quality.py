"""The quality bench says what it measured: verdicts, runs that go on, pictures, and problems with the optima they claim."""

from __future__ import annotations

import argparse
import json
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

SVG = "{http://www.w3.org/2000/svg}"
BENCH = Path(__file__).parents[2] / "hack/bench"
sys.path.insert(0, str(BENCH))

import compromises  # noqa: E402
import curves  # noqa: E402
import kept  # noqa: E402
import progress  # noqa: E402
import quality  # noqa: E402
from problems import PROBLEMS  # noqa: E402
from published import PUBLISHED  # noqa: E402
from searches import EVERYWHERE, Run, get_problem, search  # noqa: E402
from verdicts import Cell, Everything, chance_of_worse, judge, rounded  # noqa: E402

CELL, OTHER = Cell("branin", 1, 50), Cell("mixed", 1, 50)
GOOD, BAD = [0.01 * place for place in range(1, 16)], [1 + 0.01 * place for place in range(15)]


def test_ctrl_c_ends_the_bench_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, quality.interruptible(ProcessPoolExecutor(1)):
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted: the same command goes on from here\n"


def test_an_algorithm_that_is_clearly_worse_somewhere_does_not_hold_whatever_its_rank() -> None:
    everything: Everything = {
        "tpe": {CELL: BAD, OTHER: GOOD, Cell("intcat", 1, 50): GOOD},
        "optuna tpe": {CELL: GOOD, OTHER: BAD, Cell("intcat", 1, 50): BAD},
    }
    verdict = judge("tpe", everything)
    assert verdict.ranks == {"tpe": 1, "optuna tpe": 2}
    assert [(duel.cell, duel.rival) for duel in verdict.worse] == [(CELL, "optuna tpe")]
    assert not verdict.good and any("worse: branin P=1 at 50" in line for line in verdict.lines())


def test_two_seeds_are_too_few_to_be_surely_worse_than_a_service_that_never_varies() -> None:
    assert chance_of_worse([0.7, 0.7], [0.5] * 10) > 0.01
    assert chance_of_worse(BAD, GOOD) < 0.001


def test_a_rank_behind_the_best_does_not_hold_but_for_dice() -> None:
    ours, theirs = [value + 1e-6 for value in GOOD], GOOD
    assert not judge("tpe", {"tpe": {CELL: ours}, "optuna tpe": {CELL: theirs}}).good
    assert judge("random", {"random": {CELL: ours}, "optuna random": {CELL: theirs}}).good
    assert judge("tpe", {"tpe": {CELL: theirs}, "optuna tpe": {CELL: ours}}).good


def test_what_looks_worse_is_decided_by_other_seeds() -> None:
    once: Everything = {"sobol": {CELL: BAD}, "optuna sobol": {CELL: GOOD}}
    assert not judge("sobol", once).good
    assert not judge("sobol", once, once).good
    cleared = judge("sobol", once, {"sobol": {CELL: GOOD}, "optuna sobol": {CELL: BAD}})
    assert [duel.rival for duel in cleared.cleared] == ["optuna sobol"] and not cleared.worse
    # Nothing looked worse here, and nothing is asked of other seeds.
    fine: Everything = {"sobol": {CELL: GOOD}, "optuna sobol": {CELL: BAD}}
    assert judge("sobol", fine, once).good and not list(quality.doubts(["sobol"], fine))
    again = list(quality.doubts(["sobol"], once))
    assert {run.algorithm for run in again} == {"sobol", "optuna sobol"}
    assert {run.seed for run in again} == {*quality.OTHER_SEEDS} and not {*quality.OTHER_SEEDS} & {*quality.SEEDS}


def test_auto_is_held_against_the_second_best_fixed_choice() -> None:
    middle = [value + 0.3 for value in GOOD]
    everything = {"tpe": {CELL: GOOD}, "cmaes": {CELL: middle}, "random": {CELL: BAD}}
    assert judge("auto", {**everything, "auto": {CELL: middle}}).good
    assert [duel.rival for duel in judge("auto", {**everything, "auto": {CELL: BAD}}).worse] == ["cmaes"]


def test_beside_values_of_five_digits_ours_are_rounded_alike() -> None:
    assert rounded("branin", 1e-9) == rounded("branin", 0.0)
    tiny = [1e-9 * place for place in range(1, 16)]
    assert judge("tpe", {"tpe": {CELL: tiny}, "katib optuna-tpe": {CELL: [0.0] * 15}}).good


def test_a_service_that_searches_alike_whatever_the_seed_has_run_once(tmp_path: Path) -> None:
    path, steady, varied = tmp_path / "katib.json", [[0.5, 0.4, 0.3]] * 3, [[0.5, 0.4, 0.3], [0.5, 0.4, 0.2]]
    rows = [["katib sobol", "branin", 1, *steady], ["katib tpe", "branin", 1, *varied]]
    path.write_text(json.dumps({"rows": rows}))
    found = quality.measured_elsewhere(path)
    assert (found["katib sobol"][CELL], found["katib tpe"][CELL]) == ([0.4], [0.4, 0.4])


def test_a_bench_goes_on_where_it_stopped(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    runs = [Run("random", "branin", 3, seed, 20) for seed in (101, 102)]
    quality.measure(runs[:1], results, 1)
    first = results.read_text()
    results.write_text(first + '["random","branin",3,102,0.1,0.5')
    assert quality.missing(runs, quality.read_rows(results)) == runs[1:]
    quality.measure(runs, results, 1)
    assert results.read_text().startswith(first)
    assert [row[3] for row in quality.read_rows(results)] == [101, 102]
    assert quality.missing(runs, quality.read_rows(results)) == []
    more = [Run("random", "branin", 3, 101, 100)]
    assert quality.missing(more, quality.read_rows(results)) == more
    assert '"code"' in first.splitlines()[0] and '"command"' in first.splitlines()[0]


def test_runs_of_one_algorithm_can_be_forgotten(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    results.write_text('{"command":""}\n["tpe","branin",1,101,0.1,0.5]\n["optuna tpe","branin",1,101,0.1,0.5]\n')
    quality.forget(results, ["tpe"])
    assert [row[0] for row in quality.read_rows(results)] == ["optuna tpe"]


def test_a_quick_bench_has_a_third_of_the_seeds_of_what_is_cheap() -> None:
    names = ["tpe", "bayesianoptimization", "grid"]
    full = list(quality.campaign(names, list(EVERYWHERE), quick=False))
    quick = list(quality.campaign(names, list(EVERYWHERE), quick=True))
    assert {run.key for run in quick} < {run.key for run in full}
    seeds = {run.seed for run in quick if run.algorithm == "tpe" and run.problem in PROBLEMS}
    assert len(seeds) == 5
    assert {run.trials for run in full if run.algorithm == "bayesianoptimization" and run.parallel == 1} == {50, 100}
    assert {run.problem for run in full if run.algorithm == "grid"} == {*PROBLEMS}


def test_a_picture_is_the_same_bytes_and_reads_as_xml(tmp_path: Path) -> None:
    cells = {Cell("branin", 1, mark): [0.5 / mark * seed for seed in (1, 2, 3)] for mark in quality.MARKS}
    everything = {"tpe": cells, "katib optuna-tpe": {CELL: GOOD}}
    for folder in ("one", "two"):
        curves.draw_all(everything, tmp_path / folder)
    assert (tmp_path / "one/tpe.svg").read_bytes() == (tmp_path / "two/tpe.svg").read_bytes()
    drawn = ElementTree.parse(tmp_path / "one/tpe.svg").getroot()
    assert "Katib: optuna-tpe" in [entry.text for entry in drawn.iter(f"{SVG}text")]
    ElementTree.fromstring(curves.strips(("pbt", "random"), "loss", [("a & b", [1.0, 2.0], [1.5, 1.5])]))


def test_what_ran_at_equal_cost_is_drawn_seed_by_seed(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"command": ""}\n{"algorithm": "pbt", "problem": "net", "random": [0.3, 0.4], "found": [0.1, 0.2]}\n'
    )
    curves.draw_races(rows, tmp_path)
    drawn = ElementTree.parse(tmp_path / "pbt.svg").getroot()
    assert len(list(drawn.iter(f"{SVG}circle"))) == 4


def test_how_searches_go_on_is_drawn_from_what_was_kept(tmp_path: Path) -> None:
    """A run is added as soon as it is done, after the command, and none of them is made twice."""
    compromises, architectures = tmp_path / "compromises.jsonl", tmp_path / "architectures.jsonl"
    rows = [
        {"algorithm": name, "problem": "a & b", "seed": seed, "values": [0.1 * seed, 0.5, 0.5 + 0.1 * seed]}
        for name in ("nsgaii", "random", "optuna-nsgaii")
        for seed in range(1, 5)
    ]
    kept.keep(compromises, rows)
    kept.keep(compromises, [])
    assert kept.read_kept(compromises) == rows
    assert [line.startswith('{"command": "python ') for line in compromises.read_text().splitlines()] == [
        True,
        *[False] * len(rows),
    ]
    ways = [("enas", "table"), ("enas", "enas"), ("enas", "random"), ("darts", "darts")]
    kept.keep(architectures, [{"algorithm": a, "way": b, "seed": 0, "values": [0.1, 0.2, 0.3, 0.4]} for a, b in ways])
    progress.draw_progress(tmp_path, compromises, architectures)
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == ["darts.svg", "enas.svg", "nsgaii.svg"]
    texts = [entry.text for entry in ElementTree.parse(tmp_path / "nsgaii.svg").getroot().iter(f"{SVG}text")]
    assert {"a & b", "nsgaii", "Optuna: nsgaii", "15"} <= set(texts)
    assert "table" not in (tmp_path / "enas.svg").read_text()
    before = (tmp_path / "nsgaii.svg").read_bytes()
    progress.draw_progress(tmp_path, compromises, architectures)
    assert (tmp_path / "nsgaii.svg").read_bytes() == before


def test_compromises_are_measured_once_and_said_in_a_table(tmp_path: Path) -> None:
    options = argparse.Namespace(
        output=tmp_path / "rows", algorithm=["nsgaii", "random"], problem=["fonseca"], seeds=1, first=7
    )
    kept.keep(options.output, compromises.campaign(options))
    assert [*compromises.campaign(options)] == []
    rows = kept.read_kept(options.output)
    assert [(row["algorithm"], row["seed"], len(row["values"])) for row in rows] == [
        ("nsgaii", 7, 20),
        ("random", 7, 20),
    ]
    assert all(sorted(row["values"]) == row["values"] for row in rows)
    head, half, whole = compromises.table(rows)
    assert head.split() == ["nsgaii", "random"]
    assert half.split()[:3] == ["fonseca", "50", f"{rows[0]['values'][9]:.3f}"]
    assert whole.split()[:3] == ["fonseca", "100", f"{rows[0]['values'][-1]:.3f}"]


@pytest.mark.parametrize("name", [*PROBLEMS, *PUBLISHED])
def test_no_random_point_is_better_than_the_optimum(name: str) -> None:
    problem, dice = EVERYWHERE[name], random.Random(1)
    drawn = [problem.loss({entry.name: entry.draw(dice) for entry in problem.parameters}) for _ in range(500)]
    assert min(drawn) >= problem.optimum - 1e-9
    assert 0 < problem.regret(min(drawn)) < 1


def test_published_optima_are_where_they_are_said_to_be() -> None:
    """quality.md §2, §4."""
    places = {
        "camel": (0.089842, -0.712656),
        "shekel10": (4.000747, 3.999509, 4.000747, 3.999509),
        "stepped6": (0.4, 0.8, 0.8, 0.6, 0.2, 0.0),
        "logsphere5": (1e-3,) * 5,
    }
    assert places.keys() == PUBLISHED.keys()
    for name, place in places.items():
        values = {f"x{axis}": value for axis, value in enumerate(place, 1)}
        assert abs(PUBLISHED[name].loss(values) - PUBLISHED[name].optimum) < 1e-5


def test_a_seeded_search_repeats_and_a_grid_gets_a_finite_space() -> None:
    run = Run("tpe", "mixed", 3, 101, 20)
    assert search(run).losses == search(run).losses
    assert all(entry.step for entry in get_problem(Run("grid", "branin", 1, 101, 20)).parameters)
    assert len(search(Run("grid", "branin", 3, 101, 20)).losses) == 20
