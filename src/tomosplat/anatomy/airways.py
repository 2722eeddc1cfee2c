"""Lungs and airway: air inside the body told apart by size, density and shape."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from tomosplat.anatomy.masks import IN_SLICE, Image, Mask, Regions, close

_AIR_HU = -400
_GAS_HU, _GAS_EDGE_HU = -960, -930  # darker than lung, which is never pure air; than any but emphysema
_LUNG_VOXELS = 30_000  # 100 ml
_LUNG_PIECE_VOXELS = 3_000

_TUBE_PIXELS = (20, 320)  # cross section of a trachea: 45 to 720 mm²
_BRANCH_PIXELS = 350
_TUBE_SLICES = 10
_MIDLINE_REACH = 23  # 35 mm
_BRANCH_REACH = 30  # 45 mm around the trachea, and as far below it


def find_lungs(hu: Image, body: Mask) -> Mask:
    """Return the air of the lungs, with that of the airway connected to them.

    Bowel gas is small, or pure air; a specimen in air, which the body is drawn widely around, has no lungs.
    """
    if np.count_nonzero(body & (hu > _AIR_HU)) < 0.25 * np.count_nonzero(body):
        return np.zeros_like(body)
    air = Regions((hu < _AIR_HU) & body)
    large = (air.sizes > max(_LUNG_VOXELS, 0.1 * air.sizes.max())) & (air.mean(hu < _GAS_HU) < 0.5)
    piece = (air.sizes > _LUNG_PIECE_VOXELS) & (air.mean(hu < _GAS_EDGE_HU) < 0.02)
    return air.select(large | piece)


def close_lungs(air: Mask, body: Mask) -> Mask:
    """Return the lungs with the vessels inside them."""
    return close(air, 7) & body


def find_airway(hu: Image, body: Mask, lungs: Mask, midline: NDArray[np.float64]) -> Mask:
    """Return the air inside trachea and main bronchi.

    The trachea is a stack of round patches of air near the midline; the bronchi are what is connected to it
    through patches too small to be lung, at any of several densities (their walls are thinner than a voxel).

    Args:
        hu: [I, J, K] lightly smoothed HU.
        body: The body.
        lungs: Air of the lungs.
        midline: [K] the body's centre along the first axis.
    """
    trunk = np.zeros_like(body)
    lumen = np.zeros_like(body)
    for level in (-880, -910, -940, -970):
        patches = Regions((hu < level) & body, IN_SLICE)
        trunk |= _trachea(patches, lungs, midline)
        lumen |= patches.select(patches.sizes <= _BRANCH_PIXELS)
    if not trunk.any():
        return trunk
    lumen = Regions((lumen & _around(trunk)) | trunk).reached_from(trunk)
    # One voxel of partial volume belongs to the lumen.
    return ndi.binary_dilation(lumen) & (hu < -500) & body


def _trachea(patches: Regions, lungs: Mask, midline: NDArray[np.float64]) -> Mask:
    """Round patches near the midline that stack up; those that end below the middle of the lungs are bowel."""
    low_i, high_i = patches.extent(0)
    low_j, high_j = patches.extent(1)
    wide, deep = high_i - low_i, high_j - low_j
    off_center = np.abs(patches.center(0) - midline[patches.extent(2)[0]])
    tube = patches.select(
        (patches.sizes >= _TUBE_PIXELS[0])
        & (patches.sizes <= _TUBE_PIXELS[1])
        & (np.maximum(wide, deep) < 2.2 * np.minimum(wide, deep))
        & (patches.sizes > 0.55 * wide * deep)
        & (off_center < _MIDLINE_REACH)
    )
    stacks = Regions(tube)
    low_k, high_k = stacks.extent(2)
    filled = np.flatnonzero(lungs.any(axis=(0, 1)))
    middle = filled.mean() if filled.size else 0
    return stacks.select((high_k - low_k >= _TUBE_SLICES) & (high_k > middle))


def _around(trunk: Mask) -> Mask:
    """The box that bronchi and larynx may lie in."""
    i, j, k = (np.flatnonzero(trunk.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    box = np.zeros_like(trunk)
    reach = _BRANCH_REACH
    box[max(i[0] - reach, 0) : i[-1] + reach, max(j[0] - reach, 0) : j[-1] + reach, max(k[0] - reach, 0) :] = True
    return box
