"""What filling and fitting 40 slices of 160² costs: a volume of 160³ of which every fourth slice is given.

    OMP_NUM_THREADS=1 python benchmarks/slices.py

The generated torso at 2 mm. Each command is a process of its own, measured from its start to its end, reading and
writing included. Writes benchmarks/slices.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tomosplat import machine
from tomosplat.files.volumes import write_volume
from tomosplat.geometry import Grid
from tomosplat.volume import torso
from tomosplat.volume.resample import resample

SIZE, EVERY = 160, 4
COMMANDS = {
    "slices fill, draft": "slices fill -s thick.nii.gz -o draft.nii.gz --interp 4 --quality draft",
    "slices fill": "slices fill -s thick.nii.gz -o fine.nii.gz --interp 4",
    "slices fit, draft": "slices fit -s thick.nii.gz -m draft --quality draft --pitch 3 --iterations 200",
    "slices fit": "slices fit -s thick.nii.gz -m fit",
    "slices render": "slices render -m fit --interp 4 --volume shown.nii.gz",
}


def write_thick(path: Path) -> None:
    """Every fourth slice of a torso of 160³ voxels."""
    volume, _ = torso()
    whole = resample(volume, Grid.axis_aligned((SIZE,) * 3, 2.0, volume.grid.center - 2.0 * (SIZE - 1) / 2))
    affine = whole.grid.affine.copy()
    affine[:3, 2] *= EVERY
    values = np.ascontiguousarray(whole.values[..., ::EVERY])
    write_volume(path, values, Grid((SIZE, SIZE, values.shape[2]), affine))


def measured(words: str, folder: Path) -> tuple[float, float, float]:
    """Wall clock and processor seconds of all threads, and the most memory in GB."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "tomosplat", *words.split()], cwd=folder)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} failed")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6


def main() -> None:
    """Measure and write."""
    lines = ["| command | wall s | CPU s | GB |", "| --- | ---: | ---: | ---: |"]
    with tempfile.TemporaryDirectory() as name:
        write_thick(Path(name) / "thick.nii.gz")
        for title, words in COMMANDS.items():
            wall, cpu, memory = measured(words, Path(name))
            lines.append(f"| {title} | {wall:.0f} | {cpu:.0f} | {memory:.1f} |")
            print(lines[-1], flush=True)
    commands = "\n".join(f"tomosplat {words}" for words in COMMANDS.values())
    text = (
        "# Volumes from few slices: time and memory\n\n`OMP_NUM_THREADS=1 python benchmarks/slices.py`\n\n"
        f"{SIZE // EVERY} slices of {SIZE}², a quarter of {SIZE}³ (the generated torso). CPU: processor seconds of all "
        "threads together, starting Python included; that is what counts where the machine does other "
        "work too, as it did here.\n\n"
        f"```\n{commands}\n```\n\n" + "\n".join(lines) + f"\n\nMachine: {machine.describe_machine()}.\n"
    )
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
