"""Speed of slices through Gaussians, forward and backward, beside plain PyTorch; writes ``slices_rasterizer.md``.

    python benchmarks/slices_rasterizer.py [--gaussians 100000] [--size 160] [--rounds 5]

The same slices of the same Gaussians in the same process, in turns; processor time, which other work on the machine
disturbs least. "dense" evaluates every Gaussian near the slice at every pixel, in pieces that fit into memory;
"windows" evaluates each on a square of pixels of its own and adds that up with ``index_add``, which is as good as
plain PyTorch gets where all Gaussians are small.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from statistics import median

# Threads of torch that wait would otherwise spin, and count.
os.environ["OMP_WAIT_POLICY"] = "passive"

import numpy as np
import torch
from torch import Tensor

from tomosplat import machine
from tomosplat.gaussians import to_matrix
from tomosplat.geometry import SlicePlane
from tomosplat.render import slice_gaussians
from tomosplat.render.constants import ALPHA_MIN, NORMALISED_FLOOR

HERE = Path(__file__).resolve().parent
#: Gaussians of a piece of the dense evaluation.
PIECE = 256


def scene(n: int, size: int) -> tuple[Tensor, ...]:
    """Gaussians as a fit of 40 slices of size² begins: on a grid of 2 px on each slice, half the slice's gap thick."""
    rng = np.random.default_rng(0)
    means = np.column_stack([rng.uniform(0, size, (n, 2)), 4 * rng.integers(0, 40, n)])
    half = np.eye(3) * [1.1, 1.1, 2.0] + 0.1 * rng.normal(size=(n, 3, 3))
    covs = half @ half.transpose(0, 2, 1) + 0.1 * np.eye(3)
    rows, columns = np.triu_indices(3)
    arrays = means, covs[:, rows, columns], rng.uniform(0.3, 0.7, n), rng.uniform(0, 1, (n, 1))
    return tuple(torch.tensor(array, dtype=torch.float32) for array in arrays)


def given_plane(means: Tensor, covs: Tensor, opacities: Tensor, height: float) -> tuple[Tensor, ...]:
    """Mean, precision and weight in an axial slice, of the Gaussians that reach it."""
    near = (means[:, 2] - height).abs() < 3.6 * covs[:, 5].sqrt()
    mean, cov, opacity = means[near], to_matrix(covs[near]), opacities[near]
    off, thick = height - mean[:, 2], cov[:, 2, 2]
    gain = cov[:, :2, 2] / thick[:, None]
    precision = torch.linalg.inv(cov[:, :2, :2] - thick[:, None, None] * gain[:, :, None] * gain[:, None, :])
    return mean[:, :2] + gain * off[:, None], precision, opacity * torch.exp(-0.5 * off**2 / thick), near


def dense_step(leaves: tuple[Tensor, ...], height: float, size: int, slopes: Tensor) -> None:
    """Forward and backward of every Gaussian at every pixel; gradients add up over the pieces."""
    v, u = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    pixels = torch.stack([u, v], -1).float()

    def piece(mean: Tensor, precision: Tensor, weight: Tensor, value: Tensor) -> Tensor:
        offset = pixels - mean[:, None, None]
        w = weight[:, None, None] * torch.exp(-0.5 * torch.einsum("nhwi,nij,nhwj->nhw", offset, precision, offset))
        w = torch.where(w > ALPHA_MIN, w, 0.0)
        return torch.stack([(w * value[:, :1, None]).sum(0), w.sum(0)])

    mean, precision, weight, near = given_plane(*leaves[:3], height)
    inputs = [mean, precision, weight, leaves[3][near]]
    with torch.no_grad():
        sums = sum(piece(*(t[a : a + PIECE] for t in inputs)) for a in range(0, len(mean), PIECE))
    sums.requires_grad_()
    (sums[0] / (sums[1] + NORMALISED_FLOOR) * slopes).sum().backward()
    cut = [t.detach().requires_grad_() for t in inputs]
    for a in range(0, len(mean), PIECE):
        piece(*(t[a : a + PIECE] for t in cut)).backward(sums.grad)
    torch.autograd.backward(inputs, [t.grad for t in cut])


