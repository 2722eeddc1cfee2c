"""Structural similarity (Wang et al. 2004) and its multi-scale form (Wang et al. 2003)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.errors import ShapeError
from tomosplat.metrics.pictures import check_mask_is_not_empty, check_pictures
from tomosplat.metrics.tensor_windows import mean_of_windows
from tomosplat.metrics.windows import WEIGHTS, WINDOW, measure, pull_back
from tomosplat.threads import n_threads, run, split

#: Exponents of the five scales, finest first (Wang et al. 2003, sec. 3.2).
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def ssim(image: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean structural similarity over 11×11 Gaussian windows of σ = 1.5 that lie inside the picture.

    Args:
        image: [..., H, W, K] in 0..1, float32 or float64.
        target: The same shape and dtype.
        mask: [..., H, W] bool: only windows whose middle is in it count (default: all).

    Returns:
        [...], one value for each picture, the mean over its channels. Differentiable once, in ``image`` only.

    Raises:
        ShapeError: A shape or dtype disagrees, or a picture is smaller than a window.
        EmptySceneError: A mask is empty.
    """
    check_pictures(image, target, mask)
    return _mean_over_windows(image, target, mask, luminance=True)


def ms_ssim(image: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Multi-scale structural similarity over five scales, each half as fine as the one before.

    Contrast and structure count on every scale, luminance on the coarsest; a scale on which the structures oppose each
    other counts 0. Arguments, result and errors as ``ssim``; a masked pixel of a coarser scale needs four of the finer.

    Raises:
        ShapeError: Also where a picture has no window on the coarsest scale, so is smaller than 176 pixels.
    """
    check_pictures(image, target, mask)
    last = len(SCALE_WEIGHTS) - 1
    if min(image.shape[-3:-1]) < WINDOW << last:
        raise ShapeError(
            f"MS-SSIM needs pictures of at least {WINDOW << last} pixels a side, "
            f"got {image.shape[-3]}x{image.shape[-2]}; use ssim for smaller ones"
        )
    product = image.new_ones(image.shape[:-3])
    for scale, exponent in enumerate(SCALE_WEIGHTS):
        mean = _mean_over_windows(image, target, mask, luminance=scale == last)
        # The power of 0 has no derivative: keep it out of sight of autograd.
        safe = torch.where(mean > 0, mean, 1)
        product = product * torch.where(mean > 0, safe**exponent, 0)
        if scale < last:
            image, target = _halved(image), _halved(target)
            mask = _halved(mask[..., None].to(image.dtype))[..., 0] == 1 if mask is not None else None
    return product


def _halved(pictures: Tensor) -> Tensor:
    """Mean of each 2×2 block; an odd last row or column is left out."""
    height, width = pictures.shape[-3] // 2 * 2, pictures.shape[-2] // 2 * 2
    rows = pictures[..., 0:height:2, :width, :] + pictures[..., 1:height:2, :width, :]
    return (rows[..., 0::2, :] + rows[..., 1::2, :]) / 4


def _mean_over_windows(image: Tensor, target: Tensor, mask: Tensor | None, *, luminance: bool) -> Tensor:
    height, width = image.shape[-3:-1]
    if min(height, width) < WINDOW:
        raise ShapeError(f"SSIM needs pictures of at least {WINDOW}x{WINDOW} pixels, got {height}x{width}")
    edge = WINDOW // 2
    if mask is None:
        masks: list[Tensor | None] = [None] * image.shape[:-3].numel()
    else:
        middles = mask[..., edge : height - edge, edge : width - edge]
        check_mask_is_not_empty(middles)
        masks = list(middles.flatten(0, -3)) if middles.ndim > 2 else [middles]
    pictures = zip(_as_list(image), _as_list(target), masks, strict=True)
    mean = _Mean.apply if image.device.type == "cpu" else mean_of_windows
    means = [mean(*picture, luminance) for picture in pictures]
    return torch.stack(means).reshape(image.shape[:-3]) if means else image.new_zeros(image.shape[:-3])


def _as_list(pictures: Tensor) -> list[Tensor]:
    return list(pictures.flatten(0, -4)) if pictures.ndim > 3 else [pictures]


class _Mean(torch.autograd.Function):
    """Mean over the windows of one picture [H, W, K]."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, target: Tensor, mask: Tensor | None, luminance: bool) -> Tensor:
        x, y = _rows(image), _rows(target)
        channels = image.shape[-1]
        n_rows, n_columns = x.shape[0] - WINDOW + 1, x.shape[1] - (WINDOW - 1) * channels
        counts: NDArray[Any] = np.ones((1, n_columns), x.dtype)
        if mask is not None:
            counts = np.repeat(mask.numpy(), channels, axis=1).astype(x.dtype)
        derivatives = np.empty((3, n_rows if ctx.needs_input_grad[0] else 0, n_columns), x.dtype)
        jobs = [
            (a, b, x, y, channels, luminance, WEIGHTS.astype(x.dtype), counts, derivatives)
            for a, b in split(n_rows, 4 * n_threads())
        ]
        n_windows = float(counts.sum()) if mask is not None else n_rows * n_columns
        ctx.x, ctx.y, ctx.derivatives, ctx.n_windows = x, y, derivatives, n_windows
        ctx.channels = channels
        return image.new_tensor(sum(run(measure, jobs)) / n_windows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_mean: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.x, ctx.y
        gradient = np.empty_like(x)
        scale = x.dtype.type(float(by_mean) / ctx.n_windows)
        rest = (x, y, ctx.channels, WEIGHTS.astype(x.dtype), scale, ctx.derivatives, gradient)
        run(pull_back, [(a, b, *rest) for a, b in split(len(x), 4 * n_threads())])
        return torch.from_numpy(gradient).reshape(len(x), -1, ctx.channels), None, None, None


def _rows(picture: Tensor) -> NDArray[Any]:
    """A picture [H, W, K] as rows [H, W·K] of interleaved channels."""
    rows: NDArray[Any] = picture.detach().contiguous().numpy().reshape(picture.shape[0], -1)
    return rows
