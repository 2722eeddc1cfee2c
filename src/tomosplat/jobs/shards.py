"""A list divided among processes that do not talk to each other: an array of a queue, several machines, cron."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tomosplat.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """One of ``count`` parts of a list.

    Attributes:
        index: Which, from 0.
        count: How many there are.

    Raises:
        InputError: There is no such part.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise InputError(
                f"there is no shard {self.index} of {self.count}: shards are numbered from 0, and there is at least 1"
            )

    @property
    def suffix(self) -> str:
        """What tells this shard's own files from others'; empty where there is one."""
        return "" if self.count == 1 else f"-{self.index}-of-{self.count}"

    def share(self, items: Sequence[T], *, cost: Callable[[T], float], name: Callable[[T], str]) -> list[T]:
        """This shard's items: dearest first, each to the shard that has least to do so far, then to that with fewest.

        Every process that is given the same items finds the same division, in whatever order it lists them.
        """
        loads = [(0.0, 0, shard) for shard in range(self.count)]
        mine = []
        for item in sorted(items, key=lambda item: (-cost(item), name(item))):
            load, number, shard = heapq.heappop(loads)
            heapq.heappush(loads, (load + cost(item), number + 1, shard))
            if shard == self.index:
                mine.append(item)
        return mine
