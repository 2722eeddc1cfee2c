"""How long the demo CT takes from file to first picture, kernels compiled or not, and how much memory.

    python benchmarks/demo.py

Fetches the demo scan first if the cache does not hold it (not timed). Every run is a process of its own; "cold" runs
start with an empty kernel cache. Writes benchmarks/demo.md.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tomosplat.files.demo_scan import fetch_demo_scan
from tomosplat.machine import describe_machine, versions

RUNS = {"cold": 2, "warm": 3}


def run(kernel_cache: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "tomosplat", "demo", "--output", folder, "--report", str(report)]
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=os.environ | {"NUMBA_CACHE_DIR": kernel_cache},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        first_picture = Path(folder) / "chest.png"
        while process.poll() is None and not first_picture.exists():
            time.sleep(0.02)
        to_first_picture = time.perf_counter() - start
        _, errors = process.communicate()
        if process.returncode:
            raise SystemExit(f"the demo failed:\n{errors}")
        data = json.loads(report.read_text())
        return {
            "first picture": to_first_picture,
            "all": time.perf_counter() - start,
            "peak GB": data["peak_memory_mb"] / 1000,
            **data["stages_s"],
        }


def main() -> None:
    fetch_demo_scan()
    rows: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
    for _ in range(RUNS["cold"]):
        with tempfile.TemporaryDirectory() as cache:
            rows["cold"].append(run(cache))
    with tempfile.TemporaryDirectory() as cache:
        run(cache)
        rows["warm"] = [run(cache) for _ in range(RUNS["warm"])]

    names = list(rows["warm"][0])
    lines = [
        "# The demo CT from file to pictures",
        "",
        "`python benchmarks/demo.py`; median over "
        f"{RUNS['cold']} cold processes (empty kernel cache) and {RUNS['warm']} warm ones.",
        '"first picture" counts from the start of the process until the PNG lies in the folder.',
        "",
        "| seconds (unless named) | cold | warm |",
        "|---|---|---|",
    ]
    for name in names:
        cold, warm = (statistics.median(row[name] for row in rows[kind]) for kind in ("cold", "warm"))
        lines.append(f"| {name} | {cold:.2f} | {warm:.2f} |")
    machine = describe_machine()
    lines += ["", f"{machine['cpus']} cores, {machine['memory_gb']} GB, {machine['system']}; {versions()}"]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
