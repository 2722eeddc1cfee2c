"""What is to be done, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tomosplat.errors import InputError
from tomosplat.jobs.hashing import hash_data
from tomosplat.report import Progress

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Case:
    """One independent piece of work.

    Attributes:
        id: Unique in its list and fit for a file name.
        payload: What the work is given; can be pickled, and small: paths instead of data.
        cost: Estimate in any unit that is the same for all cases; the dearest are begun first.
        content_hash: Of the inputs' bytes.
        config_hash: Of everything else that the result depends on.
        inputs: Where it comes from, for people.
        signature: Of the inputs' sizes and times of change: while it stays, so does ``content_hash``. "" if not known.
        memory: Bytes that the work is expected to need at most; 0 if not known.

    Raises:
        InputError: The id is not fit for a file name.
    """

    id: str
    payload: Any
    cost: float
    content_hash: str
    config_hash: str
    inputs: tuple[str, ...] = ()
    signature: str = ""
    memory: int = 0

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise InputError(
                f"case id {self.id!r} is not fit for a file name: expected 1 to 128 letters, digits, dots, hyphens "
                "and underscores, beginning with a letter or digit"
            )

    @property
    def key(self) -> str:
        """Short hash of inputs and configuration: what was made for another key is of no use."""
        return hash_data([self.content_hash, self.config_hash])[:16]


@dataclass(frozen=True)
class Product:
    """What the work on a case made.

    Attributes:
        outputs: Name below the output folder → finished file, anywhere in the scratch folder.
        facts: What the done-marker shall keep; JSON-serialisable.
    """

    outputs: Mapping[str, Path]
    facts: Mapping[str, Any] = field(default_factory=dict)


class Work(Protocol):
    """What is done with each case: a function at the top of a module, since it runs in other processes."""

    def __call__(self, payload: Any, scratch: Path, progress: Progress, /) -> Product:
        """Work on a case.

        Args:
            payload: The case's.
            scratch: A folder for this case, hashes and configuration alone. What was left in it by an earlier try
                that was killed is still there, so whatever is written here atomically need not be made again.
            progress: To be called now and then.
        """


@dataclass(frozen=True)
class Stage:
    """A part of the work on a case that another worker may do ahead of the rest.

    Attributes:
        do: A function at the top of a module, called like ``Work``; leaves, whole or not at all, what it made in the
            case's scratch folder.
        gpu: Whether it is for workers that have a GPU, where there are any.
    """

    do: Callable[[Any, Path, Progress], None]
    gpu: bool = False


@dataclass(frozen=True)
class Staged:
    """``Work`` of which parts may be done ahead; called, it is done as a whole.

    Attributes:
        stages: In the order in which they are done.
        work: All of it: takes from the scratch folder what a stage left there, and makes what none did.
    """

    stages: tuple[Stage, ...]
    work: Work

    def __call__(self, payload: Any, scratch: Path, progress: Progress, /) -> Product:
        """Work on a case from begin to end."""
        return self.work(payload, scratch, progress)
