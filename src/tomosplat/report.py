"""How a result was made: seconds of each stage, counts, versions, machine; written by ``--report``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tomosplat import machine

#: Called as progress(done, total) by long functions.
Progress = Callable[[int, int], None]


class Report:
    """Collects what happened during one command.

    Attributes:
        stages: Seconds of each stage, in the order they ran.
        facts: Counts and choices worth keeping, by name.
        history: One line for each change that was made to the data.
    """

    def __init__(self, on_stage: Callable[[str], None] | None = None) -> None:
        self.stages: dict[str, float] = {}
        self.facts: dict[str, Any] = {}
        self.history: list[str] = []
        self._on_stage = on_stage
        self._started = time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a part of the work; a name used twice adds up."""
        if self._on_stage:
            self._on_stage(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - start

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-serialisable data."""
        return {
            "stages_s": {name: round(seconds, 3) for name, seconds in self.stages.items()},
            "total_s": round(time.perf_counter() - self._started, 3),
            "peak_memory_mb": round(machine.peak_memory() / 1e6),
            **self.facts,
            "history": list(self.history),
            "versions": machine.versions(),
            "machine": machine.describe_machine(),
        }
