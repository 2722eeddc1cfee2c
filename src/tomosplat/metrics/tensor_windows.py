"""SSIM over 11×11 Gaussian windows by PyTorch's own operations, for pictures on a GPU; ``windows`` has the kernels.

No convolution: cuDNN's would round to 10 bits by default, and SSIM is made of small differences.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.metrics.windows import C1, C2, WEIGHTS, WINDOW


def mean_of_windows(image: Tensor, target: Tensor, mask: Tensor | None, luminance: bool) -> Tensor:
    """Mean over the windows of one picture [H, W, K] and its channels; differentiable by autograd.

    Args:
        image: [H, W, K].
        target: The same shape and dtype.
        mask: [H − 10, W − 10], the windows that count; None for all.
        luminance: Whether the luminance factor counts.
    """
    mean_x, mean_y = _blurred(image), _blurred(target)
    covariance = _blurred(image * target) - mean_x * mean_y
    variances = _blurred(image * image) - mean_x * mean_x + _blurred(target * target) - mean_y * mean_y
    values = (2 * covariance + C2) / (variances + C2)
    if luminance:
        values = values * (2 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
    return values.mean() if mask is None else values[mask].mean()


def _blurred(picture: Tensor) -> Tensor:
    """Weighted means [H − 10, W − 10, K] over all windows that lie inside."""
    for axis in (0, 1):
        n = picture.shape[axis] - WINDOW + 1
        parts = [float(weight) * picture.narrow(axis, k, n) for k, weight in enumerate(WEIGHTS)]
        picture = torch.stack(parts).sum(dim=0)
    return picture
