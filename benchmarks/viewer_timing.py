"""How long frames take while pages take turns."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

import psutil

from viewer_pages import Orbit, Pages

STEP_DEG = 7.0


@dataclass
class Timing:
    """Of one page, an entry for each of its turns: milliseconds of a frame, of them until sorted, of processor time."""

    frame: list[float] = field(default_factory=list)
    sorting: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def turning(start: Orbit, first: int, count: int) -> list[Orbit]:
    """Views on the way around a scene."""
    return [{**start, "azimuth": (20 + STEP_DEG * k) % 360, "elevation": 8} for k in range(first, first + count)]


def measure(pages: Pages, rounds: int, frames: int) -> dict[str, Timing]:
    """Let the pages take turns."""
    timings = {name: Timing() for name in pages.turns}
    for page in pages.turns.values():
        page.turn(turning(pages.start, -1, 1))  # compiles shaders and uploads the scene
    for k in range(rounds):
        orbits = turning(pages.start, k * frames, frames + 1)
        for name, page in pages.turns.items():
            before = browser_seconds()
            # The first frame wakes the page up.
            seen = page.turn(orbits)[1:]
            timing = timings[name]
            timing.cpu.append((browser_seconds() - before) * 1e3 / len(orbits))
            timing.frame.append(statistics.median(whole for _, whole in seen))
            timing.sorting.append(statistics.median(sorting for sorting, _ in seen))
    return timings


def browser_seconds() -> float:
    """Processor time of all processes that this one has started."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def frame_row(timings: dict[str, Timing]) -> str:
    """Cells of a table: milliseconds of each, and how many times as long as the first the others take."""
    ours, *others = timings.values()
    cells = [_milliseconds(ours)]
    for other in others:
        cells += [_milliseconds(other), f"{_ratio(other.frame, ours.frame):.1f}", f"{_ratio(other.cpu, ours.cpu):.1f}"]
    return " | ".join(cells)


def _milliseconds(timing: Timing) -> str:
    return f"{statistics.median(timing.frame):.0f} ({statistics.median(timing.sorting):.0f})"


def _ratio(numerators: list[float], denominators: list[float]) -> float:
    """Of the same rounds."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))
