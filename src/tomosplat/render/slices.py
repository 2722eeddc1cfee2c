"""``slice_gaussians``: 3D Gaussians → what planes cut of them; ``blend_ellipses``: 2D Gaussians → pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import InputError, MemoryLimitError, ShapeError
from tomosplat.geometry import SlicePlane
from tomosplat.render.backends import Backend, choose_backend
from tomosplat.render.constants import NORMALISED_FLOOR
from tomosplat.render.cpu.layout import I64
from tomosplat.render.gpu.backend import free_memory
from tomosplat.render.reference.slices import ellipses_reference, slice_reference

Blending = Literal["normalised", "alpha", "additive"]


@dataclass(frozen=True)
class SliceImage:
    """What a slice shows.

    Attributes:
        values: [H, W, K].
        coverage: [H, W], the sum of the Gaussians' weights; of ``alpha``, 1 − the product of what each leaves.
    """

    values: Tensor
    coverage: Tensor


def slice_gaussians(
    means: Tensor,
    covs: Tensor,
    opacities: Tensor,
    values: Tensor,
    planes: Sequence[SlicePlane],
    *,
    blending: Blending = "normalised",
    backend: Backend = "auto",
) -> list[SliceImage]:
    """Cut 3D Gaussians with planes of any orientation.

    At a pixel centre x a Gaussian weighs w = o · exp(−½ (x − μ)ᵀ Σ⁻¹ (x − μ)), and nothing where that is at most 1/255.
    A pixel's values are

    * ``normalised``: Σ w c / (Σ w + 0.02): the mean of what is there (cf. UltraGauss's aggregation in the plane);
    * ``alpha``: Σ w c Π (1 − w) over the Gaussians whose means are nearer to the plane, w at most 0.99, down to a
      transmittance of 1e-4 (InnerGS; the order is not differentiable, ties are broken by index);
    * ``additive``: Σ w c.

    Differentiable in means, covs (symmetric: an off-diagonal entry counts twice), opacities and values, through values
    and coverage alike.

    Args:
        means: [N, 3] RAS+ mm.
        covs: [N, 6] mm²: xx, xy, xz, yy, yz, zz.
        opacities: [N], at least 0.
        values: [N, K], any number of channels.
        planes: Slices of any sizes.
        blending: How Gaussians add up.
        backend: "auto" is "gpu" for tensors on a GPU and "cpu" for all others. Both compute in float32 and compile in
            some seconds once per machine; "reference" is slow, computes in float64 and is meant for tests.

    Returns:
        One picture for each plane, where the tensors are.

    Raises:
        ShapeError: The tensors' shapes disagree.
        UnitsError: A Gaussian is not finite, or has a negative opacity or a covariance that is not positive definite.
        MemoryLimitError: The pictures would not fit into memory.
        BackendUnavailableError: The backend asked for is not there, or does not slice where the tensors are.
    """
    _check_blending(blending)
    chosen = choose_backend(backend, means.device)
    n = len(means)
    shapes = [tuple(t.shape) for t in (means, covs, opacities, values)]
    if shapes[:3] != [(n, 3), (n, 6), (n,)] or values.ndim != 2 or len(values) != n:
        raise ShapeError(f"needed are means [N, 3], covs [N, 6], opacities [N] and values [N, K], got {shapes}")
    _check_memory([(plane.height, plane.width) for plane in planes], values.shape[1], values.device)
    if chosen == "reference":
        exact = means.double(), covs.double(), opacities.double(), values.double()
        return [SliceImage(*slice_reference(*exact, plane, blending)) for plane in planes]
    ellipses, indices, starts = _kernels(chosen).condition_gaussians(means, covs, opacities, planes)
    if blending == "alpha":
        order = _nearest_first(means.detach(), indices, starts, planes)
        ellipses, indices = ellipses[order], indices[order]
    return _images(ellipses, values[indices], starts, [(p.height, p.width) for p in planes], blending, chosen)


def blend_ellipses(
    ellipses: Tensor,
    values: Tensor,
    starts: Sequence[int],
    sizes: Sequence[tuple[int, int]],
    *,
    blending: Blending = "normalised",
    backend: Backend = "auto",
) -> list[SliceImage]:
    """Blend 2D Gaussians into pictures, as ``slice_gaussians`` does what Gaussians show of themselves in a plane.

    Differentiable in ellipses and values. ``alpha`` blends them in the order given, the first in front.

    Args:
        ellipses: [M, 6]: centre u, v in px (the first pixel's centre is 0, 0); covariance uu, uv, vv in px²; weight.
        values: [M, K].
        starts: [S + 1], picture i shows the ellipses starts[i]..starts[i + 1].
        sizes: [S], rows and columns of each picture.
        blending: See ``slice_gaussians``.
        backend: See ``slice_gaussians``.

    Raises:
        ShapeError: The shapes disagree.
        UnitsError: An ellipse is not finite, or has a negative weight or a covariance that is not positive definite.
        MemoryLimitError: The pictures would not fit into memory.
        BackendUnavailableError: See ``slice_gaussians``.
    """
    _check_blending(blending)
    chosen = choose_backend(backend, ellipses.device)
    bounds = np.asarray(starts, np.int64)
    m = len(ellipses)
    if ellipses.shape != (m, 6) or values.ndim != 2 or len(values) != m:
        raise ShapeError(f"needed are ellipses [M, 6] and values [M, K], got {[*ellipses.shape]} and {[*values.shape]}")
    if len(bounds) != len(sizes) + 1 or bounds[0] != 0 or bounds[-1] != m or (np.diff(bounds) < 0).any():
        raise ShapeError(f"starts of {len(sizes)} pictures must ascend from 0 to {m}, got {bounds.tolist()}")
    _check_memory(sizes, values.shape[1], values.device)
    if chosen == "reference":
        parts = [slice(a, b) for a, b in pairwise(bounds)]
        return [
            SliceImage(*ellipses_reference(ellipses[part].double(), values[part].double(), *size, blending))
            for part, size in zip(parts, sizes, strict=True)
        ]
    return _images(ellipses, values, bounds, sizes, blending, chosen)


def _kernels(backend: Backend) -> Any:
    """What conditions and blends; loaded only now, for it brings compiled kernels."""
    if backend == "gpu":
        from tomosplat.render.gpu import slices as on_gpu

        return on_gpu
    from tomosplat.render.cpu import slices as on_cpu

    return on_cpu


def _images(
    ellipses: Tensor,
    values: Tensor,
    starts: I64,
    sizes: Sequence[tuple[int, int]],
    blending: Blending,
    backend: Backend,
) -> list[SliceImage]:
    images = []
    for planes in _kernels(backend).blend(ellipses, values, starts, sizes, in_order=blending == "alpha"):
        sums, coverage = planes[:-1], planes[-1]
        if blending == "normalised":
            sums = sums / (coverage + NORMALISED_FLOOR)
        images.append(SliceImage(sums.permute(1, 2, 0), coverage))
    return images


def _nearest_first(means: Tensor, indices: Tensor, starts: I64, planes: Sequence[SlicePlane]) -> Tensor:
    """[M], the ellipses of each slice by the distance of their Gaussian's mean to it, ties by index."""
    orders = []
    for plane, begin, end in zip(planes, starts[:-1], starts[1:], strict=True):
        across = torch.from_numpy(plane.from_world[2]).to(means.device)
        distances = (means[indices[begin:end]].double() @ across[:3] + across[3]).abs()
        orders.append(int(begin) + torch.argsort(distances, stable=True))
    return torch.cat(orders) if orders else indices


def _check_blending(blending: str) -> None:
    if blending not in get_args(Blending):
        raise InputError(f"blending must be 'normalised', 'alpha' or 'additive', got {blending!r}")


def _check_memory(sizes: Sequence[tuple[int, int]], channels: int, device: torch.device) -> None:
    needed, available = 8 * (channels + 1) * sum(height * width for height, width in sizes), free_memory(device)
    if needed > available:
        raise MemoryLimitError(
            f"{len(sizes)} slices of {channels} channels need {needed / 1e9:.1f} GB and "
            f"{available / 1e9:.1f} GB are free; render fewer at once"
        )
