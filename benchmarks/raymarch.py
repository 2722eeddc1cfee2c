"""Speed of the ray marcher beside VTK's CPU ray caster and its GPU mapper; writes ``raymarch.md``.

    pip install vtk
    python benchmarks/raymarch.py [--rounds 5] [--spacing 1.5] [--pictures DIR]

One procedural torso, 512² pixels, one transfer function for all tissue, headlight shading, the same step. All
candidates take turns in one process, from a new side in every round. Both keep what they prepared for their first
picture, which is timed by itself. "CPU" is processor time divided by the number of threads, which other work on the
machine disturbs least; "wall" is what passed on the clock.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import truediv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raymarch_vtk import VtkRenderer
from tomosplat import machine
from tomosplat.files.images import to_bytes, write_png
from tomosplat.geometry import Cameras, frame_bounds, sphere_directions
from tomosplat.render import Raymarcher, RaymarchSettings, Shading
from tomosplat.render.raymarching.settings import Classification
from tomosplat.threads import n_threads
from tomosplat.transfer import TransferFunction, TransferFunctions
from tomosplat.volume import LabelMap, Volume, torso

HERE = Path(__file__).resolve().parent
SIZE = 512
# VTK shades every voxel fully, so ours must not fade.
SHADING = Shading(ambient=0.25, diffuse=0.75, specular=0.15, shininess=24, fade=0)
FUNCTIONS = {
    "bone and contrast": [[120, 0.6, 0.1, 0.1, 0], [200, 0.85, 0.35, 0.2, 0.3], [350, 1, 0.95, 0.85, 0.95]],
    "see-through": [
        [-700, 0.9, 0.7, 0.6, 0],
        [-200, 0.9, 0.7, 0.6, 0.02],
        [80, 0.8, 0.3, 0.2, 0.03],
        [400, 1, 1, 1, 0.8],
    ],
}
GROUP_OF_LABEL = np.ones(256, np.uint8)


@dataclass
class Timing:
    """Milliseconds of one candidate: of its first picture, and of each later view on the clock and per thread."""

    first: float = 0.0
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def timed(work: Callable[[Cameras], object], cameras: Cameras) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work(cameras)
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu) / n_threads()


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Over what either picture shows, in front of black."""
    seen = (a.max(axis=-1) > 0) | (b.max(axis=-1) > 0)
    return float(-10 * np.log10(max(float(np.mean((a[seen] - b[seen]) ** 2)), 1e-12)))


def measure(
    volume: Volume, function: TransferFunction, step_mm: float, rounds: int, pictures: Path | None, name: str
) -> list[str]:
    """Time all candidates at one step; returns rows of the table."""
    labels = LabelMap(np.zeros(volume.grid.shape, np.uint8), volume.grid)
    functions = TransferFunctions({1: function}, name)

    def prepare(classification: Classification) -> Raymarcher:
        settings = RaymarchSettings(step_mm=step_mm, shading=SHADING, jitter=False, classification=classification)
        return Raymarcher(volume, labels, functions, GROUP_OF_LABEL, settings=settings)

    def prepared(classification: Classification) -> Callable[[Cameras], NDArray[np.float32]]:
        """Prepares at its first picture, as VTK does."""
        marchers: list[Raymarcher] = []

        def draw(cameras: Cameras) -> NDArray[np.float32]:
            if not marchers:
                marchers.append(prepare(classification))
            picture: NDArray[np.float32] = marchers[0].draw(cameras).rgba[0, ..., :3].numpy()
            return picture

        return draw

    fixed = VtkRenderer(volume, function, SHADING, step_mm, SIZE, gpu=False)
    gpu = VtkRenderer(volume, function, SHADING, step_mm, SIZE, gpu=True)
    views = frame_bounds(volume.grid.bounds, sphere_directions(20 + 35 * np.arange(rounds + 1), 12), SIZE, SIZE)
    candidates: dict[str, Callable[[Cameras], NDArray[np.float32]]] = {
        "tomosplat": prepared("post"),
        "tomosplat, pre-integrated": prepared("preintegrated"),
        "VTK fixed-point": fixed.render,
        "VTK GPU mapper, llvmpipe": gpu.render,
    }
    timings = {label: Timing(timed(work, views[:1])[0]) for label, work in candidates.items()}
    for number in range(1, rounds + 1):
        for label, work in candidates.items():
            wall, cpu = timed(work, views[number : number + 1])
            timings[label].wall.append(wall)
            timings[label].cpu.append(cpu)
    shown = {label: work(views[:1]) for label, work in candidates.items()}
    truth = shown["tomosplat"]
    if pictures:
        for label, picture in shown.items():
            opaque = np.concatenate([picture, np.ones((SIZE, SIZE, 1), np.float32)], axis=-1)
            stem = f"{name}-{step_mm:g}-{label}".replace(" ", "_").replace(",", "")
            write_png(pictures / f"{stem}.png", to_bytes(opaque, None))
    base = timings["tomosplat"]
    rows = []
    for label, timing in timings.items():
        wall, cpu = statistics.median(timing.wall), statistics.median(timing.cpu)
        slower = [statistics.median(map(truediv, *pair)) for pair in ((timing.cpu, base.cpu), (timing.wall, base.wall))]
        quality = f"{psnr(truth, shown[label]):.1f}" if label != "tomosplat" else ""
        rows.append(
            f"| {name} | {step_mm:g} | {label} | {timing.first:.0f} | {cpu:.0f} | {wall:.0f} | "
            f"{slower[0]:.2f} | {slower[1]:.2f} | {quality} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spacing", type=float, default=1.5)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    volume, _ = torso(3, options.spacing)
    warm_up = Volume(volume.values[:32, :32, :32], type(volume.grid)((32, 32, 32), volume.grid.affine), "HU")
    rows = []
    for name, points in FUNCTIONS.items():
        function = TransferFunction(np.array(points))
        measure(warm_up, TransferFunction(np.array([[-2000, 1, 1, 1, 0.1]])), 1.0, 1, None, "warm up")
        for share in (0.5, 1.0):
            rows += measure(volume, function, share * options.spacing, options.rounds, options.pictures, name)
            print("\n".join(rows[-4:]), flush=True)
    text = f"""# Ray marching on the CPU

`python benchmarks/raymarch.py --rounds {options.rounds} --spacing {options.spacing:g}`: procedural torso,
{" × ".join(map(str, volume.grid.shape))} voxels, {SIZE}² pixels, linear interpolation, headlight shading, one function
for all tissue. Milliseconds of the first picture, preparation included, and of later views: CPU is processor time /
threads, wall the clock, medians; ratios are to ours, per round. PSNR is to ours, over what is seen. VTK's fixed-point
mapper is the odd one out (it darkens towards the sides); its GPU mapper draws what ours does. The aim, half the time of
the fixed-point mapper on every line, holds where its rows say 2.00 or more.

| function | step mm | renderer | first picture | CPU | wall | × ours, CPU | × ours, wall | PSNR dB |
|---|---|---|---|---|---|---|---|---|
""" + "\n".join(rows)
    versions = machine.versions() | {"vtk": machine.version_of("vtk")}
    (HERE / "raymarch.md").write_text(f"{text}\n\nMachine: {machine.describe_machine()}.\nVersions: {versions}.\n")


if __name__ == "__main__":
    main()
