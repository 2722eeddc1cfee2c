"""The body in a scan whose values say little about tissue: what gives signal, as one label."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndi

from tomosplat.anatomy.labels import LABEL_NAMES
from tomosplat.anatomy.masks import Mask, Regions, dilate, slice_holes
from tomosplat.report import Progress
from tomosplat.volume import LabelMap, Volume

_BODY = next(label for label, name in LABEL_NAMES.items() if name == "tissue_soft")
#: Of relative signal: noise in air stays below, bone and fluid do not matter because holes are filled.
_LEAST_SIGNAL = 0.1
#: Parts smaller than this share of the largest are noise.
_LEAST_PART = 0.01
#: Voxels by which the body is widened, so that its surface is not cut but fades as the signal does.
_MARGIN = 3


class SignalSegmenter:
    """Labels the body of an MR or ultrasound scan of relative signal as soft tissue; organs are not told apart."""

    def __call__(self, volume: Volume, progress: Progress | None = None) -> LabelMap:
        """Return the body's label on the volume's grid; empty where nothing gives signal."""
        body = _body(np.asarray(ndi.gaussian_filter(volume.values, 1.0) > _LEAST_SIGNAL))
        values = np.where(body, np.uint8(_BODY), np.uint8(0))
        names = {_BODY: LABEL_NAMES[_BODY]} if body.any() else {}
        return LabelMap(values, volume.grid, names, ("body found from the signal, without organs",))


def _body(signal: Mask) -> Mask:
    regions = Regions(signal)
    if not regions.sizes.any():
        return signal
    parts = regions.select(regions.sizes >= _LEAST_PART * regions.sizes.max())
    return dilate(parts | slice_holes(parts).ids.astype(np.bool_), _MARGIN)
