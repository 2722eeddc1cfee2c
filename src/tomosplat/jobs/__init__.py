"""Beside the floors: lists of cases worked through by processes or a cluster, resumable and whole or not at all.

Knows no medical type: a case is an id, something to hand to a function, and two hashes.
"""

from tomosplat.jobs.case import Case, Product, Stage, Staged, Work
from tomosplat.jobs.engine import Engine
from tomosplat.jobs.hashing import hash_data, hash_file, hash_files
from tomosplat.jobs.manifest import known_hashes
from tomosplat.jobs.pool import Local
from tomosplat.jobs.records import Records
from tomosplat.jobs.running import Limits, Outcome, run_cases
from tomosplat.jobs.shards import Shard

__all__ = [
    "Case",
    "Engine",
    "Limits",
    "Local",
    "Outcome",
    "Product",
    "Records",
    "Shard",
    "Stage",
    "Staged",
    "Work",
    "hash_data",
    "hash_file",
    "hash_files",
    "known_hashes",
    "run_cases",
]
