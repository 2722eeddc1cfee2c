"""Ray actors, here or on a cluster, that share a list of cases; one that is lost takes only its case with it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tomosplat.errors import DependencyError, InputError, TomosplatError
from tomosplat.jobs.case import Case, Work
from tomosplat.jobs.worker import TIME_IS_OVER, Failed, Message, attempt

#: So many actors may be lost in a row before any has begun; then it is the cluster that does not work.
_FALSE_STARTS = 3
#: Only cases and messages pass through Ray's memory, never a scan: the least that it takes.
_STORE_BYTES = 80_000_000
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anyone
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


class _Actor:
    """Lives in a process of its own; what the work keeps in its modules, such as a network, stays between cases."""

    def greet(self) -> None:
        """Be there."""

    def attempt(self, case: Case, work: Work, folder: Path) -> Message:
        return attempt(case, work, folder, lambda done, total: None)


@dataclass
class _Hired:
    """An actor, the case that it has (none while it starts), and when it began."""

    actor: Any
    case: Case | None
    begun: float


class _Crew:
    """The actors at work, each by the reference to what it will say."""

    def __init__(self, ray: Any, actor_class: Any, time_limit: float | None) -> None:
        self.busy: dict[Any, _Hired] = {}
        self._ray, self._actor_class, self._time_limit = ray, actor_class, time_limit
        self._false_starts = 0

    @property
    def n_at_work(self) -> int:
        return sum(hired.case is not None for hired in self.busy.values())

    def hire(self) -> None:
        actor = self._actor_class.remote()
        self.busy[actor.greet.remote()] = _Hired(actor, None, 0.0)

    def give(self, actor: Any, case: Case, work: Work, folder: Path) -> None:
        self.busy[actor.attempt.remote(case, work, folder)] = _Hired(actor, case, time.monotonic())

    def wait(self) -> list[tuple[_Hired, Message | None]]:
        """Wait until some actors have something to say, or a case is overdue; those that spoke leave the crew."""
        patience = min((left for hired in self.busy.values() if (left := self._left(hired)) is not None), default=None)
        ready, _ = self._ray.wait(list(self.busy), timeout=patience)
        told = [(self.busy.pop(ref), _told(self._ray, ref)) for ref in ready]
        for hired, message in told:
            if hired.case is None:
                self._false_starts = self._false_starts + 1 if _is_lost(message) else 0
            if isinstance(message, Failed) and self._false_starts >= _FALSE_STARTS:
                raise TomosplatError(f"the cluster cannot run tomosplat: {message.message}")
        return told

    def dismiss_overdue(self) -> list[Case]:
        """End the cases whose time is over; returns them."""
        late = [(ref, hired) for ref, hired in self.busy.items() if self._left(hired) == 0]
        for ref, hired in late:
            self._ray.kill(hired.actor)
            del self.busy[ref]
        return [hired.case for _, hired in late if hired.case is not None]

    def _left(self, hired: _Hired) -> float | None:
        if hired.case is None or self._time_limit is None:
            return None
        return max(0.0, hired.begun + self._time_limit - time.monotonic())


@dataclass(frozen=True)
class RayActors:
    """An ``Engine`` of Ray's actors: a cluster by its address, or, without one, this machine.

    The nodes have the same Python and packages, and reach inputs and outputs by the same paths. Progress is told case
    by case. Ray is started or found by the first list and left at the end of the process.

    Attributes:
        n_workers: Actors that work at a time, at most; those that find no room on the cluster yet are waited for.
        threads: Processors that each of them has to itself.
        address: Of the cluster, "auto" for the one that this machine is part of; None to start one on this machine.

    Raises:
        InputError: There is less than one actor or thread.
        DependencyError: Ray is not installed.
    """

    n_workers: int = 1
    threads: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        if min(self.n_workers, self.threads) < 1:
            raise InputError(f"workers and threads must be at least 1, got {self.n_workers} and {self.threads}")
        _ray()

    def work_through(
        self, cases: Sequence[Case], work: Work, folder: Path, time_limit: float | None = None
    ) -> Generator[tuple[Case, Message], None, None]:
        """See ``Engine``.

        Raises:
            TomosplatError: The cluster cannot be reached, has no node with so many threads, or runs no actor.
        """
        ray = self._started()
        crew = _Crew(ray, ray.remote(num_cpus=self.threads, max_restarts=0)(_Actor), time_limit)
        waiting, folder = deque(cases), folder.resolve()
        try:
            while waiting or crew.n_at_work:
                while len(crew.busy) < min(self.n_workers, len(waiting) + crew.n_at_work):
                    crew.hire()
                for hired, message in crew.wait():
                    if hired.case is not None and message is not None:
                        yield hired.case, message
                    if waiting and not _is_lost(message):
                        crew.give(hired.actor, waiting.popleft(), work, folder)
                    else:
                        ray.kill(hired.actor)
                for case in crew.dismiss_overdue():
                    yield case, TIME_IS_OVER
        finally:
            for hired in crew.busy.values():
                ray.kill(hired.actor)

    def _started(self) -> Any:
        ray = _ray()
        if not ray.is_initialized():
            here = {
                "num_cpus": self.n_workers * self.threads,
                "object_store_memory": _STORE_BYTES,
                "include_dashboard": False,
            }
            where = here if self.address is None else {"address": self.address}
            try:
                ray.init(**where, log_to_driver=False, logging_level="error")
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise TomosplatError(f"there is no cluster at {self.address or 'this machine'}: {error}") from error
        room = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
        if max(room, default=0) < self.threads:
            raise InputError(
                f"no node of the cluster has {self.threads} processors, the largest {max(room, default=0):g}"
            )
        return ray


def _ray() -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise DependencyError('the engine "ray" needs the extra: pip install "tomosplat[ray]"') from error
    return ray


def _told(ray: Any, ref: Any) -> Message | None:
    try:
        message: Message | None = ray.get(ref)
    except ray.exceptions.RayError as error:
        # The first line says what happened to the actor, the others where Ray keeps its logs.
        return Failed("WorkerDied", f"the worker was lost: {str(error).strip().splitlines()[0]}")
    return message


def _is_lost(message: Message | None) -> bool:
    return isinstance(message, Failed) and message.error == "WorkerDied"
