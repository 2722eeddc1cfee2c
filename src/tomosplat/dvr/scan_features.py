"""Features of a scan's voxels, from 0 to 1, as tables want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.dvr.lookup import Features
from tomosplat.errors import EmptySceneError, UnitsError
from tomosplat.volume import Volume

#: Percent of the shown voxels that may lie beyond each end of a table, where its outermost entries go on.
_TAIL = 0.05
#: Percent of the shown voxels whose steepness is within the table.
_STEEP = 99.9


@dataclass(frozen=True, eq=False)
class ScanFeatures:
    """Features and what they mean.

    Attributes:
        features: See :class:`Features`.
        low: Value of a table's first entry, in the scan's unit.
        high: Value of its last one.
    """

    features: Features
    low: float
    high: float

    def values_of(self, n: int) -> NDArray[np.float64]:
        """Values of the entries of a table with n along its last axis."""
        return np.linspace(self.low, self.high, n)


def scan_features(volume: Volume, shown: NDArray[np.bool_] | None, *, steepness: bool) -> ScanFeatures:
    """Features of a scan.

    Args:
        volume: The scan.
        shown: [I, J, K], voxels that are shown; None for all.
        steepness: Add the magnitude of the gradient per mm, relative to the 99.9th percentile.

    Raises:
        EmptySceneError: No voxel is shown.
        UnitsError: All values are equal.
    """
    seen = volume.values[shown] if shown is not None else volume.values.ravel()
    if seen.size == 0:
        raise EmptySceneError("no voxel is shown: the labels hold nothing but background")
    low, high = (float(x) for x in np.percentile(seen, (_TAIL, 100 - _TAIL)))
    if not low < high:
        raise UnitsError(f"nearly all values of the scan are {low:g}: no transfer function can tell them apart")
    values = (np.clip(volume.values, low, high) - np.float32(low)) / np.float32(high - low)
    others = _steepness(volume, shown) if steepness else None
    return ScanFeatures(Features(values, others, shown), low, high)


def _steepness(volume: Volume, shown: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    squared = np.zeros(volume.grid.shape, np.float32)
    # On the axis-aligned working grid the index axes are the world's.
    for axis, spacing in enumerate(volume.grid.spacing):
        slope = np.gradient(volume.values, spacing, axis=axis)
        squared += slope * slope
    steepness = np.sqrt(squared, out=squared)
    top = float(np.percentile(steepness[shown] if shown is not None else steepness, _STEEP))
    return np.clip(steepness / np.float32(max(top, 1e-12)), 0, 1)
