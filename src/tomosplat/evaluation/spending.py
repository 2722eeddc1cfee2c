"""What a piece of work takes: seconds, processor time, memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

_EVERY_S = 0.02


@dataclass
class Spent:
    """What was taken.

    Attributes:
        wall_s: Seconds.
        cpu_s: Seconds of processor time, of all threads together.
        peak_bytes: Most memory that the process held meanwhile, sampled every 20 ms.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure what the block takes; the numbers stand when it has ended."""
    spent, stop, process = Spent(), threading.Event(), psutil.Process()

    def watch() -> None:
        spent.peak_bytes = max(spent.peak_bytes, process.memory_info().rss)

    def keep_watching() -> None:
        while not stop.wait(_EVERY_S):
            watch()

    watcher = threading.Thread(target=keep_watching, name="memory", daemon=True)
    watch()
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield spent
    finally:
        spent.wall_s, spent.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        stop.set()
        watcher.join()
        watch()
