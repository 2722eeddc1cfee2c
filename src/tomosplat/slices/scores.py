"""How near reconstructed slices and labels are to the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from tomosplat.slices.interpolation import Slices

#: Voxels that a structure needs in the whole truth to count: Dice of a handful is a matter of luck.
LEAST_VOXELS = 500


@dataclass(frozen=True)
class ImageScores:
    """Of slices of a range 0..1.

    Attributes:
        psnr: Mean over the slices, dB.
        psnr_pooled: Of the mean squared error over all of them, dB.
        ssim: Mean over the slices (7×7 windows, Wang et al. 2004).
    """

    psnr: float
    psnr_pooled: float
    ssim: float


@dataclass(frozen=True)
class LabelScores:
    """Over the structures that are large enough.

    Attributes:
        dice: Mean.
        dice_p10: 10th percentile.
        structures: How many there are.
    """

    dice: float
    dice_p10: float
    structures: int


def image_scores(found: Slices, truth: Slices) -> ImageScores:
    """Compare slices [M, H, W]; values beyond 0..1 are clipped, as on a screen."""
    found = np.clip(found, 0, 1)
    errors = np.square(found - truth, dtype=np.float64).mean(axis=(1, 2))
    errors = np.maximum(errors, 1e-10)  # 100 dB
    window = min(7, *(n - (n + 1) % 2 for n in truth.shape[1:]))
    similar = [
        structural_similarity(one, other, data_range=1.0, win_size=window)
        for one, other in zip(found, truth, strict=True)
    ]
    return ImageScores(
        float((-10 * np.log10(errors)).mean()), float(-10 * np.log10(errors.mean())), float(np.mean(similar))
    )


def label_scores(found: NDArray[np.uint8], truth: NDArray[np.uint8], volume: NDArray[np.uint8]) -> LabelScores:
    """Dice of each structure over slices [M, H, W] together.

    Args:
        found: Reconstructed labels.
        truth: Those of the same slices.
        volume: All labels, which say what is large enough; where nothing is, everything counts.
    """
    in_truth, in_found = np.bincount(truth.ravel(), minlength=256), np.bincount(found.ravel(), minlength=256)
    both = np.bincount(truth[truth == found], minlength=256)
    sizes = np.bincount(volume.ravel(), minlength=256)
    counts = (np.arange(256) > 0) & (in_truth > 0)
    if (counts & (sizes >= LEAST_VOXELS)).any():
        counts &= sizes >= LEAST_VOXELS
    dice = 2 * both[counts] / (in_truth + in_found)[counts]
    return LabelScores(float(dice.mean()), float(np.percentile(dice, 10)), int(counts.sum()))
