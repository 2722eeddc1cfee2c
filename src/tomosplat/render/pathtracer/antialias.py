"""Smooths the steps that label masks leave in a scan."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from tomosplat.render.cpu.threads import run
from tomosplat.render.pathtracer.kernels import F32
from tomosplat.volume.volume import OpticalVolume

#: Radius of the filter in standard deviations.
_TRUNCATE = 3.0
#: What the filter spreads thinner than this, 1/mm, is dropped: it hides nothing and would fill empty bricks.
_INVISIBLE = 1e-5


def antialias(optical: OpticalVolume, voxels: float) -> OpticalVolume:
    """Blur extinction, and colour weighted with extinction, by a Gaussian of ``voxels`` standard deviation.

    Organs that are switched off have no extinction, so nothing of them bleeds in; the total extinction stays.
    """
    if voxels == 0:
        return optical
    channels = [optical.extinction, *(optical.extinction * optical.rgb[..., c] for c in range(3))]
    jobs = [(channel, voxels) for channel in channels]
    extinction, *weighted = run(_blur, jobs)
    extinction[extinction < _INVISIBLE] = 0
    # Rounding may pass 1 by a last digit.
    rgb = np.stack([np.minimum(c / np.maximum(extinction, _INVISIBLE), 1) for c in weighted], axis=-1)
    return OpticalVolume(extinction, rgb, optical.labels, optical.grid)


def _blur(channel: F32, voxels: float) -> F32:
    blurred: F32 = gaussian_filter(channel, voxels, mode="nearest", truncate=_TRUNCATE)
    return blurred
