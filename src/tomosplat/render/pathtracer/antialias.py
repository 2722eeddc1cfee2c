"""Smooths the steps that label masks leave in a scan."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from tomosplat import machine
from tomosplat.errors import MemoryLimitError
from tomosplat.render.pathtracer.kernels import F32
from tomosplat.threads import run
from tomosplat.volume.volume import OpticalVolume

#: Radius of the filter in standard deviations.
_TRUNCATE = 3.0
#: What the filter spreads thinner than this, 1/mm, is dropped: it hides nothing and would fill empty bricks.
_INVISIBLE = 1e-5
#: Four channels before and after, what the filter needs in between, and the colours put together.
_BYTES_PER_VOXEL = 60


def antialias(optical: OpticalVolume, voxels: float) -> OpticalVolume:
    """Blur extinction, and colour weighted with extinction, by a Gaussian of ``voxels`` standard deviation.

    Organs that are switched off have no extinction, so nothing of them bleeds in; the total extinction stays.

    Raises:
        MemoryLimitError: The blurred channels would not fit into memory.
    """
    if voxels == 0:
        return optical
    needed, available = optical.grid.n_voxels * _BYTES_PER_VOXEL, machine.available_memory()
    if needed > available:
        raise MemoryLimitError(
            f"smoothing a scan of {optical.grid.shape} voxels needs {needed / 1e9:.1f} GB and {available / 1e9:.1f} GB "
            "are free; choose a coarser grid, or antialias=0"
        )
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
