"""The path tracer against Mitsuba 3 at equal noise, on the procedural torso's organs, in one run.

    python benchmarks/pathtrace.py [--demo CT LABELS]

Needs ``pip install mitsuba``. Efficiency is 1 / (variance of luminance · CPU seconds), so the ratio says how much
longer Mitsuba takes to the same noise. Times are of the process's CPU, which other work on the machine disturbs less
than wall time; both run on all cores. Writes benchmarks/pathtrace.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mitsuba as mi
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from tests.render.pathtrace.mitsuba_twin import twin_scene

from tomosplat.anatomy import GROUP_OF_LABEL, resolve_organs
from tomosplat.files.scans import read_labels, read_volume
from tomosplat.geometry import Cameras, frame_bounds, sphere_directions
from tomosplat.lighting import load_rig
from tomosplat.machine import describe_machine, versions
from tomosplat.render import PathTraceOutput, PathTraceSettings, pathtrace
from tomosplat.transfer import TransferFunctions, apply_transfer
from tomosplat.volume import OpticalVolume
from tomosplat.volume.resample import resample, resample_labels, working_grid
from tomosplat.volume.torso import torso

ORGANS = "spleen,liver,digestive,gland,lung,trachea,cardiovascular,urogenital"
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
#: 1/mm of a fully opaque voxel in the soft scene: 40 over half of a 336 mm cube, as volume renderers scale opacity.
SOFT_EXTINCTION = 40 / 168
SIZE, ROUNDS = 128, 3


@dataclass(frozen=True)
class Run:
    """One picture: its mean luminance and alpha, variance of a path, CPU seconds of a path."""

    luminance: float
    alpha: float
    variance: float
    seconds: float

    @property
    def efficiency(self) -> float:
        """One over (variance of a path · its CPU seconds)."""
        return 1 / (self.variance * self.seconds)


def organs(spacing_mm: float = 1.5) -> OpticalVolume:
    """The torso's organs with the "seen" transfer functions; colours go on into empty voxels, for Mitsuba's sake.

    Mitsuba interpolates albedo unweighted, so black empty voxels would darken its borders and nothing else.
    """
    volume, labels = torso(0, spacing_mm)
    optical = apply_transfer(
        volume, labels, TransferFunctions.preset("seen"), GROUP_OF_LABEL, visible=resolve_organs(ORGANS)
    )
    nearest = distance_transform_edt(optical.extinction == 0, return_distances=False, return_indices=True)
    return OpticalVolume(optical.extinction, optical.rgb[tuple(nearest)], optical.labels, optical.grid)


def soften(optical: OpticalVolume) -> OpticalVolume:
    """Extinction in proportion to opacity, the soft look that Mitsuba can afford."""
    opacity = -np.expm1(-1.5 * optical.extinction)
    return OpticalVolume((SOFT_EXTINCTION * opacity).astype(np.float32), optical.rgb, optical.labels, optical.grid)


def view(optical: OpticalVolume, size: int) -> Cameras:
    """From the front and a little to the side, filling the picture with what is visible."""
    seen = np.argwhere(optical.extinction > 0.02)
    low, high = (optical.grid.to_world(end) for end in (seen.min(axis=0), seen.max(axis=0)))
    return frame_bounds((low, high), sphere_directions(20, 5), size, size, 20)


def timed(work: Callable[[], NDArray[np.float64]], samples: int) -> Run:
    """Time ``work``, which returns mean luminance, its second moment and alpha for each pixel, [H, W, 3]."""
    start = time.process_time()
    moments = work()
    seconds = time.process_time() - start
    variance = np.maximum(moments[..., 1] - moments[..., 0] ** 2, 0) * samples / (samples - 1)
    mean, _, alpha = moments.mean(axis=(0, 1))
    return Run(float(mean), float(alpha), float(variance.mean()), seconds / (samples * SIZE * SIZE))


def ours(optical: OpticalVolume, cameras: Cameras, settings: PathTraceSettings) -> Run:
    def work() -> NDArray[np.float64]:
        out = pathtrace(optical, cameras, load_rig("studio"), settings=settings)
        mean = out.radiance[0] @ LUMINANCE
        error = out.standard_error[0] @ LUMINANCE
        square = error**2 * (settings.samples - 1) + mean**2
        return np.stack([mean, square, out.alpha[0]], axis=-1).astype(np.float64)

    return timed(work, settings.samples)


def mitsuba(optical: OpticalVolume, cameras: Cameras, settings: PathTraceSettings, kind: str, roulette: int) -> Run:
    description = twin_scene(optical, cameras, load_rig("studio"), settings)
    inner = description["integrator"] | {"type": kind, "rr_depth": roulette}
    scene = mi.load_dict(description | {"integrator": {"type": "moment", "inner": inner}})

    def work() -> NDArray[np.float64]:
        # RGBA, then X Y Z and their second moments; Y is luminance.
        image = np.array(mi.render(scene, spp=settings.samples, seed=settings.seed), np.float64)
        return image[..., [5, 8, 3]]

    return timed(work, settings.samples)


#: Mitsuba's roulette from depth 8 on loses light in dense media, so both are shown.
RIVALS = {
    "Mitsuba volpath, roulette from depth 8": ("volpath", 8),
    "Mitsuba volpath, no roulette": ("volpath", 1_000_000),
    "Mitsuba volpathmis, no roulette": ("volpathmis", 1_000_000),
}


def compare(name: str, optical: OpticalVolume, mitsuba_samples: int) -> list[str]:
    """Interleave all renderers for some rounds; medians."""
    cameras = view(optical, SIZE)
    runs: dict[str, list[Run]] = {"tomosplat": [], **{rival: [] for rival in RIVALS}}
    for seed in range(ROUNDS):
        how = PathTraceSettings(samples=32, seed=seed, antialias=0.0)
        runs["tomosplat"].append(ours(optical, cameras, how))
        for rival, (kind, roulette) in RIVALS.items():
            how = PathTraceSettings(samples=mitsuba_samples, seed=seed)
            runs[rival].append(mitsuba(optical, cameras, how, kind, roulette))
    median = {
        key: [statistics.median(getattr(run, field) for run in rows) for field in ("luminance", "alpha", "seconds")]
        + [statistics.median(run.efficiency for run in rows)]
        for key, rows in runs.items()
    }
    _, _, own_seconds, own_efficiency = median["tomosplat"]
    lines = [
        "",
        f"## {name}: peak extinction {optical.extinction.max():.2f} per mm, {SIZE}x{SIZE} pixels",
        "",
        "| renderer | mean luminance | alpha | CPU µs a path | slower per path | slower at equal noise |",
        "|---|---|---|---|---|---|",
    ]
    for key, (luminance, alpha, seconds, efficiency) in median.items():
        lines.append(
            f"| {key} | {luminance:.5f} | {alpha:.4f} | {seconds * 1e6:.2f} | {seconds / own_seconds:.0f}x | "
            f"{own_efficiency / efficiency:.0f}x |"
        )
    return lines


def demo(ct: Path, labels: Path) -> list[str]:
    """Pictures of a real CT at 512², 64 samples a pixel."""
    scan = read_volume(ct)
    grid = working_grid(scan.grid, 1.5)
    volume, organs_of = resample(scan, grid), resample_labels(read_labels(labels, like=scan.grid), grid)
    lines = [
        "",
        "## A chest CT at 512x512, 64 samples a pixel (1.5 mm grid, rig studio, default settings)",
        "",
        "| shown | CPU s / 2 | wall s | relative error | pixels with tissue |",
        "|---|---|---|---|---|",
    ]
    for name, organs_shown in (("all classes", None), ("skeleton", "skeleton"), ("organs", ORGANS)):
        visible = resolve_organs(organs_shown) if organs_shown else None
        optical = apply_transfer(volume, organs_of, TransferFunctions.preset("seen"), GROUP_OF_LABEL, visible=visible)
        cpu, wall = time.process_time(), time.perf_counter()
        out: PathTraceOutput = pathtrace(
            optical, view(optical, 512), load_rig("studio"), settings=PathTraceSettings(samples=64)
        )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        covered = float((out.alpha > 0.5).mean())
        lines.append(f"| {name} | {cpu / 2:.1f} | {wall:.1f} | {out.relative_error[0]:.3f} | {covered:.0%} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", nargs=2, type=Path, metavar=("CT", "LABELS"))
    arguments = parser.parse_args()
    mi.set_variant("scalar_rgb")
    mi.set_log_level(mi.LogLevel.Error)
    dense = organs()
    # Compiled kernels are loaded once, here.
    ours(dense, view(dense, SIZE), PathTraceSettings(samples=2))
    lines = [
        "# The path tracer against Mitsuba",
        "",
        "`python benchmarks/pathtrace.py`: the procedural torso's organs (seed 0, 1.5 mm), rig studio, isotropic, at",
        f"most 32 collisions. Median of {ROUNDS} interleaved rounds. Slower at equal noise: ratio of",
        "1 / (variance · CPU time). Mean luminance differs by what Mitsuba loses by interpolating albedo without its",
        "weight, extinction; where albedo is constant both agree (tests/render/pathtrace/test_mitsuba.py).",
    ]
    lines += compare("Soft organs", soften(dense), 16)
    lines += compare("Dense organs", dense, 4)
    if arguments.demo:
        lines += demo(*arguments.demo)
    found = describe_machine()
    lines += [
        "",
        f"{found['cpus']} cores, {found['memory_gb']} GB, {found['system']}; Mitsuba {mi.__version__} scalar_rgb;",
        f"{versions()}",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
