"""Local processes that share a list of cases; one that dies takes only its case with it."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tomosplat.jobs.case import Case, Work
from tomosplat.jobs.worker import Failed, Finished, Message, serve

#: What a worker is given to clean up before it is killed; a kernel must end first.
_ROLL_BACK_S = 20.0


class _Worker:
    """One process and the case that it has."""

    def __init__(self, work: Work, folder: Path) -> None:
        # Fresh processes: a fork would copy locks and threads that renderers hold.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.case: Case | None = None
        self._process = context.Process(target=serve, args=(theirs, work, folder), daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends when the worker does

    def give(self, case: Case) -> None:
        self.case = case
        with suppress(BrokenPipeError):  # it died; its end of the pipe says so next
            self.pipe.send(case)

    def take(self) -> Message:
        try:
            message: Message = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return Failed("WorkerDied", _cause_of_death(self._process.exitcode))
        return message

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def ask_to_stop(self) -> None:
        self._process.terminate()

    def bury(self) -> None:
        self._process.join(_ROLL_BACK_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()
        self._process.close()


def work_through(
    cases: Sequence[Case], work: Work, folder: Path, n_workers: int
) -> Generator[tuple[Case, Message], None, None]:
    """Work on the cases in their order, ``n_workers`` at a time; yield what becomes of them.

    Each case ends in one ``Finished`` or ``Failed``. A worker that is killed is replaced. When the iteration is left
    early, the workers roll back what they have begun.
    """
    waiting = deque(cases)
    crew: list[_Worker] = []
    try:
        while waiting or any(worker.case for worker in crew):
            while waiting and len(crew) < n_workers:
                crew.append(_Worker(work, folder))
            for worker in crew:
                if worker.case is None and waiting:
                    worker.give(waiting.popleft())
            yield from _messages(crew)
    finally:
        for worker in crew:
            worker.ask_to_stop()
        for worker in crew:
            worker.bury()


def _messages(crew: list[_Worker]) -> Iterator[tuple[Case, Message]]:
    """Wait until some workers have something to say; those that died leave the crew."""
    of_pipe: dict[Connection, _Worker] = {worker.pipe: worker for worker in crew if worker.case}
    for pipe in wait(list(of_pipe)):
        worker = of_pipe[pipe]  # type: ignore[index]  # wait returns what it was given
        case, message = worker.case, worker.take()
        if isinstance(message, Finished | Failed):
            worker.case = None
        if isinstance(message, Failed) and message.error == "WorkerDied":
            crew.remove(worker)
            worker.bury()
        if case is not None:
            yield case, message


def _cause_of_death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        hint = "; the system does that when memory runs out" if name == "SIGKILL" else ""
        return f"the worker was killed by {name}{hint}"
    return f"the worker ended with exit code {exitcode}"
