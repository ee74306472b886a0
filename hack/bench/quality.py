"""How good searches are: seeded runs of every algorithm beside Optuna's samplers and Katib's services, and a verdict.

python hack/bench/quality.py [--quick] [--only tpe] [--draw]      (nox -s bench-quality brings Optuna along)

A run that the results file already holds is not repeated, so a bench that was interrupted goes on where it stopped; `--again
NAME` repeats those of one algorithm. The file holds a line of what made the runs (command, versions, a hash of the code) and
then a line for each run: algorithm, problem, trials at once, seed, seconds, and the regret after each number of `MARKS`.
Katib's values are those of `results/katib.json`, measured once by seed on the same problems. Where an algorithm looks worse
than one of Optuna's, both search again with other seeds (not with `--quick`), and these decide. The status is 1 when an
algorithm is worse than a rival anywhere, or its median rank is not the best.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

# Seeded runs repeat with one thread; must be said before numpy is loaded.
os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from curves import draw_all, draw_races
from problems import PROBLEMS
from progress import draw_progress
from published import PUBLISHED
from searches import EVERYWHERE, OPTUNA, Found, Run, search
from seeds import code
from tasks import TASKS
from verdicts import CHECKPOINTS, CHOOSER, RIVALS, Cell, Everything, is_measured, judge, table

from katib_suggestion.registry import Registry

RESULTS = Path(__file__).parent / "results"
MARKS = (5, 10, 15, 20, 30, 40, 50, 60, 80, 100)
SEEDS = range(101, 116)
"""Not those that anything was chosen with."""
OTHER_SEEDS = range(1001, 1061)
"""For what looks worse."""
MODEL = "bayesianoptimization"
SHORT = 50
LONG_PROBLEMS = ("branin", "mixed")
"""Where bayesianoptimization goes on to 100 trials."""
Row = list[Any]


def algorithms() -> list[str]:
    """Ours that search such problems, and the samplers of Optuna's that they are held against."""
    ours = [name for name in Registry().names if name in {*RIVALS, CHOOSER}]
    wanted = {rival for name in ours for rival in RIVALS.get(name, ()) if rival.startswith(OPTUNA)}
    if find_spec("torch") is None:  # Optuna's Gaussian process needs it
        wanted.discard(f"{OPTUNA}gp")
    return ours + sorted(wanted)


def trials_of(algorithm: str, problem: str, parallel: int) -> int:
    if problem in TASKS or (algorithm == MODEL and (problem not in LONG_PROBLEMS or parallel > 1)):
        return SHORT
    return 100


def fits(algorithm: str, problem: str) -> bool:
    """A grid needs a problem in steps, and there is no use in waiting for it on a real task."""
    return algorithm != "grid" or problem in PROBLEMS


def campaign(names: Sequence[str], problems: Sequence[str], *, quick: bool) -> Iterator[Run]:
    """Every run, seed by seed, so that an interrupted bench has as much of everything; Katib's problems come first."""
    for part in (PROBLEMS, PUBLISHED, TASKS):
        chosen = [problem for problem in problems if problem in part]
        for (place, seed), problem, name in product(enumerate(SEEDS), chosen, names):
            if fits(name, problem) and not (quick and is_too_much(name, problem, place)):
                for parallel in (1, 3) if problem in PROBLEMS else (1,):
                    yield Run(name, problem, parallel, seed, trials_of(name, problem, parallel))


def doubts(names: Sequence[str], everything: Everything) -> Iterator[Run]:
    """What is searched again: both sides of each duel that one of ours looks to have lost."""
    for name in names:
        for duel in judge(name, everything).worse if name in everything else ():
            for searcher, seed in product((name, duel.rival), OTHER_SEEDS):
                if not is_measured(searcher):
                    problem, parallel = duel.cell.problem, duel.cell.parallel
                    yield Run(searcher, problem, parallel, seed, trials_of(searcher, problem, parallel))


def is_too_much(name: str, problem: str, place: int) -> bool:
    """What a quick bench leaves out: two seeds of three, and more of what takes seconds for each."""
    return place >= (2 if problem in TASKS or name in (MODEL, CHOOSER) else 5)


def to_row(found: Found) -> Row:
    problem, losses = EVERYWHERE[found.run.problem], found.losses
    regrets = [problem.regret(min(losses[:mark])) for mark in MARKS if mark <= found.run.trials]
    return [*found.run.key, round(found.seconds, 2), *(float(f"{regret:.6g}") for regret in regrets)]


def read_rows(path: Path) -> list[Row]:
    """Its runs; a last line that was cut off is none."""
    rows: dict[tuple[Any, ...], Row] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith("[") and line.endswith("]"):
            row = json.loads(line)
            rows[tuple(row[:4])] = row
    return list(rows.values())


def missing(runs: Iterable[Run], rows: Sequence[Row]) -> list[Run]:
    """Runs that the file lacks, or has with fewer trials."""
    done = {tuple(row[:4]): len(row) - 5 for row in rows}
    return [run for run in runs if done.get(run.key, 0) < sum(mark <= run.trials for mark in MARKS)]


def made_by() -> dict[str, Any]:
    """What a file's runs were made with."""
    tools = {name: version(name) for name in ("numpy", "scipy", "scikit-learn")}
    if find_spec("optuna"):
        tools |= {name: version(name) for name in ("optuna", "cmaes")}
    command = shlex.join(["python", "hack/bench/quality.py", *sys.argv[1:]])
    return {"command": command, "python": sys.version.split()[0], **tools, "code": code()}


