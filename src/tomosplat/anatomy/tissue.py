"""Tissue classes from HU alone: what stands in for organ labels when there is no network."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from tomosplat.anatomy.airways import close_lungs, find_airway, find_lungs
from tomosplat.anatomy.body import find_body
from tomosplat.anatomy.contrast import find_blood_pool, grow_heart, split_dense
from tomosplat.anatomy.labels import LABEL_NAMES
from tomosplat.anatomy.masks import Image, Mask, bounding_box, erode
from tomosplat.anatomy.skeleton import find_skeleton
from tomosplat.errors import UnitsError
from tomosplat.report import Progress
from tomosplat.volume import LabelMap, Volume

_ID = {name: label for label, name in LABEL_NAMES.items()}
_SOFT_HU = -25  # half way between fat and muscle
_STEPS = 6


class TissueSegmenter:
    """Segments a CT into lung, airway, bone, enhanced vessels and heart, and soft tissue; fat and skin are left out.

    Works on any part of the body, cropped or whole. Its sizes count voxels and are tuned for a person at 1.5 mm (or a
    small animal at a grid as much finer); at 2 mm and above it misses much of the bone.
    """

    def __call__(self, volume: Volume, progress: Progress | None = None) -> LabelMap:
        """Return tissue labels (ids from 120 on) on the volume's grid.

        Raises:
            UnitsError: The volume is not in HU.
        """
        if volume.unit != "HU":
            raise UnitsError(
                f"tissues are told apart by HU, but the volume's values are {volume.unit}; "
                "rescale them to HU (air -1000, water 0) or give labels"
            )
        labels = np.zeros(volume.grid.shape, dtype=np.uint8)
        scanned = volume.values > volume.values.min()  # resampling may have added planes of air around the scan
        if scanned.any():
            box = bounding_box(scanned)
            labels[box] = _label_tissues(_smoothed(volume.values[box]), progress)
        names = {int(i): LABEL_NAMES[int(i)] for i in np.unique(labels) if i}
        return LabelMap(labels, volume.grid, names, ("tissues segmented from HU",))


def _label_tissues(hu: Image, progress: Progress | None) -> NDArray[np.uint8]:
    """Find the body, then label what is in the box around it."""
    labels = np.zeros(hu.shape, dtype=np.uint8)
    body = find_body(hu)
    if body.any():
        box = bounding_box(body)
        labels[box] = _label_body(np.ascontiguousarray(hu[box]), np.ascontiguousarray(body[box]), progress)
    return labels


def _label_body(hu: Image, body: Mask, progress: Progress | None) -> NDArray[np.uint8]:
    def done(step: int) -> None:
        if progress:
            progress(step, _STEPS)

    done(1)
    midline = _midline(body)
    air = find_lungs(hu, body)
    lumen = find_airway(hu, body, air, midline)
    air &= ~lumen
    airway = ndi.binary_dilation(lumen) & body & ~air
    lungs = close_lungs(air, body) & ~airway
    done(2)
    blood = find_blood_pool(hu, body, midline)
    done(3)
    vessels, dense, excluded = np.zeros_like(body), body, lumen
    if blood is not None:
        vessels, dense = split_dense(hu, body, blood)
        excluded = excluded | vessels | blood.organs
    done(4)
    bone = find_skeleton(hu, dense, body, excluded)
    done(5)
    if blood is not None:
        wall = grow_heart(vessels) & (hu > 20) & (hu < max(150.0, blood.hu))
        vessels |= wall & body & ~bone & ~lungs & ~airway
    soft = erode(body, 5) & (hu > _SOFT_HU)
    labels = np.zeros(hu.shape, dtype=np.uint8)
    for name, mask in (("soft", soft), ("lung", lungs), ("airway", airway), ("vessel", vessels), ("bone", bone)):
        labels[mask] = _ID[f"tissue_{name}"]
    done(_STEPS)
    return labels


def _smoothed(values: Image) -> Image:
    """Calm the noise a little; edges stay within half a voxel."""
    return np.asarray(ndi.gaussian_filter(values, 0.5, truncate=3))


def _midline(body: Mask) -> NDArray[np.float64]:
    """The body's centre along the first axis in each axial slice, [K]."""
    columns = body.sum(axis=1)
    index = np.arange(body.shape[0])[:, None]
    return np.asarray((columns * index).sum(axis=0) / np.maximum(columns.sum(axis=0), 1))
