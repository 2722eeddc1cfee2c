"""Whether two noisy pictures show the same scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Image = NDArray[np.floating]

#: Chance that a right picture is refused by each of the two tests.
SIGNIFICANCE = 0.01
#: Share of pixels that must pass; the rest allows for the rare bright paths that make noise anything but normal.
PASSING = 0.9975


def compare(image: Image, variance: Image, reference: Image, reference_variance: Image) -> None:
    """Refuse ``image`` [...] unless it agrees with ``reference`` pixel by pixel and as a whole.

    Pixel by pixel: a Z-test with Šidák's correction for the number of pixels (Subr and Arvo 2007). As a whole: the
    sum of all differences against its standard error, which sees an error of brightness far below each pixel's noise.

    Raises:
        AssertionError: The pictures differ.
    """
    difference = np.asarray(image, np.float64) - reference
    spread = np.asarray(variance, np.float64) + reference_variance
    dark = spread == 0
    assert np.abs(difference[dark]).max(initial=0) == 0, "pixels without any noise differ"
    z = difference[~dark] / np.sqrt(spread[~dark])
    threshold = 1 - (1 - SIGNIFICANCE) ** (1 / z.size)
    passing = np.mean(2 * stats.norm.sf(np.abs(z)) > threshold)
    assert passing >= PASSING, (
        f"only {passing:.2%} of {z.size} values agree; the worst is {np.abs(z).max():.1f} sigma off"
    )
    channels = difference.shape[-1]
    for channel in range(channels):
        whole = difference[..., channel].sum() / np.sqrt(spread[..., channel].sum())
        off = difference[..., channel].mean() / np.mean(reference[..., channel])
        threshold = 1 - (1 - SIGNIFICANCE) ** (1 / channels)
        assert 2 * stats.norm.sf(abs(whole)) > threshold, f"channel {channel} is {off:+.2%} off, {whole:+.1f} sigma"
