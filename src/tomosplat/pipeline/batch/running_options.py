"""How a list of cases is worked through, by whatever verb. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RunningOptions:
    """Who works, on which part of the list, and what one case may take. None of it changes results."""

    engine: Literal["local", "ray"] = "local"
    """Processes of this machine, or actors of Ray (extra "ray"), here or on a cluster."""
    address: str | None = None
    """With --engine ray: address of a running cluster, "auto" for the one that this machine is part of; by default one
    is started on this machine."""
    workers: int = 1
    """Cases worked on at a time."""
    threads: int | None = None
    """Processors that each worker uses; by default this machine's, shared among the workers."""
    num_shards: int = 1
    """Divide the list into so many parts, for commands that run beside each other: job arrays, several machines."""
    shard: int = 0
    """Which of these parts to do, from 0."""
    minutes_per_case: float | None = None
    """End a case that takes longer."""
    memory_per_case: float | None = None
    """GB that a case may take; one that is expected to need more is refused before it begins. By default what this
    machine has, shared among the workers; on a cluster any."""
