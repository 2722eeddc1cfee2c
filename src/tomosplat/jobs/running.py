"""A list of cases from begin to end: what is done is skipped, what fails is noted, what is left off can be resumed."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from tomosplat.errors import InputError, OutputError
from tomosplat.jobs.case import Case, Work
from tomosplat.jobs.lock import alone_in
from tomosplat.jobs.pool import work_through
from tomosplat.jobs.records import Records
from tomosplat.jobs.worker import Advanced, Failed
from tomosplat.report import Progress

_STEPS = 1000


@dataclass(frozen=True)
class Outcome:
    """What became of a list of cases.

    Attributes:
        done: Ids of the cases done now.
        skipped: Ids of those that were done before.
        failed: Id → what the error said.
    """

    done: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: Mapping[str, str]


def run_cases(
    cases: Sequence[Case], work: Work, folder: Path, *, n_workers: int = 1, progress: Progress | None = None
) -> Outcome:
    """Do every case that is not done yet, the dearest first.

    A case is done when its outputs are in ``folder`` and its done-marker names the same hashes. A case that fails
    leaves ``<id>.failed.json`` and stops no other, even if its process is killed. Ctrl-C and SIGTERM roll back what
    has been begun; what a case left in its scratch folder is found there when it is tried again.

    Args:
        cases: What to do.
        work: Called with each case's payload, in another process.
        folder: For outputs and markers (see ``Records``); made if missing.
        n_workers: Processes that work at a time.
        progress: Called with thousandths of the cost of what there was to do.

    Raises:
        InputError: Two cases share an id, there is less than one worker, or another process works in ``folder``.
        OutputError: Markers cannot be written.
        KeyboardInterrupt: On Ctrl-C and SIGTERM.
    """
    _check(cases, n_workers)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    records = Records(folder)
    failed: dict[str, str] = {}
    done: list[str] = []
    with alone_in(folder), _interrupted_by_sigterm():
        skipped = [case.id for case in cases if records.is_done(case)]
        todo = sorted((case for case in cases if case.id not in skipped), key=lambda case: (-case.cost, case.id))
        shares = _Shares(todo, progress)
        with closing(work_through(todo, work, folder, n_workers)) as messages:
            for case, message in messages:
                if isinstance(message, Advanced):
                    shares.advance(case, message.done / max(message.total, 1))
                    continue
                if isinstance(message, Failed):
                    records.write_failure(case, asdict(message))
                    failed[case.id] = f"{message.error}: {message.message}"
                else:
                    done.append(case.id)
                shares.advance(case, 1)
    return Outcome(tuple(done), tuple(skipped), failed)


class _Shares:
    """How much of the whole cost is behind us."""

    def __init__(self, cases: Sequence[Case], progress: Progress | None) -> None:
        self._total = sum(case.cost for case in cases)
        self._done = dict.fromkeys((case.id for case in cases), 0.0)
        self._progress = progress

    def advance(self, case: Case, share: float) -> None:
        self._done[case.id] = share * case.cost
        if self._progress and self._total > 0:
            self._progress(round(_STEPS * sum(self._done.values()) / self._total), _STEPS)


def _check(cases: Sequence[Case], n_workers: int) -> None:
    if n_workers < 1:
        raise InputError(f"the number of workers must be at least 1, got {n_workers}")
    # Some file systems take capitals and small letters for the same.
    twice = [name for name, count in Counter(case.id.lower() for case in cases).items() if count > 1]
    if twice:
        raise InputError(f"several cases are called {', '.join(twice)}; give each an id of its own")


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, where Python allows it (the main thread)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
