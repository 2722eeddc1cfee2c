"""Where volumes made of slices have their voxels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tomosplat.geometry import Grid, SlicePlane
from tomosplat.volume.resample import working_grid

#: Extent in mm that slices which all lie in one plane are taken to have across it.
_LEAST_EXTENT = 1e-3


def cubes_around(planes: Sequence[SlicePlane], edge_mm: float) -> Grid:
    """Cubes along the patient's axes that cover all pixels of all planes.

    Raises:
        GeometryError: The edge is not positive, or leaves fewer than 16 cubes along an axis.
        MemoryLimitError: There would be too many.
    """
    ends = [np.array([[u, v, 0, 1] for u in (0, p.width - 1) for v in (0, p.height - 1)]) for p in planes]
    corners = np.concatenate([end @ plane.affine[:3].T for end, plane in zip(ends, planes, strict=True)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = Grid.axis_aligned((1, 1, 1), np.maximum(high - low, _LEAST_EXTENT), (low + high) / 2)
    return working_grid(box, edge_mm)


def grid_planes(grid: Grid) -> Iterator[SlicePlane]:
    """The planes of a grid's last index axis: pixel (u, v) of plane k is voxel (u, v, k)."""
    for k in range(grid.shape[2]):
        affine = grid.affine.copy()
        affine[:3, 3] += k * affine[:3, 2]
        yield SlicePlane(affine, grid.shape[1], grid.shape[0])
