"""Connected regions and box morphology of large masks: what the steps of the tissue segmenter share.

Masks are [I, J, K] bool with axial slices along K. All sizes in these steps count voxels of the 1.5 mm working grid,
so that a small animal on a grid as fine as its size asks for is treated like a person.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Image = NDArray[np.float32]

#: Connects neighbours inside an axial slice only, so that labelling treats every slice on its own.
IN_SLICE: Mask = np.zeros((3, 3, 3), dtype=np.bool_)
IN_SLICE[:, :, 1] = ndi.generate_binary_structure(2, 1)


class Regions:
    """Connected regions of a mask, numbered from 1; entry 0 of every array below stands for the outside.

    Attributes:
        ids: [I, J, K] region number of each voxel.
        sizes: [N + 1] voxel counts, 0 for the outside.
    """

    def __init__(self, mask: Mask, structure: Mask | None = None) -> None:
        self.ids, count = ndi.label(mask, structure=structure)
        self._where = np.flatnonzero(mask)
        self._region = self.ids.ravel()[self._where]
        self._count = count + 1
        self.sizes = np.bincount(self._region, minlength=self._count)

    def total(self, image: NDArray[np.generic]) -> NDArray[np.float64]:
        """Sum of ``image`` [I, J, K] over each region."""
        weights = image.reshape(-1)[self._where]
        sums = np.bincount(self._region, weights=weights, minlength=self._count)
        return sums.astype(np.float64, copy=False)

    def mean(self, image: NDArray[np.generic]) -> NDArray[np.float64]:
        """Mean of ``image`` over each region; a share, if it is a mask."""
        return self.total(image) / np.maximum(self.sizes, 1)

    def variation(self, image: Image) -> NDArray[np.float64]:
        """Standard deviation of ``image`` over each region, divided by the mean."""
        mean = self.mean(image)
        variance = self.mean(np.square(image, dtype=np.float64)) - mean**2
        return np.sqrt(np.maximum(variance, 0)) / np.maximum(np.abs(mean), 1)

    def center(self, axis: int) -> NDArray[np.float64]:
        """Mean index along ``axis`` of each region."""
        index = np.unravel_index(self._where, self.ids.shape)[axis]
        return np.bincount(self._region, weights=index, minlength=self._count) / np.maximum(self.sizes, 1)

    def extent(self, axis: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and one past the last index of each region along ``axis``."""
        boxes = ndi.find_objects(self.ids)
        start = np.array([0, *(box[axis].start for box in boxes)])
        stop = np.array([0, *(box[axis].stop for box in boxes)])
        return start, stop

    def select(self, keep: Mask) -> Mask:
        """The voxels of the regions for which ``keep`` [N + 1] holds."""
        keep = keep.copy()
        keep[0] = False
        selected: Mask = keep[self.ids]
        return selected

    def reached_from(self, seeds: Mask) -> Mask:
        """The voxels of all regions that hold a voxel of ``seeds``."""
        return self.select(self.total(seeds) > 0)


def dilate(mask: Mask, box: int | Sequence[int]) -> Mask:
    """Widen a mask by a box of odd edge length (or three lengths)."""
    return np.asarray(ndi.maximum_filter(mask.view(np.uint8), box, mode="nearest")).view(np.bool_)


def erode(mask: Mask, box: int | Sequence[int]) -> Mask:
    """Thin a mask by a box; the edges of the volume do not eat into it."""
    return np.asarray(ndi.minimum_filter(mask.view(np.uint8), box, mode="nearest")).view(np.bool_)


def close(mask: Mask, box: int | Sequence[int]) -> Mask:
    """Bridge gaps narrower than a box."""
    return erode(dilate(mask, box), box) | mask


def lateral_faces(array: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    """The four faces of a volume that are not axial slices."""
    return [array[0], array[-1], array[:, 0], array[:, -1]]


def slice_holes(mask: Mask) -> Regions:
    """Regions of each axial slice that ``mask`` encloses; swap axes for other slices."""
    gaps = Regions(~mask, IN_SLICE)
    enclosed = np.ones(gaps.sizes.size, dtype=np.bool_)
    for face in lateral_faces(gaps.ids):
        enclosed[face] = False
    return Regions(gaps.select(enclosed), IN_SLICE)


def bounding_box(mask: Mask) -> tuple[slice, slice, slice]:
    """The smallest box around a mask that is not empty."""
    box = ndi.find_objects(mask.view(np.uint8))[0]
    return box[0], box[1], box[2]
