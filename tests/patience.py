"""Waiting for what is sure to come: it ends as soon as that is there, however slow and busy the machine is."""

import time
from collections.abc import Callable, Iterable

import psutil

#: Longer than anything takes; only what never happens lasts so long.
PATIENCE_S = 240


def until(holds: Callable[[], bool]) -> None:
    """Return as soon as something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def until_ended(processes: Iterable[psutil.Process]) -> None:
    """Return as soon as all these processes have ended, whether or not their parents have taken note of it."""
    for process in processes:
        until(lambda process=process: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
