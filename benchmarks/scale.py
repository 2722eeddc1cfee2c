"""What a list of cases costs beside its work: 10,000 empty cases, and the same work by one worker and by two.

python benchmarks/scale.py [--cases 10000] [--ray]
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from tomosplat.jobs import Case, Engine, Local, Product, Work, hash_data, run_cases
from tomosplat.report import Progress


def nothing(payload: Any, scratch: Path, progress: Progress) -> Product:
    """An output of one byte."""
    path = scratch / "nothing"
    path.write_text("0")
    return Product({f"{payload}.txt": path})


def work(payload: Any, scratch: Path, progress: Progress) -> Product:
    """A second or so of one processor."""
    total = 0
    for n in range(20_000_000):
        total += n
    (scratch / "sum").write_text(str(total))
    return Product({f"{payload}.txt": scratch / "sum"})


def cases(n: int) -> list[Case]:
    return [Case(f"case-{i:05d}", f"case-{i:05d}", 1.0, hash_data(i), hash_data("")) for i in range(n)]


def measured(what: str, listed: list[Case], work: Work, folder: Path, engine: Engine) -> None:
    """Print seconds on the clock and of all processors (this process and those that have ended)."""
    before, start = os.times(), time.perf_counter()
    outcome = run_cases(listed, work, folder, engine=engine)
    wall, after = time.perf_counter() - start, os.times()
    assert len(outcome.done) + len(outcome.skipped) == len(listed)
    spent = sum(after[:4]) - sum(before[:4])
    print(f"| {what} | {len(listed):,} | {wall:.1f} | {spent:.1f} | {1e3 * spent / len(listed):.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--busy", type=int, default=8, help="cases of about a second")
    parser.add_argument("--ray", action="store_true", help="also with Ray's actors (extra ray)")
    options = parser.parse_args()
    engines: dict[str, Engine] = {"local, 1 worker": Local(1), "local, 2 workers": Local(2)}
    if options.ray:
        from tomosplat.jobs.actors import RayActors

        engines["ray, 2 actors"] = RayActors(2)
    print("| what | cases | clock s | processors s | processor ms per case |\n|---|---|---|---|---|")
    folder = Path(tempfile.mkdtemp())
    try:
        for name, engine in engines.items():
            measured(f"empty, {name}", cases(options.cases), nothing, folder / name, engine)
            measured("the same again, all done", cases(options.cases), nothing, folder / name, engine)
        for name, engine in engines.items():
            measured(f"work, {name}", cases(options.busy), work, folder / f"busy {name}", engine)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