def measure(runs: Sequence[Run], path: Path, processes: int) -> None:
    """Make the runs that are missing, each kept as soon as it is done."""
    wanted, started = missing(runs, read_rows(path)), time.monotonic()
    if not wanted:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    pool = ProcessPoolExecutor(processes, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    with path.open("a") as file, interruptible(pool):
        print("" if ends_well(path) else "\n", json.dumps(made_by()), sep="", file=file, flush=True)
        for count, future in enumerate(as_completed([pool.submit(search, run) for run in wanted]), 1):
            row = to_row(future.result())
            print(json.dumps(row, separators=(",", ":")), file=file, flush=True)
            left = (time.monotonic() - started) / count * (len(wanted) - count)
            show(count, len(wanted), f"about {left / 60:.0f} min left: {row[0]} on {row[1]}")


@contextmanager
def interruptible(pool: ProcessPoolExecutor) -> Iterator[None]:
    """A pool that after Ctrl-C ends the runs it has begun, and no others."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    finally:
        pool.shutdown(cancel_futures=True)


def ends_well(path: Path) -> bool:
    """Was the last line written whole?"""
    return path.read_bytes()[-1:] in (b"", b"\n")


def show(count: int, of: int, said: str) -> None:
    """Progress: one line that changes on a terminal, a line now and then in a log."""
    text = f"{count} of {of} runs, {said}"
    if sys.stderr.isatty():
        print(f"\r{text:75.75}", end="\n" if count == of else "", file=sys.stderr, flush=True)
    elif count % 25 == 0 or count == of:
        print(text, file=sys.stderr, flush=True)


def forget(path: Path, names: Sequence[str]) -> None:
    """Take the runs of some algorithms out of a file, so that they are made again."""
    if names and path.exists():
        starts = tuple(f"[{json.dumps(name)}," for name in names)
        kept = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith(starts)]
        path.write_text("".join(kept))


def regrets(rows: Iterable[Row], seeds: Container[int] = SEEDS) -> dict[str, dict[Cell, list[float]]]:
    """By algorithm and cell, the regrets of all these seeds."""
    found: dict[str, dict[Cell, list[float]]] = {}
    for name, problem, parallel, seed, _, *values in rows:
        for mark, regret in zip(MARKS, values if seed in seeds else (), strict=False):
            found.setdefault(name, {}).setdefault(Cell(problem, parallel, mark), []).append(regret)
    return found


def measured_elsewhere(path: Path) -> dict[str, dict[Cell, list[float]]]:
    """The same of Katib's services and of samplers that are not at hand here.

    One that searches alike whatever the seed has run once, however often that was repeated.
    """
    rows = json.loads(path.read_text())["rows"]
    varied = {name for name, _, _, first, *others in rows if any(other != first for other in others)}
    found: dict[str, dict[Cell, list[float]]] = {}
    for name, problem, parallel, *runs in rows:
        for run in runs if name in varied else runs[:1]:
            for trials, regret in zip(CHECKPOINTS, run, strict=False):
                found.setdefault(name, {}).setdefault(Cell(problem, parallel, trials), []).append(regret)
    return found


def read_everything(path: Path) -> Everything:
    return {**regrets(read_rows(path)), **measured_elsewhere(RESULTS / "katib.json")}


def at_checkpoints(everything: Everything) -> Everything:
    return {
        name: {cell: values for cell, values in cells.items() if cell.trials in CHECKPOINTS}
        for name, cells in everything.items()
    }


def report(everything: Everything, again: Everything, names: Sequence[str], *, tables: bool) -> bool:
    """Print the verdict on each; are all of them good?"""
    found = at_checkpoints(everything)
    verdicts = [judge(name, found, at_checkpoints(again)) for name in names if name in found]
    for verdict in verdicts:
        if tables:
            print(*table(found, [name for name in verdict.ranks or [verdict.algorithm]]), sep="\n")
        print(*verdict.lines(), sep="\n")
    return all(verdict.good for verdict in verdicts)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS / "quality.jsonl", help="where runs are kept")
    parser.add_argument(
        "--quick", action="store_true", help="a third of the seeds, and fewer of what takes long; within 15 minutes"
    )
    parser.add_argument("--only", action="append", choices=algorithms(), help="may be repeated; default: all")
    parser.add_argument("--problem", action="append", choices=list(EVERYWHERE), help="may be repeated; default: all")
    parser.add_argument("--again", action="append", default=[], help="forget the runs of this one; may be repeated")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="run nothing, only say what the file says")
    parser.add_argument("--tables", action="store_true", help="medians of every cell, too")
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="draw the curve of each algorithm, as SVG")
    return parser


def main() -> int:
    options = build_parser().parse_args()
    names = options.only or algorithms()
    if not options.report:
        if find_spec("optuna") is None:
            sys.exit("Optuna is not installed here: run nox -s bench-quality, which brings it along, or add --report")
        forget(options.results, options.again)
        runs = list(campaign(names, options.problem or [*PROBLEMS, *PUBLISHED, *TASKS], quick=options.quick))
        measure(runs, options.results, options.processes)
    everything = read_everything(options.results)
    ours = [name for name in names if name in {*RIVALS, CHOOSER}]
    if not options.report and not options.quick:
        measure(list(doubts(ours, at_checkpoints(everything))), options.results, options.processes)
    if options.draw:
        draw_all(everything, options.draw)
        draw_races(RESULTS / "multi_fidelity.jsonl", options.draw)
        draw_progress(options.draw, RESULTS / "compromises.jsonl", RESULTS / "architectures.jsonl")
    again = regrets(read_rows(options.results), OTHER_SEEDS)
    return 0 if report(everything, again, ours, tables=options.tables) else 1


if __name__ == "__main__":
    sys.exit(main())
