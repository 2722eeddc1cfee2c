"""One run at a time in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tomosplat.errors import InputError, OutputError
from tomosplat.jobs.shards import Shard


@contextmanager
def alone_in(folder: Path, shard: Shard) -> Iterator[None]:
    """Keep other runs on this machine from the same cases; a lock whose process is gone counts for nothing.

    Other shards of the same division may work in the folder at the same time.

    Raises:
        InputError: Another process is at work on the same cases.
        OutputError: The lock cannot be written.
    """
    lock = folder / f".lock{shard.suffix}"
    for other in folder.glob(".lock*"):
        if other == lock or _division(other) != _division(lock):
            _refuse_if_held(other, folder)
    try:
        lock.unlink(missing_ok=True)
        with lock.open("x", encoding="utf-8") as file:  # only one of two that come at once can make it
            file.write(_identity(os.getpid()))
    except FileExistsError as error:
        raise InputError(f"another process has just begun in {folder}; wait for it") from error
    except OSError as error:
        raise OutputError(f"cannot write in {folder}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _division(lock: Path) -> str:
    return lock.name.rpartition("-of-")[2]


def _refuse_if_held(lock: Path, folder: Path) -> None:
    try:
        holder = lock.read_text(encoding="utf-8")
        pid = int(holder.split()[0])
    except (OSError, ValueError, IndexError):
        return
    if _identity(pid) == holder:
        raise InputError(f"process {pid} is at work in {folder}; wait for it or choose another folder")


def _identity(pid: int) -> str:
    """Process number and start: numbers are used again, the two together are not."""
    try:
        return f"{pid} {psutil.Process(pid).create_time()}"
    except psutil.Error:
        return f"{pid} gone"
