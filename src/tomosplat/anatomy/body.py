"""Where the patient is: the body with everything inside, without couch, clothes, wires and surrounding air."""

from __future__ import annotations

import numpy as np

from tomosplat.anatomy.masks import Image, Mask, Regions, dilate, erode, lateral_faces, slice_holes

_TISSUE_HU = -300
_BONE_HU = 200


def find_body(hu: Image) -> Mask:
    """Return the body, air inside it included.

    Couch, clothes and wires are thinner than any part of the body, so they vanish when the tissue is thinned; blocks
    thick enough to stay (head rests) hold no bone.

    Args:
        hu: [I, J, K] lightly smoothed HU.
    """
    half = _halved(hu)
    tissue = (half > _TISSUE_HU) & ~_padding(half)
    body = dilate(_parts(half, erode(tissue, 3)), 5) & tissue
    if body.sum() < 0.5 * tissue.sum():  # nothing here is thick: dry bone, or the scan of a small animal
        body = dilate(_parts(half, tissue), 5)
    whole = body | slice_holes(body).ids.astype(np.bool_) | _inner_air(half, body)
    fine = whole.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    return np.pad(fine, [(0, n - m) for n, m in zip(hu.shape, fine.shape, strict=True)], mode="edge")


def _parts(hu: Image, tissue: Mask) -> Mask:
    """The largest region of tissue and all others of some size that hold bone (arms, the other leg)."""
    regions = Regions(tissue)
    bone = regions.mean(hu > _BONE_HU)
    is_part = (regions.sizes > 0.01 * regions.sizes.max()) & (bone > 0.02)
    is_part[regions.sizes.argmax()] = True
    return regions.select(is_part)


def _inner_air(hu: Image, body: Mask) -> Mask:
    """Air that hardly touches the sides of the volume: lungs, also those that the edge of the scan cuts open."""
    air = Regions((hu <= _TISSUE_HU) & ~body)
    contact = np.zeros(air.sizes.size)
    for face in lateral_faces(air.ids):
        contact += np.bincount(face.ravel(), minlength=contact.size)
    enclosed = air.mean(dilate(body, 3)) > 0
    return air.select((contact < 0.3 * air.sizes ** (2 / 3)) & enclosed)


def _padding(hu: Image) -> Mask:
    """Voxels of a constant that is not air, with which a masked scan (a skull-stripped brain) is filled up."""
    border = np.concatenate([face.ravel() for face in lateral_faces(hu)])
    values, counts = np.unique(np.round(border), return_counts=True)
    fill = values[counts.argmax()]
    if fill <= _TISSUE_HU or counts.max() <= 0.5 * border.size:
        return np.zeros(hu.shape, dtype=np.bool_)
    return np.asarray(np.abs(hu - fill) <= 0.5)


def _halved(hu: Image) -> Image:
    """Mean over blocks of 2×2×2 voxels; a last odd voxel is left out."""
    i, j, k = (max(n // 2, 1) for n in hu.shape)
    if min(hu.shape) < 2:
        return hu[: 2 * i : 2, : 2 * j : 2, : 2 * k : 2]
    blocks = hu[: 2 * i, : 2 * j, : 2 * k].reshape(i, 2, j, 2, k, 2)
    return np.asarray(blocks.mean(axis=(1, 3, 5), dtype=np.float32))
