"""Ray actors, here or on a cluster, that share a list of cases; one that is lost takes only its case with it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tomosplat.errors import DependencyError, InputError, TomosplatError
from tomosplat.jobs.case import Case, Staged, Work
from tomosplat.jobs.crew import Answer, Crew, Do, Part
from tomosplat.jobs.worker import NOTHING_SPENT, TIME_IS_OVER, Advanced, HandedOn, Message

#: Only cases and messages pass through Ray's memory, never a scan: the least that it takes.
_STORE_BYTES = 80_000_000
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anyone
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


@dataclass(frozen=True)
class RayActors:
    """An ``Engine`` of Ray's actors: a cluster by its address, or, without one, this machine.

    The nodes have the same Python and packages, and reach inputs and outputs by the same paths. Progress is told stage
    by stage. Ray is started or found by the first list and left at the end of the process.

    Where the cluster has GPUs, each is given an actor for the stages that want one (``Staged``), and a case goes from
    actor to actor through its scratch folder; elsewhere one actor does all of a case. GPUs are counted when a list
    begins; one that is lost then is waited for.

    Attributes:
        n_workers: Actors on processors that work at a time, at most; those that find no room yet are waited for.
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
        ray, folder = self._started(), folder.resolve()
        n_gpus = min(self.n_workers, int(ray.cluster_resources().get("GPU", 0)))
        cpu = Crew(ray, {"num_cpus": self.threads}, self.n_workers, folder, time_limit)
        gpu = Crew(ray, {"num_cpus": 0, "num_gpus": 1}, n_gpus, folder, time_limit)
        steps = _steps(work, cpu, gpu if n_gpus else cpu)
        # One for each actor, and one more that waits for each GPU.
        room = self.n_workers + 2 * n_gpus if len(steps) > 1 else self.n_workers
        todo, n_begun = deque(cases), 0
        try:
            while todo or n_begun:
                while todo and n_begun < room:
                    n_begun += 1
                    steps[0].crew.waiting.append(Part(todo.popleft(), 0, steps[0].do, NOTHING_SPENT))
                for part, answer in _answers(ray, (cpu, gpu)):
                    if isinstance(answer, HandedOn):
                        number = part.number + 1
                        steps[number].crew.waiting.append(Part(part.case, number, steps[number].do, answer.spent))
                        yield part.case, Advanced(number, len(steps))
                    else:
                        n_begun -= 1
                        yield part.case, answer
                for case in cpu.dismiss_overdue() + gpu.dismiss_overdue():
                    n_begun -= 1
                    yield case, TIME_IS_OVER
        finally:
            cpu.dismiss()
            gpu.dismiss()

    def _started(self) -> Any:
        ray = _ray()
        if not ray.is_initialized():
            here = {
                "address": "local",  # without it Ray would join a cluster that happens to run here
                "num_cpus": self.n_workers * self.threads,
                "object_store_memory": _STORE_BYTES,
                "include_dashboard": False,
            }
            where = here if self.address is None else {"address": self.address}
            try:
                ray.init(**where, log_to_driver=False, logging_level="error")
            except Exception as error:  # Ray raises bare exceptions, too, such as when the machine is too busy to start
                raise TomosplatError(f"there is no cluster at {self.address or 'this machine'}: {error}") from error
        room = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
        if max(room, default=0) < self.threads:
            raise InputError(
                f"no node of the cluster has {self.threads} processors, the largest {max(room, default=0):g}"
            )
        return ray


@dataclass(frozen=True)
class _Step:
    """What one actor does of each case, and who can."""

    do: Do
    crew: Crew


def _steps(work: Work, cpu: Crew, gpu: Crew) -> list[_Step]:
    """Work as it goes from crew to crew; neighbouring stages of one crew are done in one go, by the last of them."""
    stages = work.stages if isinstance(work, Staged) else ()
    steps = [*(_Step(stage.do, gpu if stage.gpu else cpu) for stage in stages), _Step(work, cpu)]
    return [*(step for step, after in pairwise(steps) if step.crew is not after.crew), steps[-1]]


def _answers(ray: Any, crews: Sequence[Crew]) -> Iterator[tuple[Part, Answer]]:
    """Set everyone to work and wait until some have an answer, or a case is overdue."""
    for crew in crews:
        crew.set_to_work()
    patience = min((crew.patience for crew in crews if crew.patience is not None), default=None)
    ready, _ = ray.wait([ref for crew in crews for ref in crew.refs], timeout=patience)
    for crew in crews:
        yield from crew.hear(ready)


def _ray() -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise DependencyError('the engine "ray" needs the extra: pip install "tomosplat[ray]"') from error
    return ray
