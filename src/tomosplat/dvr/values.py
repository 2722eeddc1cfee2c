"""Values of a scan as networks see them, and which scans they may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import UnitsError
from tomosplat.volume import Unit, Volume

#: Percent of the voxels that may lie beyond each end of a range: metal and noise are not what makes it.
_TAIL = 0.5
#: How far the ends of a scan's range may lie from those that a network was trained with, as a share of the range.
_TOLERANCE = 0.25


@dataclass(frozen=True)
class ValueRange:
    """Which values a network was trained with; ``low`` becomes 0 and ``high`` 1, and nothing is clamped.

    Attributes:
        low: The least of the trained scans' 0.5th percentiles.
        high: The greatest of their 99.5th percentiles.
        unit: Of the values.
    """

    low: float
    high: float
    unit: Unit

    @classmethod
    def of(cls, volumes: Sequence[Volume]) -> ValueRange:
        """The range of scans, of which there is at least one.

        Raises:
            UnitsError: They have different units, or all their values are equal.
        """
        units = sorted({volume.unit for volume in volumes})
        if len(units) > 1:
            raise UnitsError(f"the volumes have different units ({', '.join(units)}); bring them to one")
        ends = [_ends(volume) for volume in volumes]
        low, high = min(a for a, _ in ends), max(b for _, b in ends)
        if not low < high:
            raise UnitsError(f"nearly all values of the volumes are {low:g}: there is nothing to tell apart")
        return cls(low, high, volumes[0].unit)

    def normalised(self, volume: Volume) -> Tensor:
        """Values [I, J, K] of a scan, from 0 to 1 over this range.

        Raises:
            UnitsError: The scan has another unit or another range.
        """
        if volume.unit != self.unit:
            raise UnitsError(f"the network was trained on values in {self.unit}, the volume's are {volume.unit}")
        low, high = _ends(volume)
        width = self.high - self.low
        if max(abs(low - self.low), abs(high - self.high)) > _TOLERANCE * width:
            raise UnitsError(
                f"the volume's values lie between {low:g} and {high:g} (percentiles {_TAIL} and {100 - _TAIL}), the "
                f"network was trained on {self.low:g} to {self.high:g}; rescale the volume, crop it alike, or train "
                "with such volumes"
            )
        return torch.from_numpy((volume.values - np.float32(self.low)) / np.float32(width))


def _ends(volume: Volume) -> tuple[float, float]:
    low, high = np.percentile(volume.values, (_TAIL, 100 - _TAIL))
    return float(low), float(high)
