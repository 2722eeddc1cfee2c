"""Vessels and heart filled with contrast, told apart from bone of the same density.

Blood is homogeneous, so thick homogeneous regions near the midline mark it, unless a denser shell shows that they are
marrow. Dense regions that are not connected to blood, at densities near its own, mark bone. The rest is flooded from
these markers, brightest first: where a vessel lies against a bone they part along the darkest voxels between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from tomosplat.anatomy.masks import Image, Mask, Regions, dilate, erode

_DENSE_HU = 110
_BLOOD_HU = 130  # of enhanced blood, at least
_POOL_VOXELS = 500
_VESSEL_VOXELS = 300
_ORGAN_VOXELS = 2_000
_BONE_VOXELS = 300
_CENTRAL = 30  # 45 mm from the midline
_BLOOD, _BONE, _ORGAN = 1, 2, 3


@dataclass(frozen=True, eq=False)
class BloodPool:
    """Enhanced blood.

    Attributes:
        hu: Its density.
        core: Voxels well inside heart and vessels.
        organs: Voxels well inside other enhanced organs, as spleen and kidneys.
        marrow: Voxels well inside bones.
    """

    hu: float
    core: Mask
    organs: Mask
    marrow: Mask


def find_blood_pool(hu: Image, body: Mask, midline: NDArray[np.float64]) -> BloodPool | None:
    """Return the enhanced blood, or None when the scan has no contrast."""
    calm = np.asarray(ndi.gaussian_filter(hu, 0.7, truncate=3))
    thick = erode(calm > _DENSE_HU, 5) & body
    mean = ndi.uniform_filter(calm, 5)
    spread = np.sqrt(np.maximum(ndi.uniform_filter(calm * calm, 5) - mean * mean, 0))
    even = Regions(thick & (spread < 0.06 * mean + 8))
    regions = Regions(even.select((even.sizes >= _VESSEL_VOXELS) & (even.variation(calm) < 0.1)))
    density = regions.mean(hu)
    marrow = _shell_share(regions, hu, density) > 0.27
    slices = np.round(regions.center(2)).astype(np.intp)
    central = np.abs(regions.center(0) - midline[slices]) <= _CENTRAL
    pools = ~marrow & central & (regions.sizes >= _POOL_VOXELS) & (density >= _BLOOD_HU)
    if not pools.any():
        return None
    blood = float(density[np.argmax(np.where(pools, regions.sizes, 0))])
    is_blood = ~marrow & central & (density > 0.8 * blood) & (density < 1.7 * blood)
    is_organ = ~marrow & ~is_blood & (regions.sizes >= _ORGAN_VOXELS)
    return BloodPool(blood, regions.select(is_blood), regions.select(is_organ), regions.select(marrow))


def _shell_share(regions: Regions, hu: Image, density: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of a shell around each region that is clearly denser than the region, in the denser of two shells."""
    shares = []
    inner = ndi.maximum_filter(regions.ids, 3)
    for box in (7, 11):
        outer = ndi.maximum_filter(regions.ids, box)
        where = np.flatnonzero((outer > 0) & (inner == 0))
        region = outer.ravel()[where]
        denser = hu.ravel()[where] > 1.15 * density[region] + 20
        size = regions.sizes.size
        shares.append(np.bincount(region, denser, size) / np.maximum(np.bincount(region, minlength=size), 1))
        inner = outer
    return np.maximum(*shares)


def split_dense(hu: Image, body: Mask, blood: BloodPool) -> tuple[Mask, Mask]:
    """Return the vessels, and what else is dense, which is bone but for enhanced organs at its rim."""
    from skimage.segmentation import watershed  # half a second to import, and only scans with contrast need it

    dense = ((hu > _DENSE_HU) & body) | blood.core | blood.organs | blood.marrow
    markers = np.zeros(hu.shape, dtype=np.int32)
    markers[blood.core] = _BLOOD
    markers[blood.organs] = _ORGAN
    markers[blood.marrow] = _BONE
    wall = dilate(blood.core, 13)  # where what is denser than blood is plaque
    for level in sorted({max(share * blood.hu, 150.0) for share in (1.15, 0.85, 0.7)}, reverse=True):
        markers[_bone_at(level, hu, body, markers > 0) & ~wall] = _BONE
    flooded = watershed(-hu, markers, mask=dense)
    vessels = flooded == _BLOOD
    # Away from well filled vessels, what was flooded is an enhanced organ.
    vessels &= dilate(vessels & (hu > 0.75 * blood.hu), 5) & (hu > max(100.0, 0.5 * blood.hu))
    vessels = Regions(vessels).reached_from(blood.core)
    vessels |= ndi.binary_dilation(vessels) & (hu > 0.25 * blood.hu + 40) & (flooded != _BONE) & body
    return vessels, dense & ((flooded == _BONE) | (flooded == 0)) & ~vessels


def _bone_at(level: float, hu: Image, body: Mask, marked: Mask) -> Mask:
    """Regions above a density that no marker has claimed and that hold cortical bone."""
    regions = Regions(((hu > level) & body) | marked)
    unclaimed = regions.total(marked) == 0
    cortical = regions.mean(hu > max(300.0, 1.15 * level)) > 0.12
    return regions.select(unclaimed & cortical & (regions.sizes >= _BONE_VOXELS))


def grow_heart(vessels: Mask) -> Mask:
    """Return the region of the heart: its chambers, closed over walls and valves and widened by the outer wall.

    Worked out at half resolution: the heart is round. Empty when no chamber is in view.
    """
    coarse = vessels[::2, ::2, ::2]
    deep = Regions(ndi.distance_transform_edt(coarse) > 4)
    heart = np.zeros_like(vessels)
    if deep.sizes.max() < 150:
        return heart
    largest = np.zeros(deep.sizes.size, dtype=np.bool_)
    largest[deep.sizes.argmax()] = True
    margin = 12
    seeds = np.pad(deep.select(largest), margin)
    widened = ndi.distance_transform_edt(~seeds) <= 9
    closed = ndi.distance_transform_edt(widened) > 2.5
    inner = closed[margin:-margin, margin:-margin, margin:-margin]
    fine = inner.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    return fine[: vessels.shape[0], : vessels.shape[1], : vessels.shape[2]]
