"""How long it takes to prime a scene, kernels compiled or not.

    python benchmarks/priming.py

The procedural torso at 1.5 mm, all organs, seen transfer functions, studio lights. Every run is a process of its own
that primes three times; "compiling" runs start with an empty kernel cache. Writes benchmarks/priming.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from tomosplat.machine import describe_machine, versions

STAGES = ("moments", "light", "whole priming", "write .ply", "read .ply")
_REPEATS = 3


def measure() -> None:
    """Print the seconds of each stage as JSON: first, best later one, and its processor time."""
    import numpy as np

    from tomosplat.anatomy import GROUP_OF_LABEL
    from tomosplat.files.scene_ply import read_ply, write_ply
    from tomosplat.gaussians import block_moments, prime
    from tomosplat.lighting import load_rig, march_light
    from tomosplat.transfer import TransferFunctions, apply_transfer
    from tomosplat.volume import torso

    volume, labels = torso()
    optical = apply_transfer(volume, labels, TransferFunctions.preset("seen"), GROUP_OF_LABEL)
    light = partial(march_light, optical, load_rig("studio"))
    seconds: dict[str, list[list[float]]] = {stage: [] for stage in STAGES}

    def clock() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.ply"
        for _ in range(_REPEATS):
            times = [clock()]
            blocks = block_moments(optical)
            times.append(clock())
            light(blocks.means, blocks.normals)
            times.append(clock())
            scene = prime(optical, light)
            times.append(clock())
            write_ply(path, scene)
            times.append(clock())
            read_ply(path)
            times.append(clock())
            for stage, start, end in zip(STAGES, times, times[1:], strict=False):
                seconds[stage].append([end[0] - start[0], end[1] - start[1]])
    table = {stage: (values[0][0], *np.min(values[1:], axis=0)) for stage, values in seconds.items()}
    print(json.dumps({"voxels": volume.values.size, "gaussians": len(scene), "seconds": table}))


def run(kernel_cache: str) -> dict[str, Any]:
    """Measure in a new process with its kernels in ``kernel_cache``."""
    command = [sys.executable, __file__, "--measure"]
    environment = os.environ | {"NUMBA_CACHE_DIR": kernel_cache}
    result = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def main() -> None:
    """Compare a process that compiles its kernels with one that finds them compiled."""
    with tempfile.TemporaryDirectory() as cache:
        compiling, compiled = run(cache), run(cache)
    rows = [
        f"| {stage} | {compiling['seconds'][stage][0]:.2f} | {compiled['seconds'][stage][0]:.2f} | "
        f"{compiled['seconds'][stage][1]:.2f} | {compiled['seconds'][stage][2]:.2f} |"
        for stage in STAGES
    ]
    machine = ", ".join(f"{key} {value}" for key, value in describe_machine().items())
    text = f"""# Priming a scene on the CPU

`python benchmarks/priming.py`: the procedural torso, {compiled["voxels"] / 1e6:.1f} M voxels of 1.5 mm, all organs,
{compiled["gaussians"]:,} Gaussians, studio lights. Seconds on the clock; "whole priming" holds moments and light again.

| stage | compiling (once per machine) | first in a process | again | again, processor time |
|---|---|---|---|---|
{chr(10).join(rows)}

Machine: {machine}; load average {os.getloadavg()[0]:.1f}.

Versions: {", ".join(f"{key} {value}" for key, value in versions().items())}.
"""
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    measure() if "--measure" in sys.argv else main()