def window_step(leaves: tuple[Tensor, ...], height: float, size: int, slopes: Tensor) -> None:
    """Forward and backward of every Gaussian on the square of pixels that the widest of them needs."""
    mean, precision, weight, near = given_plane(*leaves[:3], height)
    value = leaves[3][near]
    with torch.no_grad():
        spread = torch.linalg.inv(precision).diagonal(dim1=1, dim2=2).amax(1)
        reach = (2 * (weight / ALPHA_MIN).clamp_min(1).log() * spread).sqrt()
        half = int(reach.max()) + 1
        steps = torch.arange(-half, half + 1)
    corner = mean.detach().round().long()
    u, v = corner[:, 0, None, None] + steps, corner[:, 1, None, None] + steps[:, None]
    u, v = u.expand(-1, len(steps), -1), v.expand(-1, -1, len(steps))
    offset = torch.stack([u, v], -1) - mean[:, None, None]
    w = weight[:, None, None] * torch.exp(-0.5 * torch.einsum("nhwi,nij,nhwj->nhw", offset, precision, offset))
    inside = (u >= 0) & (u < size) & (v >= 0) & (v < size) & (w > ALPHA_MIN)
    w = torch.where(inside, w, 0.0)
    at = torch.where(inside, v * size + u, 0).flatten()
    sums = torch.zeros(size * size).index_add(0, at, (w * value[:, :1, None]).flatten())
    total = torch.zeros(size * size).index_add(0, at, w.flatten())
    ((sums / (total + NORMALISED_FLOOR)).reshape(size, size) * slopes).sum().backward()


def kernel_step(leaves: tuple[Tensor, ...], height: float, size: int, slopes: Tensor) -> None:
    """Forward and backward of ``slice_gaussians``."""
    affine = np.eye(4)
    affine[2, 3] = height
    (image,) = slice_gaussians(*leaves, [SlicePlane(affine, size, size)])
    (image.values[..., 0] * slopes).sum().backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gaussians", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    leaves = tuple(tensor.requires_grad_() for tensor in scene(asked.gaussians, asked.size))
    slopes = torch.randn(asked.size, asked.size, generator=torch.Generator().manual_seed(0))
    steps = {"kernels": kernel_step, "windows": window_step, "dense": dense_step}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    gradients = {}
    for round_ in range(asked.rounds + 1):
        for name, step in steps.items():
            if name == "dense" and round_ > 1:
                continue
            for leaf in leaves:
                leaf.grad = None
            start = time.process_time()
            step(leaves, 77.0, asked.size, slopes)
            if round_:
                seconds[name].append(time.process_time() - start)
            gradients[name] = torch.cat([leaf.grad.flatten() for leaf in leaves])
    for name in ("windows", "dense"):
        off = (gradients[name] - gradients["kernels"]).norm() / gradients["kernels"].norm()
        assert off < 1e-3, f"{name} computes something else: {off}"
    fast = median(seconds["kernels"])
    drawn = int(given_plane(*leaves[:3], 77.0)[3].sum())
    lines = [
        "# Slices through Gaussians on the CPU",
        "",
        f"`python benchmarks/slices_rasterizer.py --gaussians {asked.gaussians} --size {asked.size}`",
        "",
        f"One slice of {asked.size}² with {drawn:,} of {asked.gaussians:,} Gaussians in reach, forward and backward, "
        "processor time, median of the rounds in turns in one process; gradients agree to 1e-3.",
        "",
        "| what | CPU ms | × kernels |",
        "|---|---|---|",
        *(f"| {name} | {1e3 * median(s):.1f} | {median(s) / fast:.0f} |" for name, s in seconds.items()),
        "",
        f"Threads: {torch.get_num_threads()}. Machine: {machine.describe_machine()}. torch {torch.__version__}.",
    ]
    (HERE / "slices_rasterizer.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
