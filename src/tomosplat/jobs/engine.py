"""Who works: processes of this machine, or actors of a cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Protocol

from tomosplat.jobs.case import Case, Work
from tomosplat.jobs.worker import Message


class Engine(Protocol):
    """Works on cases in other processes; which engine it is does not change what they make."""

    def work_through(
        self, cases: Sequence[Case], work: Work, folder: Path, time_limit: float | None
    ) -> Generator[tuple[Case, Message], None, None]:
        """Work on the cases in their order, several at a time; yield what becomes of them.

        Each case ends in one ``Finished`` or ``Failed``. A worker that is lost is replaced; whoever iterates decides
        whether its case is tried again. When the iteration is left early, no worker goes on.

        Args:
            cases: What to do.
            work: Called with each case's payload.
            folder: For outputs and markers (see ``Records``); all workers reach it by this path.
            time_limit: Seconds after which a case is ended.
        """
