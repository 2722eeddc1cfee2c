"""Runs kernels that release the interpreter lock on a pool of threads.

Threads of our own instead of Numba's parallel loops: those compile several times slower, their OpenMP layer ends a
forked child and their other layers abort when two Python threads call them at once; these do neither.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numba
import torch

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_pool_size = 0


def use(n: int) -> None:
    """Let torch and all kernels that this thread calls use ``n`` threads.

    Numba first: it launches threads for its own parallel loops when the first of them is loaded, and then sets OpenMP's
    number, which is torch's, to the machine's. What is computed later in that process would differ in last digits.
    """
    numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]  # set at run time
    torch.set_num_threads(n)


def n_threads() -> int:
    """Threads that kernels use: as many as torch is allowed (``use``, ``OMP_NUM_THREADS``)."""
    return torch.get_num_threads()


def run(kernel: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call ``kernel(*job)`` for every job, the caller working too; return the results in the order of the jobs."""
    if len(jobs) == 1 or n_threads() == 1:
        return [kernel(*job) for job in jobs]
    pool = _workers()
    futures: list[Future[Any]] = [pool.submit(kernel, *job) for job in jobs]
    results: dict[int, Any] = {}
    # The pool takes the oldest job first, so the caller starts at the other end.
    for i in reversed(range(len(jobs))):
        if futures[i].cancel():
            results[i] = kernel(*jobs[i])
    return [results[i] if i in results else future.result() for i, future in enumerate(futures)]


def split(n: int, parts: int) -> list[tuple[int, int]]:
    """Cut 0..n into at most ``parts`` ranges of nearly equal length, at least one."""
    parts = max(1, min(parts, n))
    return [(n * i // parts, n * (i + 1) // parts) for i in range(parts)]


def _workers() -> ThreadPoolExecutor:
    global _pool, _pool_size
    with _lock:
        size = max(1, n_threads() - 1)
        if _pool is None or _pool_size != size:
            _pool, _pool_size = ThreadPoolExecutor(size, thread_name_prefix="tomosplat"), size
        return _pool


def _forget_pool() -> None:
    """A forked child has none of its parent's threads, and the lock may have been held by one."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
