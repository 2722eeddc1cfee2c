"""Beside the floors: lists of cases worked through by processes, resumable and whole or not at all.

Knows no medical type: a case is an id, something to hand to a function, and two hashes.
"""

from tomosplat.jobs.case import Case, Product, Work
from tomosplat.jobs.hashing import hash_data, hash_file, hash_files
from tomosplat.jobs.records import Records
from tomosplat.jobs.running import Outcome, run_cases

__all__ = [
    "Case",
    "Outcome",
    "Product",
    "Records",
    "Work",
    "hash_data",
    "hash_file",
    "hash_files",
    "run_cases",
]
