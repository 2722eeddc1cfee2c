"""What encoding a volume and drawing it cost with the networks of learned volume rendering, at the paper's widths.

    python benchmarks/dvr_networks.py [--voxels 192] [--pixels 200] [--models dvrnet vnet4-4 ...] [--frames 3]

Weights are random: the time of a frame depends on them only through the opacity at which rays end, which an untrained
network keeps low, so a trained one is drawn faster. Seconds of processor time, which other work on the machine disturbs
least, and of the wall clock; the volume is the abdomen of a procedural torso. "anew" is what a frame costs without the
encoder's output kept.
"""

from __future__ import annotations

import argparse
import time

import torch

from dvr_cases import abdomen
from tomosplat.dvr.build import build_model
from tomosplat.dvr.checkpoints import TrainedRenderer
from tomosplat.dvr.encoded import EncodedVolume
from tomosplat.dvr.model_settings import ModelSettings
from tomosplat.dvr.values import ValueRange
from tomosplat.geometry import fibonacci_directions, frame_bounds
from tomosplat.threads import n_threads

MODELS = ("dvrnet", "vnet4-4", "vnetl16-4", "vnetl16-17")
_EDGE_MM = 320.0


def clocks() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=192)
    parser.add_argument("--pixels", type=int, default=200)
    parser.add_argument("--frames", type=int, default=3)
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
        trained = TrainedRenderer(build_model(settings), settings, ValueRange.of([volume]), 1.0)
        began = clocks()
        encoded = EncodedVolume(trained, volume)
        encoding = [b - a for a, b in zip(began, clocks(), strict=True)]
        encoded.draw(cameras[:1])  # kernels are compiled, or loaded
        frames = []
        for number in range(arguments.frames):
            began = clocks()
            encoded.draw(cameras[number : number + 1])
            frames.append([b - a for a, b in zip(began, clocks(), strict=True)])
        processor, wall = (min(times) for times in zip(*frames, strict=True))
        print(
            f"| {name} | {encoding[0]:.1f} | {encoding[1]:.1f} | {processor:.2f} | {wall:.2f} | "
            f"{(encoding[0] + processor) / processor:.0f} |",
            flush=True,
        )
        del encoded, trained


if __name__ == "__main__":
    main()
