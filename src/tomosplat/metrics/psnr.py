"""Peak signal-to-noise ratio."""

from __future__ import annotations

from torch import Tensor

from tomosplat.metrics.pictures import check_mask_is_not_empty, check_pictures


def psnr(image: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """−10 log₁₀ of the mean squared error, in dB, for pictures whose brightest value is 1.

    Args:
        image: [..., H, W, K], float32 or float64.
        target: The same shape and dtype.
        mask: [..., H, W] bool, the pixels that count (default: all).

    Returns:
        [...], one value for each picture; infinite where they are equal. Differentiable in both pictures.

    Raises:
        ShapeError: A shape or dtype disagrees.
        EmptySceneError: A mask is empty.
    """
    check_pictures(image, target, mask)
    squares = (image - target).square().mean(dim=-1)
    if mask is None:
        return -10 * squares.mean(dim=(-2, -1)).log10()
    check_mask_is_not_empty(mask)
    return -10 * ((squares * mask).sum(dim=(-2, -1)) / mask.sum(dim=(-2, -1))).log10()
