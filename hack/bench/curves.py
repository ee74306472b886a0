"""Pictures of what a bench measured, as SVG: the same numbers give the same bytes, and nothing but text is needed.

`draw_all` draws a picture for each algorithm: the median regret over the seeds after so many trials, one at a time, beside
its rivals. `strips` draws the values of all seeds of two ways side by side.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from problems import PROBLEMS
from searches import OPTUNA
from verdicts import CHOOSER, FIXED, RIVALS, Cell, Everything, is_measured

WIDTH, HEIGHT, LEFT, TOP, GAP = 210, 130, 46, 40, 36
COLOURS = ("#0b62c4", "#d1495b", "#e08e0b", "#2a9d5c", "#7a5195", "#6b7280", "#0f9bb3", "#a0522d")
MOST, LEAST = 10.0, 1e-7
STYLE = "text{font:11px sans-serif;fill:#333}.small{font-size:9px}.axis{stroke:#999;fill:none}.grid{stroke:#e5e5e5}"
Curve = Sequence[tuple[int, float]]


def page(width: float, height: float, body: Sequence[str]) -> str:
    """An SVG on white, so that it can be read on a dark page too."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">'
    ground = f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", ground, *body, "</svg>", ""])


def text(x: float, y: float, words: str, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(words)}</text>'


def draw_all(everything: Everything, folder: Path) -> None:
    """A file for each algorithm that the results hold."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in [*RIVALS, CHOOSER]:
        if name in everything:
            (folder / f"{name}.svg").write_text(picture(name, everything))


def picture(algorithm: str, everything: Everything) -> str:
    """Its curves on each problem that it has run, beside its rivals'."""
    others = FIXED if algorithm == CHOOSER else RIVALS[algorithm]
    names = [algorithm, *(name for name in others if name in everything)]
    problems = [name for name in PROBLEMS if curve(everything[algorithm], name)]
    seeds = max(len(values) for cell, values in everything[algorithm].items() if cell.parallel == 1)
    body = list(legend(names, seeds))
    for place, problem in enumerate(problems):
        x, y = LEFT + place % 3 * (WIDTH + LEFT), TOP + 22 + place // 3 * (HEIGHT + GAP)
        curves = {name: found for name in names if (found := curve(everything[name], problem))}
        body.append(f'<g transform="translate({x},{y})">')
        body += [*panel(problem, curves, {name: COLOURS[number] for number, name in enumerate(names)}), "</g>"]
    rows = (len(problems) + 2) // 3
    return page(3 * (WIDTH + LEFT) + 14, TOP + 22 + rows * (HEIGHT + GAP), body)


def curve(cells: Mapping[Cell, Sequence[float]], problem: str) -> Curve:
    """The median after so many trials, as far as most of the seeds have come."""
    most = max((len(values) for cell, values in cells.items() if cell[:2] == (problem, 1)), default=0)
    found = {cell.trials: values for cell, values in cells.items() if cell[:2] == (problem, 1)}
    return [(trials, statistics.median(values)) for trials, values in sorted(found.items()) if 2 * len(values) > most]


def legend(names: Sequence[str], seeds: int) -> Iterator[str]:
    for number, name in enumerate(names):
        x, y = LEFT + number % 4 * 190, 14 + number // 4 * 15
        yield line([(x, y - 4), (x + 18, y - 4)], COLOURS[number], dashed=is_measured(name), bold=number == 0)
        yield text(x + 23, y, shown(name))
    yield text(
        LEFT, TOP + 10, "median regret after so many trials, one at a time: 1 is a random point, 0 the best", SMALL
    )


SMALL = ' class="small"'


def shown(name: str) -> str:
    """What a legend calls somebody."""
    if name.startswith("katib "):
        return f"Katib: {name.removeprefix('katib ')}"
    plain = name.removeprefix("measured ")
    return f"Optuna: {plain.removeprefix(OPTUNA)}" if plain.startswith(OPTUNA) else plain


