"""What the command line shows: stages and progress on stderr, results on stdout."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class StageDisplay:
    """Draws a live line for the running stage on a terminal, and a plain line per stage elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> StageDisplay:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def stage_started(self, name: str) -> None:
        """A stage begins."""
        self._said_at = time.perf_counter()
        self._task = self._live.add_task(name, total=None)

    def stage_advanced(self, done: int, total: int) -> None:
        """The running stage got this far."""
        if self._task is not None:
            self._live.update(self._task, completed=done, total=total)
        # A log has no live line: say it every few seconds instead.
        if not self._console.is_terminal and time.perf_counter() - self._said_at > 5:
            self._said_at = time.perf_counter()
            self._console.print(f"  ... {done} of {total}")

    def stage_ended(self, name: str, seconds: float) -> None:
        """A stage is over, well or not."""
        if self._task is not None:
            self._live.remove_task(self._task)
            self._task = None
        self._console.print(f"{seconds:7.2f} s  {name}")
