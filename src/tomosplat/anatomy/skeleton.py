"""The skeleton: dense regions that hold cortical bone, with the marrow inside them."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndi

from tomosplat.anatomy.masks import Image, Mask, Regions, bounding_box, close, erode, slice_holes

_BONE_HU = 150
_CORTICAL_HU = 250
_MARROW_HU = 100
_FAT_HU, _RED_MARROW_HU = -15, 72  # the spinal canal lies between
_SMALL_HOLE, _LARGEST_HOLE = 40, 900  # pixels: 90 mm², less than any spinal canal, and 20 cm²


def find_skeleton(hu: Image, dense: Mask, body: Mask, excluded: Mask) -> Mask:
    """Return bone and marrow.

    Args:
        hu: [I, J, K] lightly smoothed HU.
        dense: What may be bone.
        body: The body.
        excluded: Vessels and organs that are certainly not bone.
    """
    regions = Regions(dense & (hu > _BONE_HU))
    cortical = regions.total(hu > _CORTICAL_HU)
    # Nothing in the body's outermost layer is bone: that is what lies on the skin.
    deep = regions.mean(erode(body, 5)) > 0.5
    bone = regions.select((regions.sizes >= 25) & (cortical >= 8) & deep)
    return fill_marrow(hu, bone, excluded) if bone.any() else bone


def fill_marrow(hu: Image, bone: Mask, excluded: Mask) -> Mask:
    """Add the marrow: dense voxels between cortices, and what bone encloses but for the spinal canal and the brain."""
    box = bounding_box(bone)
    hu, inner, excluded = hu[box], bone[box], excluded[box]
    calm = np.asarray(ndi.gaussian_filter(hu, 1.25, truncate=2.5))
    inner = inner | (close(inner, 9) & (calm > _MARROW_HU) & (hu > _MARROW_HU) & ~excluded)
    shut = close(inner, 3)
    holes = slice_holes(close(inner, (5, 5, 1)))
    density = holes.mean(hu)
    marrow = (density > -200) & ((density < _FAT_HU) | (density > _RED_MARROW_HU))
    enclosed = holes.select((holes.sizes < _LARGEST_HOLE) & (marrow | (holes.sizes < _SMALL_HOLE)))
    # The canal is a tube: only slices across it enclose it. A vertebral body is enclosed from all sides.
    sides = np.zeros(shut.shape, dtype=np.uint8)
    for axis in range(3):
        across = slice_holes(shut.swapaxes(axis, 2))
        sides += across.select(across.sizes < _LARGEST_HOLE).swapaxes(axis, 2)
    filled = bone.copy()
    filled[box] |= (inner | enclosed | (sides == 3)) & ~excluded
    return filled
