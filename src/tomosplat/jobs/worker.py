"""A process that works on one case after another, as told through a pipe."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from tomosplat import machine
from tomosplat.errors import DependencyError, InputError
from tomosplat.jobs.case import Case, Product, Work
from tomosplat.jobs.records import Records
from tomosplat.report import Progress

#: What was given, or is installed, is the same at the next try.
_NOT_MENDED = (InputError, DependencyError)


@dataclass(frozen=True)
class Advanced:
    """The case at hand got so far."""

    done: int
    total: int


@dataclass(frozen=True)
class Finished:
    """The case at hand is done, its outputs and marker are written."""


@dataclass(frozen=True)
class Failed:
    """The case at hand has no result.

    Attributes:
        error: Name of the error's class.
        message: What it says, for people.
        traceback: Where it happened; empty if the worker died.
        again: Whether another try may go better.
    """

    error: str
    message: str
    traceback: str = ""
    again: bool = True


@dataclass(frozen=True)
class Spent:
    """What a case has taken so far.

    Attributes:
        seconds: Without those in which it waited.
        peak_memory: Bytes, of the largest process that had it since that started: of this case and those before.
    """

    seconds: float = 0.0
    peak_memory: int = 0


NOTHING_SPENT = Spent()


@dataclass(frozen=True)
class HandedOn:
    """A stage of the case is done; another worker does the rest."""

    spent: Spent


#: What becomes of a case that took longer than it may.
TIME_IS_OVER = Failed("TimeLimit", "the case took longer than it may and was ended; give it more time", again=False)

Message = Advanced | Finished | Failed


def serve(pipe: Connection, work: Work, folder: Path) -> None:
    """Receive cases, work on them, send messages; ends at None."""
    # Ctrl-C reaches every process of a terminal; it is for the parent to decide what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _roll_back)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while (case := pipe.recv()) is not None:
        pipe.send(Advanced(0, 1))  # it begins
        pipe.send(attempt(case, work, folder, lambda done, total: pipe.send(Advanced(done, total))))


def attempt(
    case: Case,
    do: Callable[[Any, Path, Progress], Product | None],
    folder: Path,
    progress: Progress,
    before: Spent = NOTHING_SPENT,
) -> HandedOn | Finished | Failed:
    """Work on a case in this process, and publish what comes of it if that is the product and not a stage.

    Whatever goes wrong is returned, not raised.
    """
    records = Records(folder)
    started = time.perf_counter()
    try:
        product = do(case.payload, records.scratch(case), progress)
        seconds = before.seconds + time.perf_counter() - started
        spent = Spent(seconds, max(before.peak_memory, machine.peak_memory()))
        if product is None:
            return HandedOn(spent)
        records.publish(case, product, _circumstances(spent))
    except Exception as error:
        again = not isinstance(error, _NOT_MENDED)
        return Failed(type(error).__name__, str(error), traceback.format_exc(), again)
    return Finished()


def _circumstances(spent: Spent) -> dict[str, Any]:
    return {
        "seconds": round(spent.seconds, 3),
        "peak_memory_mb": round(spent.peak_memory / 1e6),
        "versions": _versions(),
    }


@cache
def _versions() -> dict[str, str]:
    return machine.versions()


def _roll_back(number: int, frame: FrameType | None) -> None:
    # As an exception it runs every ``finally``, which is where half-written files are removed.
    raise SystemExit(128 + number)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # Nobody waits for the result, and whoever restarts the list must not meet another one at work on it.
        os._exit(1)
