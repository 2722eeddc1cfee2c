"""What every measure asks of the pictures that it compares."""

from __future__ import annotations

import torch
from torch import Tensor

from tomosplat.errors import EmptySceneError, ShapeError


def check_pictures(image: Tensor, target: Tensor, mask: Tensor | None) -> None:
    """Pass pictures [..., H, W, K] of one shape and dtype with a mask [..., H, W], or None.

    Raises:
        ShapeError: A shape or dtype disagrees.
    """
    if image.ndim < 3 or image.shape != target.shape:
        raise ShapeError(
            f"image and target must be [..., H, W, K] of one shape, got {tuple(image.shape)} and {tuple(target.shape)}"
        )
    if image.dtype != target.dtype or image.dtype not in (torch.float32, torch.float64):
        raise ShapeError(f"image and target must both be float32 or both float64, got {image.dtype} and {target.dtype}")
    if mask is not None and (mask.shape != image.shape[:-1] or mask.dtype != torch.bool):
        raise ShapeError(f"mask must be bool {tuple(image.shape[:-1])}, got {mask.dtype} {tuple(mask.shape)}")


def check_mask_is_not_empty(mask: Tensor) -> None:
    """Pass a mask [..., H, W] that leaves something to compare in every picture.

    Raises:
        EmptySceneError: A picture's mask is empty.
    """
    empty = ~mask.flatten(-2).any(dim=-1)
    if bool(empty.any()):
        raise EmptySceneError(
            f"the mask of {int(empty.sum())} of {empty.numel()} pictures is empty: nothing is left to compare"
        )
