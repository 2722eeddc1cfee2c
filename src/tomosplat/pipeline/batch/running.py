"""A list of cases given to whoever is to work on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from tomosplat import machine
from tomosplat.errors import SomeCasesFailedError
from tomosplat.jobs import Case, Engine, Limits, Local, Outcome, Shard, Work, run_cases
from tomosplat.pipeline.batch.running_options import RunningOptions
from tomosplat.report import Progress

#: Options that say who works, not what on.
RUNNING = frozenset(field.name for field in fields(RunningOptions))


def run_list(
    cases: Sequence[Case], work: Work, folder: Path, options: RunningOptions, progress: Progress | None = None
) -> Outcome:
    """Do this shard's cases as the options say; see ``run_cases``.

    Raises:
        InputError: An option is impossible.
        DependencyError: The engine is not installed.
        OutputError: The folder cannot be written.
    """
    return run_cases(
        cases,
        work,
        folder,
        engine=_engine(options),
        shard=shard_of(options),
        limits=_limits(options),
        progress=progress,
    )


def check_running(options: RunningOptions) -> None:
    """Refuse what ``run_list`` would, before anything is read.

    Raises:
        InputError: An option is impossible.
        DependencyError: The engine is not installed.
    """
    _engine(options)
    shard_of(options)
    _limits(options)


def shard_of(options: RunningOptions) -> Shard:
    """Which part of the list is meant."""
    return Shard(options.shard, options.num_shards)


def threads_of(options: RunningOptions) -> int:
    """How many processors each worker uses."""
    return max(1, torch.get_num_threads() // options.workers) if options.threads is None else options.threads


def facts_of(outcome: Outcome) -> Mapping[str, Any]:
    """For reports."""
    return {"done": outcome.done, "skipped": outcome.skipped, "failed": dict(outcome.failed)}


def check_outcome(outcome: Outcome, folder: Path) -> None:
    """Pass if every case is done.

    Raises:
        SomeCasesFailedError: Some failed; the message says which and why.
    """
    if outcome.failed:
        why = "\n".join(f"  {name}: {message}" for name, message in sorted(outcome.failed.items()))
        raise SomeCasesFailedError(
            f"{len(outcome.failed)} cases failed, see <id>.failed.json in {folder}; the same command tries them again\n"
            + why
        )


def _engine(options: RunningOptions) -> Engine:
    if options.engine == "local":
        return Local(options.workers)
    from tomosplat.jobs.actors import RayActors

    return RayActors(options.workers, threads_of(options), options.address)


def _limits(options: RunningOptions) -> Limits:
    minutes, gigabytes = options.minutes_per_case, options.memory_per_case
    memory = None if gigabytes is None else int(1e9 * gigabytes)
    if memory is None and options.engine == "local":
        memory = machine.total_memory() // options.workers
    return Limits(None if minutes is None else 60 * minutes, memory)
