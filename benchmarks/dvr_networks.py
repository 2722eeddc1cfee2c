"""What encoding a volume and drawing it cost with the networks of learned volume rendering, at the paper's widths.

    python benchmarks/dvr_networks.py [--voxels 192] [--pixels 200] [--models dvrnet vnet4-4 ...] [--frames 3]

Weights are random: the time of a frame depends on them only through the opacity at which rays end, which an untrained
network keeps low, so a trained one is drawn faster. ``--drawing-only`` puts random features of absorption 0.03 in the
encoder's place, which takes its minutes away. Seconds of processor time, which other work on the machine disturbs
least, and of the wall clock; the volume is the abdomen of a procedural torso. "anew" is what a frame costs without the
encoder's output kept.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from dvr_cases import abdomen
from tomosplat.dvr.build import build_model
from tomosplat.dvr.march import March
from tomosplat.dvr.model_settings import ModelSettings
from tomosplat.dvr.values import ValueRange
from tomosplat.geometry import fibonacci_directions, frame_bounds
from tomosplat.threads import n_threads

MODELS = ("dvrnet", "vnet4-4", "vnetl16-4", "vnetl16-17")
_EDGE_MM = 320.0


def clocks() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def elapsed(began: tuple[float, float]) -> list[float]:
    return [b - a for a, b in zip(began, clocks(), strict=True)]


def random_encoding(settings: ModelSettings, shape: tuple[int, int, int]) -> Any:
    """What ``encode`` would return, of random numbers."""
    with torch.device("meta"):
        like = build_model(settings).encode(torch.empty(shape))
    if isinstance(like, list):
        return [filled(level) for level in like]
    return filled(like)


def filled(level: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(level[0].shape), torch.full(level[1].shape, 0.03)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=192)
    parser.add_argument("--pixels", type=int, default=200)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--drawing-only", action="store_true")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    arguments = parser.parse_args()
    volume, _ = abdomen(0, _EDGE_MM, arguments.voxels)
    low, high = volume.grid.bounds
    cameras = frame_bounds((low, high), fibonacci_directions(arguments.frames), arguments.pixels, arguments.pixels)
    print(f"{arguments.voxels}³ voxels, {arguments.pixels}² pixels, {n_threads()} threads, torch {torch.__version__}\n")
    print("| model | encode: processor s | wall s | frame: processor s | wall s | anew ÷ kept |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    for name in arguments.models:
        settings = ModelSettings(name=name, classification="pre", associated=True)
        model = build_model(settings).eval()
        began = clocks()
        with torch.no_grad():
            encoded = (
                random_encoding(settings, volume.grid.shape)
                if arguments.drawing_only
                else model.encode(ValueRange.of([volume]).normalised(volume))
            )
        encoding = [float("nan")] * 2 if arguments.drawing_only else elapsed(began)
        frames = []
        for number in [0, *range(arguments.frames)]:  # the first has kernels compiled, or loaded
            began = clocks()
            with torch.no_grad():
                model.draw(encoded, volume.grid, cameras[number : number + 1], March(1.0, associated=True))
            frames.append(elapsed(began))
        processor, wall = (min(times) for times in zip(*frames, strict=True))
        print(
            f"| {name} | {encoding[0]:.1f} | {encoding[1]:.1f} | {processor:.2f} | {wall:.2f} | "
            f"{(encoding[0] + processor) / processor:.0f} |",
            flush=True,
        )
        del encoded, model


if __name__ == "__main__":
    main()
