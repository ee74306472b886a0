"""Pictures of how searches go on: the median of all seeds after so many trials or epochs, on linear scales, higher is better."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from curves import COLOURS, GAP, HEIGHT, LEFT, SMALL, TOP, WIDTH, line, page, shown, text
from kept import Row, read_kept
from searches import OPTUNA

COMPROMISES = {"nsgaii": ("random", "optuna-nsgaii", "motpe"), "motpe": ("random", "optuna-tpe", "nsgaii")}
"""Each algorithm for several objectives, and who is drawn beside it."""
TABLE, FEWEST = "table", 3
"""The row that is looked up and not drawn, and how many seeds have no quartiles."""
COVERED = "what compromises cover after so many trials, one at a time"
Panel = Mapping[str, tuple[Sequence[int], Sequence[Sequence[float]]]]
"""For each way: after how many trials, and the values of every seed then."""


def draw_progress(folder: Path, compromises: Path, architectures: Path) -> None:
    """A file for each algorithm that the results of `compromises.py` and `architectures.py` hold."""
    rows = read_kept(compromises)
    for name, others in COMPROMISES.items():
        panels = {problem: panel_of(rows, problem, (name, *others)) for problem in problems_of(rows)}
        if any(name in panel for panel in panels.values()):
            (folder / f"{name}.svg").write_text(chart(COVERED, panels))
    rows = [row for row in read_kept(architectures) if row["way"] != TABLE]
    titles = {"enas": "the best accuracy so far after so many trials", "darts": "the accuracy after so many epochs"}
    for name, title in titles.items():
        found = [row for row in rows if row["algorithm"] == name]
        if found:
            ways = dict.fromkeys(row["way"] for row in found)
            panel = {way: series([row["values"] for row in found if row["way"] == way], 1) for way in ways}
            (folder / f"{name}.svg").write_text(chart(title, {"handwritten digits": panel}))


def problems_of(rows: Sequence[Row]) -> list[str]:
    return sorted({row["problem"] for row in rows})


def panel_of(rows: Sequence[Row], problem: str, names: Sequence[str]) -> Panel:
    found = {
        name: [row["values"] for row in rows if (row["algorithm"], row["problem"]) == (name, problem)] for name in names
    }
    return {name: series(values, 5) for name, values in found.items() if values}


def series(values: Sequence[Sequence[float]], step: int) -> tuple[Sequence[int], Sequence[Sequence[float]]]:
    """Values of every seed after `step`, twice `step`, ... trials."""
    return [step * (place + 1) for place in range(len(values[0]))], values


def chart(what: str, panels: Mapping[str, Panel]) -> str:
    """A panel for each problem; the first way is drawn bold, and between the quartiles of its seeds."""
    names = list(dict.fromkeys(name for panel in panels.values() for name in panel))
    colours = {name: COLOURS[number] for number, name in enumerate(names)}
    body = []
    for number, name in enumerate(names):
        x = LEFT + number % 4 * 150
        body.append(line([(x, 10), (x + 18, 10)], colours[name], bold=number == 0))
        body.append(text(x + 23, 14, shown(name.replace("optuna-", OPTUNA))))
    seeds = max(len(values) for panel in panels.values() for _, values in panel.values())
    told = f"medians of {seeds} seeds, and quartiles of {names[0]}" if seeds > FEWEST else f"seeds: {seeds}"
    body.append(text(LEFT, TOP + 2, f"{what} ({told}); higher is better", SMALL))
    for place, (problem, panel) in enumerate(panels.items()):
        body.append(f'<g transform="translate({LEFT + place * (WIDTH + LEFT)},{TOP + 22})">')
        body += [*drawn(problem, panel, colours), "</g>"]
    return page(max(620, len(panels) * (WIDTH + LEFT) + 14), TOP + 22 + HEIGHT + GAP, body)


def drawn(problem: str, panel: Panel, colours: Mapping[str, str]) -> Iterator[str]:
    every = [value for _, seeds in panel.values() for value in medians(seeds)]
    low, high, most = min(every), max(every), max(max(marks) for marks, _ in panel.values())

    def place(mark: int, value: float) -> tuple[float, float]:
        share = (min(high, max(low, value)) - low) / ((high - low) or 1.0)
        return mark / most * WIDTH, HEIGHT * (1 - share)

    yield text(0, -6, problem)
    for y, value in ((0, high), (HEIGHT / 2, (low + high) / 2), (HEIGHT, low)):
        yield f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield text(-4, y + 3, f"{value:.3f}", f'{SMALL} text-anchor="end"')
    for mark in (most // 4, most // 2, most):
        yield text(mark / most * WIDTH, HEIGHT + 11, str(mark), f'{SMALL} text-anchor="middle"')
    yield f'<path class="axis" d="M0 0V{HEIGHT}H{WIDTH}"/>'
    for number, (name, (marks, seeds)) in reversed(list(enumerate(panel.items()))):
        if number == 0 and len(seeds) > FEWEST:
            below, above = quartiles(seeds)
            around = [*zip(marks, above, strict=True), *reversed([*zip(marks, below, strict=True)])]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in around))
            yield f'<polygon points="{path}" fill="{colours[name]}" fill-opacity="0.15"/>'
        points = [place(mark, value) for mark, value in zip(marks, medians(seeds), strict=True)]
        yield line(points, colours[name], bold=number == 0)


def medians(seeds: Sequence[Sequence[float]]) -> list[float]:
    return [statistics.median(values) for values in zip(*seeds, strict=True)]


def quartiles(seeds: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    found = [statistics.quantiles(values) for values in zip(*seeds, strict=True)]
    return [entry[0] for entry in found], [entry[2] for entry in found]
