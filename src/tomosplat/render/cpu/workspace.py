"""Arrays that outlive one picture, because the system hands out new memory slowly."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tomosplat.render.cpu.layout import aligned_empty


class Workspace:
    """Arrays by name that grow as needed."""

    def __init__(self) -> None:
        self._arrays: dict[str, Any] = {}

    def take(self, name: str, size: int, dtype: type[np.generic]) -> Any:
        """Uninitialised array of ``size``; what the name held before is lost."""
        array = self._arrays.get(name)
        if array is None or array.size < size:
            array = self._arrays[name] = aligned_empty(size + size // 8, dtype)
        return array[:size]


class Spare:
    """Keeps one workspace for the next picture at most."""

    def __init__(self) -> None:
        # Its append and pop need no lock, so that the garbage collector may give back at any time.
        self._spare: deque[Workspace] = deque(maxlen=1)

    def borrow(self) -> Workspace:
        """The spare workspace, or a new one."""
        try:
            return self._spare.pop()
        except IndexError:
            return Workspace()

    @contextmanager
    def block(self) -> Iterator[Workspace]:
        """A workspace for the duration of a block; dropped, not reused, if the block fails."""
        workspace = self.borrow()
        yield workspace
        self._spare.append(workspace)

    def give_back_with(self, owner: object, workspace: Workspace) -> None:
        """Take the workspace back when its owner is gone."""
        weakref.finalize(owner, self._spare.append, workspace)