def line(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False, bold: bool = False) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    extra = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{2.4 if bold else 1.3}"{extra}/>'


def panel(problem: str, curves: Mapping[str, Curve], colours: Mapping[str, str]) -> Iterator[str]:
    values = [min(MOST, max(LEAST, value)) for found in curves.values() for _, value in found]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def place(trials: int, value: float) -> tuple[float, float]:
        share = (math.log10(min(MOST, max(LEAST, value))) - low) / (high - low)
        return trials / 100 * WIDTH, HEIGHT * (1 - share)

    yield text(0, -6, problem)
    yield from axes(low, high)
    for name, found in reversed(curves.items()):
        points = [place(trials, value) for trials, value in found]
        yield line(points, colours[name], dashed=is_measured(name), bold=name == next(iter(curves)))
        if is_measured(name):
            yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colours[name]}"/>' for x, y in points)


def axes(low: int, high: int) -> Iterator[str]:
    for power in range(low, high + 1):
        y = HEIGHT * (1 - (power - low) / (high - low))
        yield f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield text(-4, y + 3, f"{10.0**power:g}", f'{SMALL} text-anchor="end"')
    for trials in (20, 50, 100):
        yield text(trials / 100 * WIDTH, HEIGHT + 11, str(trials), f'{SMALL} text-anchor="middle"')
    yield f'<path class="axis" d="M0 0V{HEIGHT}H{WIDTH}"/>'


def draw_races(path: Path, folder: Path) -> None:
    """A picture for each algorithm of what `multi_fidelity.py --json` printed: its values beside random's."""
    rows = [json.loads(text) for text in path.read_text().splitlines() if text.startswith('{"algorithm"')]
    for name in sorted({row["algorithm"] for row in rows}):
        pairs = [(row["problem"], row["found"], row["random"]) for row in rows if row["algorithm"] == name]
        (folder / f"{name}.svg").write_text(strips((name, "random"), "the best loss at equal cost", pairs))


Pair = tuple[str, Sequence[float], Sequence[float]]
"""A problem, and the values of all seeds of the one way and of the other."""


def strips(names: tuple[str, str], what: str, pairs: Sequence[Pair]) -> str:
    """Every seed as a dot, the median as a bar: each problem has a scale of its own; lower is better."""
    body = [text(LEFT, 14, f"{what}: each dot is a seed, the bar their median; lower is better", SMALL)]
    for place, (problem, ours, theirs) in enumerate(pairs):
        body.append(f'<g transform="translate({LEFT + place * (WIDTH + LEFT)},{TOP})">')
        body += [*strip(problem, names, (ours, theirs)), "</g>"]
    return page(len(pairs) * (WIDTH + LEFT) + 14, TOP + HEIGHT + GAP, body)


def strip(problem: str, names: tuple[str, str], values: tuple[Sequence[float], Sequence[float]]) -> Iterator[str]:
    low, high = min(map(min, values)), max(map(max, values))
    span = high - low or 1.0
    yield text(0, -6, problem)
    yield from (text(-4, y + 3, f"{at:.3g}", f'{SMALL} text-anchor="end"') for y, at in ((0, high), (HEIGHT, low)))
    yield f'<path class="axis" d="M0 0V{HEIGHT}H{WIDTH}"/>'
    for number, (name, found) in enumerate(zip(names, values, strict=True)):
        x = WIDTH * (0.28 + 0.44 * number)
        yield text(x, HEIGHT + 13, name, ' text-anchor="middle"')
        for place, value in enumerate(found):
            y = HEIGHT * (high - value) / span
            dx = (place % 5 - 2) * 7
            yield f'<circle cx="{x + dx:.1f}" cy="{y:.1f}" r="2.5" fill="{COLOURS[number]}" fill-opacity="0.6"/>'
        middle = HEIGHT * (high - statistics.median(found)) / span
        yield line([(x - 24, middle), (x + 24, middle)], COLOURS[number], bold=True)
