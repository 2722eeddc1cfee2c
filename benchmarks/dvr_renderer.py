"""Speed of the differentiable volume renderer's kernels beside a straightforward PyTorch renderer; prints tables.

    python benchmarks/dvr_renderer.py [--size 128] [--pixels 128] [--rate 1] [--rounds 5] [--tables-only]

Forward and backward of one picture of a ball of noise, by processor time of the process, divided by the threads that it
may use; candidates take turns in every round, and the ratio is the median over rounds. The PyTorch renderer samples all
rays at once with ``grid_sample``, looks up or reads off colours, and blends with ``cumprod``; autograd does the rest.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from tomosplat import machine
from tomosplat.dvr.accumulation import accumulate_volume
from tomosplat.dvr.chunked import march_chunked, sample_features
from tomosplat.dvr.lookup import Features, render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays, camera_rays
from tomosplat.geometry import Grid, fibonacci_directions, frame_bounds
from tomosplat.threads import n_threads


def ball(size: int) -> Tensor:
    """[I, J, K] in 0..1."""
    axis = torch.linspace(-1, 1, size)
    radius = (axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis**2).sqrt()
    noise = torch.randn(radius.shape, generator=torch.Generator().manual_seed(0))
    return (1.2 - radius + 0.03 * noise).clamp(0, 1)


def plain(sample: Callable[[Tensor], tuple[Tensor, Tensor]], rays: Rays, march: March) -> Tensor:
    """What one writes first: all samples of all rays at once."""
    starts, directions = rays.starts.reshape(-1, 1, 3), rays.directions.reshape(-1, 1, 3)
    lengths, offsets = rays.lengths.reshape(-1, 1), rays.offsets.reshape(-1, 1)
    steps = torch.arange(int(torch.ceil(lengths.max() / march.step)))
    t = (offsets + steps) * march.step
    inside = (t < lengths).float()
    colors, absorption = sample((starts + t[..., None] * directions).reshape(-1, 3))
    alpha = (1 - torch.exp(-absorption.reshape(t.shape) * march.step)) * inside
    left = torch.cumprod(1 - alpha, dim=1)
    passing = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], dim=1)
    weights = passing * march.step * inside
    image = (weights[..., None] * colors.reshape(*t.shape, -1)).sum(dim=1)
    return torch.cat([image, 1 - left[:, -1:]], dim=1).reshape(*rays.lengths.shape, -1)


def timed(render: Callable[[], Tensor], leaves: list[Tensor], upstream: Tensor) -> tuple[float, Tensor, list[Tensor]]:
    """Processor seconds of forward and backward, the picture and the gradients."""
    began = time.process_time()
    image = render()
    gradients = torch.autograd.grad((image * upstream).sum(), leaves)
    return time.process_time() - began, image.detach(), list(gradients)


def compare(name: str, candidates: dict[str, Callable[[], Tensor]], leaves: list[Tensor], rounds: int) -> None:
    """Time candidates in turns and print them, and how far the first is from the last."""
    with torch.no_grad():
        upstream = torch.randn(next(iter(candidates.values()))().shape, generator=torch.Generator().manual_seed(1))
    seconds: dict[str, list[float]] = {label: [] for label in candidates}
    results: dict[str, tuple[Tensor, list[Tensor]]] = {}
    for _ in range(rounds + 1):
        for label, render in candidates.items():
            spent, image, gradients = timed(render, leaves, upstream)
            seconds[label].append(spent)
            results[label] = image, gradients
    first, *_, last = candidates
    image, gradients = results[first]
    other, other_gradients = results[last]
    far = float((image - other).abs().max())
    off = max(float((a - b).norm() / b.norm()) for a, b in zip(gradients, other_gradients, strict=True))
    print(f"\n{name}: pictures differ by {far:.1e} at most, gradients by {off:.1e} of their norm\n")
    print("| renderer | CPU ms / threads | times the kernels |\n|---|---|---|")
    for label, spent in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(spent[1:], seconds[first][1:], strict=True))
        print(f"| {label} | {statistics.median(spent[1:]) / n_threads() * 1e3:.0f} | {ratio:.1f} |", flush=True)


def compare_channels(n: int, values: Tensor, rays: Rays, march: March, rounds: int) -> None:
    """Time the accumulation of n channels of a volume."""
    rng = torch.Generator().manual_seed(n)
    colors = torch.rand((*values.shape, n), generator=rng).requires_grad_()
    absorption = (values * 0.05).clone().requires_grad_()

    def both() -> Tensor:
        return torch.cat([colors, absorption[..., None]], dim=-1).movedim(-1, 0)

    def sample_both(places: Tensor) -> tuple[Tensor, Tensor]:
        sampled = sample_features(both(), places)
        return sampled[:, :-1], sampled[:, -1]

    def chunked() -> Tensor:
        return march_chunked(both(), lambda f: f[..., :-1], lambda f: f[..., -1], rays, march)

    candidates = {
        "kernels": lambda: accumulate_volume(colors, absorption, rays, march),
        "PyTorch, chunk by chunk": chunked,
        "PyTorch": lambda: plain(sample_both, rays, march),
    }
    compare(f"{n} channels of a volume", candidates, [colors, absorption], rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--pixels", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tables-only", action="store_true")
    options = parser.parse_args()
    print(f"{machine.describe_machine()}, {n_threads()} threads, {options.size}³ voxels, {options.pixels}² pixels")
    values = ball(options.size)
    grid = Grid.axis_aligned((options.size,) * 3, 1.0)
    rays = camera_rays(frame_bounds(grid.bounds, fibonacci_directions(1), options.pixels, options.pixels), grid)
    march = March(options.rate)
    rng = torch.Generator().manual_seed(2)

    table = torch.rand((256, 4), generator=rng) * torch.tensor([1, 1, 1, 0.05])
    table.requires_grad_()
    features = Features(values.numpy())

    def sample_table(places: Tensor) -> tuple[Tensor, Tensor]:
        at = sample_features(values[None], places)[:, 0] * 255
        low = at.long().clamp(max=254)
        numbers = torch.lerp(table[low], table[low + 1], (at - low)[:, None])
        return numbers[:, :3], numbers[:, 3]

    # What the kernels keep does not grow with the samples: the peak of the process after them says so.
    render_table(features, table, rays, march).sum().backward()
    before = machine.peak_memory()
    render_table(features, table, rays, March(16 * options.rate)).sum().backward()
    print(f"memory: 16 times the samples raise the kernels' peak by {(machine.peak_memory() - before) / 1e6:.0f} MB")
    table.grad = None
    candidates = {
        "kernels": lambda: render_table(features, table, rays, march),
        "PyTorch": lambda: plain(sample_table, rays, march),
    }
    before = machine.peak_memory()
    plain(sample_table, rays, march).sum().backward()
    print(f"memory: PyTorch raises the peak by {(machine.peak_memory() - before) / 1e6:.0f} MB")
    table.grad = None
    compare("lookup table", candidates, [table], options.rounds)

    for n in () if options.tables_only else (3, 16):
        compare_channels(n, values, rays, march, options.rounds)


if __name__ == "__main__":
    main()
