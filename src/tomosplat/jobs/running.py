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
from tomosplat.jobs.engine import Engine
from tomosplat.jobs.lock import alone_in
from tomosplat.jobs.manifest import write_manifest
from tomosplat.jobs.pool import Local
from tomosplat.jobs.records import Records
from tomosplat.jobs.shards import Shard
from tomosplat.jobs.worker import Advanced, Failed, Message
from tomosplat.report import Progress

_STEPS = 1000
#: How often a case is tried in a run.
_TRIES = 3


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


@dataclass(frozen=True)
class Limits:
    """What one case may take.

    Attributes:
        seconds: A case that takes longer is ended; None for any time.
        memory: Bytes; a case that is expected to need more is refused before it begins. None for any.

    Raises:
        InputError: A limit is not positive.
    """

    seconds: float | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        if any(limit is not None and not limit > 0 for limit in (self.seconds, self.memory)):
            raise InputError(f"a case must be allowed some time and memory, got {self.seconds} s, {self.memory} bytes")


def run_cases(
    cases: Sequence[Case],
    work: Work,
    folder: Path,
    *,
    engine: Engine | None = None,
    shard: Shard | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Do every case that is not done yet, the dearest first.

    A case is done when its outputs are in ``folder`` and its done-marker names the same hashes. A case that fails
    leaves ``<id>.failed.json`` and stops no other, even if its process is killed; once the others are through, it is
    tried again, twice, unless the reason is one that stays (``Failed.again``). Ctrl-C and SIGTERM roll back what has
    been begun; what a case left in its scratch folder is found there when it is tried again. The list itself is written
    to ``cases.jsonl``.

    Args:
        cases: What to do; of a list that is divided, this shard's.
        work: Called with each case's payload, in another process.
        folder: For outputs and markers (see ``Records``); made if missing.
        engine: Who works; by default one process of this machine.
        shard: Which part of a divided list this is; other parts may be done in the same folder at the same time.
        limits: What one case may take.
        progress: Called with thousandths of the cost of what there was to do.

    Raises:
        InputError: Two cases share an id, or another process works on them in ``folder``.
        OutputError: Markers cannot be written.
        KeyboardInterrupt: On Ctrl-C and SIGTERM.
    """
    engine, shard, limits = engine or Local(), shard or Shard(), limits or Limits()
    _check(cases)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    records = Records(folder)
    with alone_in(folder, shard), _interrupted_by_sigterm():
        write_manifest(folder / f"cases{shard.suffix}.jsonl", cases)
        skipped = {case.id for case in cases if records.is_done(case)}
        todo = sorted((case for case in cases if case.id not in skipped), key=lambda case: (-case.cost, case.id))
        run = _Run(records, _Shares(todo, progress))
        todo = [case for case in todo if not run.refuse(case, limits)]
        for tries in range(1, _TRIES + 1):
            if todo:
                with closing(engine.work_through(todo, work, folder, limits.seconds)) as messages:
                    for case, message in messages:
                        run.take(case, message, tries)
                todo = [case for case in todo if case.id in run.again]
    return Outcome(tuple(run.done), tuple(case.id for case in cases if case.id in skipped), run.failed)


class _Run:
    """What has become of cases so far."""

    def __init__(self, records: Records, shares: _Shares) -> None:
        self.done: list[str] = []
        self.failed: dict[str, str] = {}
        self.again: set[str] = set()
        self._records, self._shares = records, shares

    def refuse(self, case: Case, limits: Limits) -> bool:
        """Whether a case may not begin; it has then failed."""
        if limits.memory is None or case.memory <= limits.memory:
            return False
        why = (
            f"{case.id} is expected to need {case.memory / 1e9:.1f} GB of memory, and a case may take "
            f"{limits.memory / 1e9:.1f} GB; allow more, have fewer workers, or work on a coarser grid"
        )
        self.take(case, Failed("MemoryLimitError", why, again=False), tries=0)
        return True

    def take(self, case: Case, message: Message, tries: int) -> None:
        """Note what a worker said of a case at that try."""
        if isinstance(message, Advanced):
            self._shares.advance(case, message.done / max(message.total, 1))
            return
        self.failed.pop(case.id, None)
        self.again.discard(case.id)
        # A worker may have been lost between its last deed and telling of it.
        if isinstance(message, Failed) and not self._records.is_done(case):
            self._records.write_failure(case, {**asdict(message), "tries": tries})
            self.failed[case.id] = f"{message.error}: {message.message}"
            if message.again and tries < _TRIES:
                self.again.add(case.id)
        else:
            self.done.append(case.id)
        self._shares.advance(case, 1)


class _Shares:
    """How much of the whole cost is behind us."""

    def __init__(self, cases: Sequence[Case], progress: Progress | None) -> None:
        self._total = sum(case.cost for case in cases)
        self._of_case = dict.fromkeys((case.id for case in cases), 0.0)
        self._done = 0.0
        self._progress = progress

    def advance(self, case: Case, share: float) -> None:
        # A case that is tried again does not take back what it had.
        gained = max(0.0, share * case.cost - self._of_case[case.id])
        self._of_case[case.id] += gained
        self._done += gained
        if self._progress and self._total > 0:
            self._progress(round(_STEPS * self._done / self._total), _STEPS)


def _check(cases: Sequence[Case]) -> None:
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
