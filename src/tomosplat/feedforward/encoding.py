"""What the network is shown of a scan: six channels, as in Render-FM (sec. 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.anatomy import GROUP_OF_LABEL, GROUPS
from tomosplat.errors import InputError
from tomosplat.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: Value, organ group, red, green, blue, opacity.
SCAN_CHANNELS = 6


@dataclass(frozen=True)
class IntensityScale:
    """How values become numbers around 0: clipped, minus the mean, by the standard deviation (nnU-Net's for CT).

    Attributes:
        low: Least value (HU).
        high: Greatest value.
        mean: Of foreground voxels.
        std: Of foreground voxels, at least 1e-8.
    """

    low: float
    high: float
    mean: float
    std: float

    def __call__(self, values: NDArray[np.floating]) -> Float32Array:
        """Scale values."""
        clipped = np.clip(values, self.low, self.high).astype(np.float32)
        scaled: Float32Array = (clipped - np.float32(self.mean)) / np.float32(self.std)
        return scaled


#: Fingerprint of the labelled voxels of ten CTs and six torsos: percentiles 0.5
#: and 99.5, mean and standard deviation (the recipe of nnU-Net).
CT_SCALE = IntensityScale(low=-974.0, high=768.0, mean=-111.0, std=419.0)
#: The same of the relative signal of five MR scans (three brains, a head, a heart): air comes near that of a CT.
SIGNAL_SCALE = IntensityScale(low=0.0, high=0.97, mean=0.37, std=0.26)


def encode_scan(
    optical: OpticalVolume, scale: IntensityScale, low: tuple[int, int, int], shape: tuple[int, int, int]
) -> Float32Array:
    """Channels of a part of the scan, [6, *shape]; beyond its edges there is air.

    Colours are those of what is visible; opacity is that of one voxel, so that it means the same at any spacing.

    Args:
        optical: The scan, coloured; needs ``values``.
        scale: Of the values.
        low: First voxel.
        shape: Voxels from there on; may reach beyond the scan.

    Raises:
        InputError: The values are not known.
    """
    if optical.values is None:
        raise InputError("the network needs the scan's values: an OpticalVolume with values")
    high = [min(a + n, end) for a, n, end in zip(low, shape, optical.grid.shape, strict=True)]
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    inside = (slice(None), *(slice(0, b - a) for a, b in zip(low, high, strict=True)))
    channels = np.zeros((SCAN_CHANNELS, *shape), dtype=np.float32)
    channels[0] = scale(np.array(scale.low))
    extinction = optical.extinction[part]
    filled = channels[inside]
    filled[0] = scale(optical.values[part])
    filled[1] = GROUP_OF_LABEL[optical.labels[part]] / np.float32(len(GROUPS) - 1)
    filled[2:5] = np.moveaxis(optical.rgb[part] * (extinction > 0)[..., None], -1, 0)
    filled[5] = -np.expm1(-extinction * np.float32(optical.grid.spacing.mean()))
    return channels
