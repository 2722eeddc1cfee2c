"""N channels of a volume accumulated along rays by the opacity of its voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.dvr.accumulation_kernels import accumulate, accumulate_backward
from tomosplat.dvr.bricks import ALL, filled_bricks
from tomosplat.dvr.chunked import march_chunked
from tomosplat.dvr.kernels import beams_of, pixel_parts, sampling_of
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays
from tomosplat.errors import ShapeError
from tomosplat.render.cpu.layout import F32
from tomosplat.threads import n_threads, run

#: Channels are padded to a multiple of these.
_LANES = 4
#: Every thread of the backward pass adds to a gradient volume of its own; so many at most.
MAX_COPIES = 4


def accumulate_volume(
    colors: Tensor, absorption: Tensor, rays: Rays, march: March, *, skip_empty: bool = False
) -> Tensor:
    """Interpolate emission and absorption between voxels and blend them front to back (eq. 5, 6, 10 to 12).

    On the CPU in float32 by kernels whose memory does not depend on the number of samples; the backward pass samples
    the rays again, front to back. Elsewhere, and in float64, in PyTorch.

    Args:
        colors: [I, J, K, N] emission.
        absorption: [I, J, K] κ per voxel edge, not negative.
        rays: See :class:`Rays`; on the same device, in the same dtype.
        march: How the rays are sampled.
        skip_empty: Leap over bricks of voxels without absorption and, unless emission is associated, without emission.
            The picture is the same; voxels in such bricks get no gradient, so they stay empty.

    Returns:
        [C, H, W, N + 1]: accumulated channels and opacity; differentiable once in ``colors`` and ``absorption``.

    Raises:
        ShapeError: The two do not belong together, or an axis has less than two voxels.
    """
    if colors.ndim != 4 or colors.shape[:3] != absorption.shape or min(absorption.shape) < 2:
        raise ShapeError(
            "accumulation needs colors [I, J, K, N] and absorption [I, J, K] of at least 2x2x2 voxels, got "
            f"{tuple(colors.shape)} and {tuple(absorption.shape)}"
        )
    if colors.device.type == "cpu" and colors.dtype == torch.float32:
        result: Tensor = _Accumulate.apply(colors, absorption, rays, march, skip_empty)  # type: ignore[no-untyped-call]
        return result
    both = torch.cat([colors, absorption[..., None]], dim=-1).movedim(-1, 0)
    return march_chunked(both, lambda f: f[..., :-1], lambda f: f[..., -1], rays, march)


class _Accumulate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, colors: Tensor, absorption: Tensor, rays: Rays, march: March, skip_empty: bool) -> Tensor:
        n = colors.shape[-1]
        padded, absorption = colors.detach().contiguous(), absorption.detach().contiguous()
        if n % _LANES:  # padding copies, and a volume kept encoded is large
            padded = torch.nn.functional.pad(padded, (0, -n % _LANES))
        beams, sampling = beams_of(rays), sampling_of(march, absorption.shape)
        bricks = _bricks(colors, absorption, march) if skip_empty else ALL
        common = (beams, sampling, _flat(padded), padded.shape[-1], _flat(absorption), bricks)
        image, alpha = torch.zeros((*rays.lengths.shape, padded.shape[-1])), torch.zeros(rays.lengths.shape)
        run(accumulate, [(*part, *common, _flat(image), _flat(alpha)) for part in pixel_parts(rays)])
        ctx.save_for_backward(image, alpha, padded, absorption)  # all that is large: let go after the backward pass
        ctx.rays, ctx.march, ctx.bricks, ctx.n = rays, march, bricks, n
        return torch.cat([image[..., :n], alpha[..., None]], dim=-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_result: Tensor) -> tuple[Tensor | None, ...]:
        image, alpha, colors, absorption = ctx.saved_tensors
        n, n_padded = ctx.n, image.shape[-1]
        by_image = torch.nn.functional.pad(by_result[..., :-1], (0, n_padded - n)).contiguous()
        parts = pixel_parts(ctx.rays, min(n_threads(), MAX_COPIES))
        by_colors, by_absorption = ([np.zeros(v.numel(), np.float32) for _ in parts] for v in (colors, absorption))
        given = (
            beams_of(ctx.rays),
            sampling_of(ctx.march, absorption.shape),
            _flat(colors),
            n_padded,
            _flat(absorption),
            ctx.bricks,
            *map(_flat, (image, alpha, by_image, by_result[..., -1])),
        )
        jobs = zip(parts, by_colors, by_absorption, strict=True)
        run(accumulate_backward, [(*part, *given, *gradients) for part, *gradients in jobs])
        total = torch.from_numpy(_total(by_colors)).reshape(colors.shape)[..., :n]
        return total, torch.from_numpy(_total(by_absorption)).reshape(absorption.shape), None, None, None


def _total(copies: list[F32]) -> F32:
    """Their sum, in the first."""
    for other in copies[1:]:
        copies[0] += other
    return copies[0]


def _bricks(colors: Tensor, absorption: Tensor, march: March) -> np.ndarray[Any, np.dtype[np.uint8]]:
    filled = filled_bricks(absorption.detach().contiguous().numpy())
    if not march.associated:
        filled |= filled_bricks(colors.detach().abs().amax(dim=-1).numpy())
    return filled


def _flat(tensor: Tensor) -> F32:
    flat: F32 = tensor.detach().contiguous().numpy().reshape(-1)
    return flat
