"""Predicted scenes beside path-traced truth, on scans that the network never saw.

    python benchmarks/feedforward.py SCAN[=LABELS][@mr] ... torso:100 [--checkpoints NAME=FILE ...]

Each case is coloured by its usual transfer functions, primed with marched light, predicted by each checkpoint, baked,
and drawn in a few views; truth is the mean of two denoised seeds. Needs the extra "denoise". Prints and writes a table.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat.feedforward.model import Model, load_model
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras, fibonacci_directions, frame_points
from tomosplat.lighting import load_rig
from tomosplat.machine import cache_dir, describe_machine, versions
from tomosplat.metrics import psnr, ssim
from tomosplat.pipeline.options import PredictingOptions, PrimingOptions, ScanOptions
from tomosplat.pipeline.predict import open_model, predict_prepared
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.scan import PreparedScan, color_scan, prepare_scan
from tomosplat.pipeline.transfer_files import usual_transfer_functions
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceSettings, denoise, pathtrace, rasterize
from tomosplat.report import Report
from tomosplat.volume.torso import torso


def prepared_case(name: str) -> tuple[str, PreparedScan]:
    """SCAN[=LABELS][@MODALITY] or torso:SEED, as a name and a scan on the working grid."""
    if name.startswith("torso:"):
        return name, PreparedScan(*torso(int(name.removeprefix("torso:"))))
    name, _, modality = name.partition("@")
    scan, _, labels = name.partition("=")
    options = ScanOptions(labels=Path(labels) if labels else None, modality=modality or None)
    stem = "" if not modality else f"-{Path(scan).name.partition('.')[0].lower()}"
    return f"{Path(scan).parent.name}{stem}", prepare_scan(Path(scan), options, Report())


def truth(prepared: PreparedScan, cameras: Cameras, samples: int, kept: Path) -> tuple[torch.Tensor, float]:
    """Mean of two denoised seeds [C, H, W, 3] sRGB, and their agreement in dB; traced unless they are kept."""
    if not kept.exists():
        np.savez(kept, pictures=_traced(prepared, cameras, samples))
    with np.load(kept) as file:
        first, second = torch.from_numpy(file["pictures"])
    return (first + second) / 2, float(psnr(first, second).mean())


def _traced(prepared: PreparedScan, cameras: Cameras, samples: int) -> NDArray[np.float32]:
    optical = color_scan(prepared, usual_transfer_functions(prepared.volume), None, Report())
    pictures = []
    for seed in (11, 12):
        settings = PathTraceSettings(samples=samples, seed=seed)
        pictures.append(denoise(pathtrace(optical, cameras, load_rig("studio"), settings=settings)).encoded()[..., :3])
    return np.stack(pictures)


def scenes(models: dict[str, Model], prepared: PreparedScan) -> Iterator[tuple[str, GaussianScene, float]]:
    """Name, scene and processor seconds of each method."""
    functions = usual_transfer_functions(prepared.volume)
    for method in ("march", *models, "bake"):
        start = time.process_time()
        if method in models:
            scene = predict_prepared(
                models[method], prepared, functions, None, PrimingOptions(), PredictingOptions(), Report()
            )
        else:
            options = PrimingOptions(light="bake" if method == "bake" else "march")
            scene = prime_prepared(prepared, functions, None, options, Report())
        yield method, scene, time.process_time() - start


def scores(scene: GaussianScene, cameras: Cameras, target: torch.Tensor) -> NDArray[np.float64]:
    """PSNR and SSIM."""
    with torch.no_grad():
        rgb = rasterize(scene, cameras).rgba[..., :3].clamp(0, 1)
    return np.array([float(psnr(rgb, target).mean()), float(ssim(rgb, target).mean())])


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="+", help="SCAN[=LABELS][@mr|@us] or torso:SEED")
    parser.add_argument("--checkpoints", nargs="*", default=[], help="NAME=FILE; without, the shipped weights")
    parser.add_argument("--views", type=int, default=3)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--cache", type=Path, default=cache_dir() / "benchmarks", help="keeps what is slow to make")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"))
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    models = {name: load_model(Path(path)) for name, path in (entry.split("=", 1) for entry in arguments.checkpoints)}
    models = models or {"predicted": open_model(None)}
    methods = ("march", *models, "bake")
    rows, total = [], {method: [] for method in methods}
    for name in arguments.cases:
        case, prepared = prepared_case(name)
        functions = usual_transfer_functions(prepared.volume)
        outline = optical_outline(color_scan(prepared, functions, None, Report()))
        directions = fibonacci_directions(2 * arguments.views + 1)[1::2]
        cameras = frame_points(outline, directions, arguments.size, arguments.size)
        kept = arguments.cache / f"feedforward_{case}_{arguments.views}_{arguments.size}_{arguments.samples}.npz"
        target, agreement = truth(prepared, cameras, arguments.samples, kept)
        cells = []
        for method, scene, seconds in scenes(models, prepared):
            score = scores(scene, cameras, target)
            total[method].append(score)
            cells.append(f"{score[0]:.2f} / {score[1]:.4f} / {seconds:.1f} s")
        rows.append(f"| {case} | {' | '.join(cells)} | {agreement:.1f} |")
        print(rows[-1], flush=True)
    means = " | ".join("{:.2f} / {:.4f}".format(*np.mean(total[method], axis=0)) for method in methods)
    machine = ", ".join(f"{key} {value}" for key, value in describe_machine().items())
    hashes = "".join(f"{name}: SHA-256 {model.sha256}.\n" for name, model in models.items())
    text = (
        "# Feed-forward prediction beside path-traced truth\n\n`python benchmarks/feedforward.py CASES --checkpoints "
        f"…`\n\n{hashes}\n{arguments.views} views of {arguments.size}² each, the scan's usual transfer functions, "
        f"studio lights; truth: mean of two denoised seeds of {arguments.samples} samples. PSNR in dB / SSIM / "
        f"processor seconds.\n\n| case | {' | '.join(methods)} | two seeds, dB |\n|{'---|' * (len(methods) + 2)}\n"
        + "\n".join(rows)
        + f"\n| mean | {means} | |\n\nLoad average {os.getloadavg()[0]:.1f}. Machine: {machine}. "
        f"Versions: {', '.join(f'{k} {v}' for k, v in versions().items())}.\n"
    )
    arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
