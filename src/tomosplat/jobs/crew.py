"""Ray's actors of one kind: hired as there is work for them, kept while there may be more, replaced when lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tomosplat.errors import TomosplatError
from tomosplat.jobs.case import Case, Product
from tomosplat.jobs.worker import Failed, Finished, HandedOn, Spent, attempt
from tomosplat.report import Progress

#: So many actors may be lost in a row before any has begun; then it is the cluster that does not work.
_FALSE_STARTS = 3

Do = Callable[[Any, Path, Progress], Product | None]
Answer = HandedOn | Finished | Failed


@dataclass(frozen=True)
class Part:
    """What one actor is to do of a case.

    Attributes:
        case: The case.
        number: Which part of it, from 0.
        do: The part.
        spent: What those before it took.
    """

    case: Case
    number: int
    do: Do
    spent: Spent


class _Actor:
    """Lives in a process of its own; what the work keeps in its modules, such as a network, stays between cases."""

    def greet(self) -> None:
        """Be there."""

    def attempt(self, part: Part, folder: Path) -> Answer:
        return attempt(part.case, part.do, folder, lambda done, total: None, part.spent)


@dataclass
class _Hired:
    """An actor, what it does (nothing yet while it starts), and when that was begun."""

    actor: Any
    part: Part | None
    begun: float


class Crew:
    """Actors that ask for the same of a cluster.

    Attributes:
        waiting: What they are to do: what has come furthest first, so that scratch folders become results.

    Args:
        ray: The module.
        resources: What each of them has to itself, as Ray calls it.
        size: How many of them there are, at most; those that find no room on the cluster yet are waited for.
        folder: For outputs and markers.
        time_limit: Seconds after which a case is ended.
    """

    def __init__(
        self, ray: Any, resources: Mapping[str, float], size: int, folder: Path, time_limit: float | None
    ) -> None:
        self.waiting: list[Part] = []
        self._ray, self._actor_class = ray, ray.remote(**resources, max_restarts=0)(_Actor)
        self._size, self._folder, self._time_limit = size, folder, time_limit
        self._busy: dict[Any, _Hired] = {}
        self._idle: list[Any] = []
        self._false_starts = 0

    @property
    def refs(self) -> list[Any]:
        """References to what will be said, in Ray's sense."""
        return list(self._busy)

    @property
    def patience(self) -> float | None:
        """Seconds until the first case is overdue; None if none will be."""
        return min((left for hired in self._busy.values() if (left := self._left(hired)) is not None), default=None)

    def set_to_work(self) -> None:
        """Give what is waiting to actors that are free, and hire as many more as there is work for."""
        while self.waiting and self._idle:
            furthest = max(range(len(self.waiting)), key=lambda n: self.waiting[n].number)
            part, actor = self.waiting.pop(furthest), self._idle.pop()
            self._busy[actor.attempt.remote(part, self._folder)] = _Hired(actor, part, time.monotonic())
        starting = sum(hired.part is None for hired in self._busy.values())
        for _ in range(min(self._size - len(self._busy), len(self.waiting) - starting)):
            actor = self._actor_class.remote()
            self._busy[actor.greet.remote()] = _Hired(actor, None, 0.0)

    def hear(self, refs: Sequence[Any]) -> Iterator[tuple[Part, Answer]]:
        """What actors of this crew say at these references.

        Raises:
            TomosplatError: One after the other is lost before it begins.
        """
        for ref in [ref for ref in refs if ref in self._busy]:
            hired, answer = self._busy.pop(ref), self._answer(ref)
            lost = isinstance(answer, Failed) and answer.error == "WorkerDied"
            if lost:
                self._ray.kill(hired.actor)
            else:
                self._idle.append(hired.actor)
            if hired.part is None:
                self._false_starts = self._false_starts + 1 if lost else 0
                if isinstance(answer, Failed) and self._false_starts >= _FALSE_STARTS:
                    raise TomosplatError(f"the cluster cannot run tomosplat: {answer.message}")
            elif answer is not None:
                yield hired.part, answer

    def dismiss_overdue(self) -> list[Case]:
        """End the cases whose time is over; returns them."""
        late = [(ref, hired) for ref, hired in self._busy.items() if self._left(hired) == 0]
        for ref, hired in late:
            self._ray.kill(hired.actor)
            del self._busy[ref]
        return [hired.part.case for _, hired in late if hired.part is not None]

    def dismiss(self) -> None:
        """End all actors."""
        for actor in [*self._idle, *(hired.actor for hired in self._busy.values())]:
            self._ray.kill(actor)

    def _left(self, hired: _Hired) -> float | None:
        if hired.part is None or self._time_limit is None:
            return None
        return max(0.0, hired.begun + self._time_limit - hired.part.spent.seconds - time.monotonic())

    def _answer(self, ref: Any) -> Answer | None:
        """What an actor says; None for a greeting."""
        try:
            answer: Answer | None = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            # The first line says what happened to the actor, the others where Ray keeps its logs.
            return Failed("WorkerDied", f"the worker was lost: {str(error).strip().splitlines()[0]}")
        return answer
