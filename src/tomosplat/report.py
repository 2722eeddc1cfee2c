"""How a result was made: seconds of each stage, counts, versions, machine; written by ``--report``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tomosplat import machine

#: Called as progress(done, total) by long functions.
Progress = Callable[[int, int], None]


class StageListener(Protocol):
    """Shows a person what is going on."""

    def stage_started(self, name: str) -> None:
        """A stage begins."""

    def stage_advanced(self, done: int, total: int) -> None:
        """The running stage got this far."""

    def stage_ended(self, name: str, seconds: float) -> None:
        """A stage is over, well or not."""


class Report:
    """Collects what happened during one command.

    Attributes:
        stages: Seconds of each stage, in the order they ran.
        facts: Counts and choices worth keeping, by name; JSON-serialisable.
        history: One line for each change that was made to the data.
    """

    def __init__(self, listener: StageListener | None = None) -> None:
        self.stages: dict[str, float] = {}
        self.facts: dict[str, Any] = {}
        self.history: list[str] = []
        self._listener = listener
        self._started = time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[Progress]:
        """Time a part of the work and yield its progress callback; a name used twice adds up."""
        if self._listener:
            self._listener.stage_started(name)
        start = time.perf_counter()
        try:
            yield self.advance
        finally:
            seconds = time.perf_counter() - start
            self.stages[name] = self.stages.get(name, 0.0) + seconds
            if self._listener:
                self._listener.stage_ended(name, seconds)

    def advance(self, done: int, total: int) -> None:
        """Say how far the running stage got; what ``stage`` yields."""
        if self._listener:
            self._listener.stage_advanced(done, total)

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
