"""How long it takes to prime a scene, kernels compiled or not.

    python benchmarks/priming.py            # speed
    python benchmarks/priming.py --quality [--seeds 2 3]  # the demo CT at 400² beside path-traced truth

Speed: the procedural torso at 1.5 mm, all organs, seen transfer functions, studio lights. Every run is a process
of its own that primes three times; "compiling" runs start with an empty kernel cache. Quality needs the extra
"denoise".
Writes benchmarks/priming.md, the part that was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from tomosplat.machine import cache_dir, describe_machine, versions

STAGES = ("moments", "light", "whole priming", "write .ply", "read .ply")
_REPEATS = 3
#: Views on which constants of the bake were compared.
_TUNED_ON = (0, 3, 6)


def measure() -> None:
    """Print the seconds of each stage as JSON: first, best later one, and its processor time."""
    import numpy as np

    from tomosplat.anatomy import GROUP_OF_LABEL
    from tomosplat.files.scene_ply import read_ply, write_ply
    from tomosplat.gaussians import BlockMoments, Light, block_moments, prime
    from tomosplat.lighting import load_rig
    from tomosplat.render import march_blocks
    from tomosplat.transfer import TransferFunctions, apply_transfer
    from tomosplat.volume import torso

    volume, labels = torso()
    optical = apply_transfer(volume, labels, TransferFunctions.preset("seen"), GROUP_OF_LABEL)
    rig = load_rig("studio")
    seconds: dict[str, list[list[float]]] = {stage: [] for stage in STAGES}

    def light(blocks: BlockMoments) -> Light:
        return Light(march_blocks(optical, rig, blocks))

    def clock() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.ply"
        for _ in range(_REPEATS):
            times = [clock()]
            blocks = block_moments(optical)
            times.append(clock())
            light(blocks)
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


def quality(folder: Path, seeds: list[int]) -> str:
    """The demo CT primed with each kind of light; views as ``fitting.py`` tests on, and keeps in the folder."""
    import numpy as np

    from fitting import clock, demo, scores, traced
    from tomosplat.fitting import View
    from tomosplat.pipeline.options import PrimingOptions
    from tomosplat.pipeline.prime import prime_prepared
    from tomosplat.pipeline.transfer_files import load_transfer_functions
    from tomosplat.report import Report

    sets = [traced(folder, "test", 400, 32, seed) for seed in seeds]
    views = [View(same[0].camera, sum(view.rgba for view in same) / len(same)) for same in zip(*sets, strict=True)]
    test = [view for n, view in enumerate(views) if n not in _TUNED_ON]
    rows = []
    for name, options in {
        "none": PrimingOptions(light="none"),
        "march": PrimingOptions(light="march"),
        "bake": PrimingOptions(light="bake"),
        "bake, unseen dropped": PrimingOptions(light="bake", drop_unseen=True),
    }.items():
        start, functions = clock(), load_transfer_functions("seen")
        scene = prime_prepared(demo()[0], functions, None, options, Report())
        seconds = clock() - start
        if not rows:  # the first loads and compiles; time it again
            start = clock()
            scene = prime_prepared(demo()[0], functions, None, options, Report())
            seconds = clock() - start
        whole, inside, structure = scores(scene, test)
        rows.append(
            f"| {name} | {len(scene):,} | {whole:.2f} | {inside:.2f} | {structure:.4f} | {seconds[1]:.1f} | "
            f"{seconds[0]:.1f} |"
        )
        print(rows[-1], flush=True)
    pairs = [(a.rgba, b.rgba) for one, other in pairwise(sets) for a, b in zip(one, other, strict=True)]
    unlike = np.mean([float((a - b)[..., :3].square().mean()) for a, b in pairs]) if pairs else np.nan
    apart = f", {-10 * np.log10(unlike):.1f} dB from each other" if pairs else ""
    return (
        f"Demo CT at 400², no training, {len(test)} views that nothing was tuned on but the width along "
        "surfaces (0.7 for 0.6: 0.4 dB); truth: denoised, 32 samples, "
        f"mean of seeds {', '.join(map(str, seeds))}{apart}. Colouring and priming; CPU: processor time / "
        "threads.\n\n| light | Gaussians | PSNR | foreground | SSIM | CPU s | wall s |\n|---|---|---|---|---|---|---|\n"
        + "\n".join(rows)
    )


def speed() -> str:
    """Compare a process that compiles its kernels with one that finds them compiled."""
    with tempfile.TemporaryDirectory() as cache:
        compiling, compiled = run(cache), run(cache)
    rows = [
        f"| {stage} | {compiling['seconds'][stage][0]:.2f} | {compiled['seconds'][stage][0]:.2f} | "
        f"{compiled['seconds'][stage][1]:.2f} | {compiled['seconds'][stage][2]:.2f} |"
        for stage in STAGES
    ]
    return f"""The procedural torso, {compiled["voxels"] / 1e6:.1f} M voxels of 1.5 mm, all organs,
{compiled["gaussians"]:,} Gaussians, studio lights. Seconds on the clock; "whole priming" holds moments and light again.

| stage | compiling (once per machine) | first in a process | again | again, processor time |
|---|---|---|---|---|
{chr(10).join(rows)}"""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3], help="of the truth")
    parser.add_argument("--cache", type=Path, default=cache_dir() / "benchmarks", help="keeps what is slow to make")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    kept = arguments.cache / "priming.json"
    parts: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    measured = quality(arguments.cache, arguments.seeds) if arguments.quality else speed()
    parts["quality" if arguments.quality else "speed"] = f"{measured}\n\nLoad average {os.getloadavg()[0]:.1f}."
    kept.write_text(json.dumps(parts))
    machine = ", ".join(f"{key} {value}" for key, value in describe_machine().items())
    about = f"Machine: {machine}. Versions: {', '.join(f'{k} {v}' for k, v in versions().items())}."
    body = "\n\n".join(parts[name] for name in ("speed", "quality") if name in parts)
    command = f"python benchmarks/priming.py [--quality --seeds {' '.join(map(str, arguments.seeds))}]"
    text = f"# Priming a scene on the CPU\n\n`{command}`\n\n{body}\n\n{about}\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    measure() if "--measure" in sys.argv else main()
