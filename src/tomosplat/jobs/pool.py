"""Local processes that share a list of cases; one that dies takes only its case with it."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tomosplat.errors import InputError
from tomosplat.jobs.case import Case, Work
from tomosplat.jobs.worker import TIME_IS_OVER, Failed, Finished, Message, serve

#: What a worker is given to clean up before it is killed; a kernel must end first.
_ROLL_BACK_S = 20.0


class _Worker:
    """One process and the case that it has."""

    def __init__(self, work: Work, folder: Path, time_limit: float | None) -> None:
        # Fresh processes: a fork would copy locks and threads that renderers hold.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.case: Case | None = None
        self._time_limit = time_limit
        self._begun: float | None = None
        self._process = context.Process(target=serve, args=(theirs, work, folder), daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends when the worker does

    def give(self, case: Case) -> None:
        self.case = case
        self._begun = None
        with suppress(BrokenPipeError):  # it died; its end of the pipe says so next
            self.pipe.send(case)

    def take(self) -> Message:
        try:
            message: Message = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return Failed("WorkerDied", _cause_of_death(self._process.exitcode))
        if self._begun is None:  # that a process takes long to start is not its first case's fault
            self._begun = time.monotonic()
        return message

    @property
    def time_left(self) -> float | None:
        """Seconds that the case at hand may still take; None if it may take any time."""
        if self.case is None or self._begun is None or self._time_limit is None:
            return None
        return max(0.0, self._begun + self._time_limit - time.monotonic())

    def ask_to_stop(self) -> None:
        self._process.terminate()

    def bury(self) -> None:
        self._process.join(_ROLL_BACK_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()
        self._process.close()


@dataclass(frozen=True)
class Local:
    """An ``Engine`` of processes of this machine.

    Attributes:
        n_workers: How many work at a time.

    Raises:
        InputError: There is less than one.
    """

    n_workers: int = 1

    def __post_init__(self) -> None:
        if self.n_workers < 1:
            raise InputError(f"the number of workers must be at least 1, got {self.n_workers}")

    def work_through(
        self, cases: Sequence[Case], work: Work, folder: Path, time_limit: float | None = None
    ) -> Generator[tuple[Case, Message], None, None]:
        """See ``Engine``; workers that are asked to stop roll back what they have begun."""
        waiting = deque(cases)
        crew: list[_Worker] = []
        try:
            while waiting or any(worker.case for worker in crew):
                while waiting and len(crew) < min(self.n_workers, len(waiting) + _busy(crew)):
                    crew.append(_Worker(work, folder, time_limit))
                for worker in crew:
                    if worker.case is None and waiting:
                        worker.give(waiting.popleft())
                yield from _messages(crew)
                yield from _overdue(crew)
        finally:
            for worker in crew:
                worker.ask_to_stop()
            for worker in crew:
                worker.bury()


def _busy(crew: Sequence[_Worker]) -> int:
    return sum(worker.case is not None for worker in crew)


def _messages(crew: list[_Worker]) -> Iterator[tuple[Case, Message]]:
    """Wait until some workers have something to say, or a case is overdue; those that died leave the crew."""
    of_pipe: dict[Connection, _Worker] = {worker.pipe: worker for worker in crew if worker.case}
    patience = min((left for worker in crew if (left := worker.time_left) is not None), default=None)
    for pipe in wait(list(of_pipe), patience):
        worker = of_pipe[pipe]  # type: ignore[index]  # wait returns what it was given
        case, message = worker.case, worker.take()
        if isinstance(message, Finished | Failed):
            worker.case = None
        if isinstance(message, Failed) and message.error == "WorkerDied":
            crew.remove(worker)
            worker.bury()
        if case is not None:
            yield case, message


def _overdue(crew: list[_Worker]) -> Iterator[tuple[Case, Message]]:
    """End the cases whose time is over and whose workers have nothing to say; these leave the crew."""
    for worker in [worker for worker in crew if worker.time_left == 0 and not worker.pipe.poll()]:
        crew.remove(worker)
        worker.ask_to_stop()
        worker.bury()
        if worker.case is not None:
            yield worker.case, TIME_IS_OVER


def _cause_of_death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        hint = "; the system does that when memory runs out" if name == "SIGKILL" else ""
        return f"the worker was killed by {name}{hint}"
    return f"the worker ended with exit code {exitcode}"
