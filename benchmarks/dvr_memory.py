"""Peak memory and processor time of one training step of a learned renderer at the paper's widths.

    for n in 64 96 128 192 256; do python benchmarks/dvr_memory.py --voxels $n; done
    python benchmarks/dvr_memory.py --voxels 192 --model dvrnet [--keep]

Forward, backward and Adam, on random values, one sample per voxel. A step on a small volume comes first: it compiles
kernels and makes Adam's memories. One case to a process, whose peak is the system's own count. ``--keep`` leaves
recomputing out. At 256³ a step takes minutes.
"""

from __future__ import annotations

import argparse
import time

import torch

from tomosplat import machine
from tomosplat.dvr.build import build_model
from tomosplat.dvr.march import March
from tomosplat.dvr.memory import training_bytes
from tomosplat.dvr.model_settings import ModelSettings
from tomosplat.dvr.training_settings import DvrTrainSettings
from tomosplat.geometry import Grid, fibonacci_directions, frame_bounds
from tomosplat.threads import n_threads

MODELS = ("vnet4-4", "vnetl16-4", "vnetl16-17", "dvrnet")
_FIRST = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=128)
    parser.add_argument("--pixels", type=int, default=200)
    parser.add_argument("--model", choices=MODELS, default="vnet4-4")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    settings = DvrTrainSettings(
        model=ModelSettings(name=arguments.model, classification="pre", associated=True, recompute=not arguments.keep)
    )
    before = machine.peak_memory()
    estimate = training_bytes(settings, (arguments.voxels,) * 3, (arguments.pixels,) * 2)
    model = build_model(settings.model).train()
    adam = torch.optim.Adam(model.parameters(), lr=settings.adam_rate)

    def step(n: int) -> None:
        grid = Grid.axis_aligned((n, n, n), 1.0, (0.0, 0.0, 0.0))
        cameras = frame_bounds(
            grid.bounds, fibonacci_directions(settings.n_pictures), arguments.pixels, arguments.pixels
        )
        volume = torch.rand((n, n, n), generator=torch.Generator().manual_seed(0))
        pictures = model.draw(model.encode(volume), grid, cameras, March(1.0, associated=True))
        adam.zero_grad(set_to_none=True)
        pictures.square().mean().backward()
        adam.step()

    step(_FIRST)
    processor, wall = time.process_time(), time.perf_counter()
    step(arguments.voxels)
    processor, wall = time.process_time() - processor, time.perf_counter() - wall
    peak = machine.peak_memory()
    print("| model | voxels | estimate GB | measured GB | whole process GB | processor s | wall s | threads |")
    print(
        f"| {arguments.model} | {arguments.voxels}³ | {estimate / 1e9:.2f} | {(peak - before) / 1e9:.2f} | "
        f"{peak / 1e9:.2f} | {processor:.0f} | {wall:.0f} | {n_threads()} |"
    )


if __name__ == "__main__":
    main()
