"""Slices as planes in space, of any orientation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tomosplat.errors import GeometryError
from tomosplat.geometry.grid import FloatArray


@dataclass(frozen=True, eq=False)
class SlicePlane:
    """Where the pixels of a slice are.

    Attributes:
        affine: [4, 4] float64, (u, v, ·, 1) → RAS+ mm; whole u (column) and v (row) are pixel centres. The third column
            does not matter.
        height: Rows.
        width: Columns.

    Raises:
        GeometryError: The affine is not finite, its first two columns are parallel, or there are no pixels.
    """

    affine: FloatArray
    height: int
    width: int

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError(f"the affine of a slice must be 4x4 and finite, got {affine.tolist()}")
        lengths = np.linalg.norm(affine[:3, :2], axis=0)
        if np.linalg.norm(np.cross(affine[:3, 0], affine[:3, 1])) <= 1e-6 * lengths[0] * lengths[1]:
            raise GeometryError(f"the rows and columns of a slice must not be parallel, got {affine[:3, :2].tolist()}")
        if min(self.height, self.width) < 1:
            raise GeometryError(f"a slice needs pixels, got {self.height}x{self.width}")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @property
    def spacing(self) -> FloatArray:
        """Millimetres from column to column and from row to row, [2]."""
        lengths: FloatArray = np.linalg.norm(self.affine[:3, :2], axis=0).astype(np.float64)
        return lengths

    @property
    def normal(self) -> FloatArray:
        """Unit vector across the slice, [3]: columns × rows."""
        across: FloatArray = np.cross(self.affine[:3, 0], self.affine[:3, 1])
        return across / np.linalg.norm(across)

    @property
    def from_world(self) -> FloatArray:
        """[3, 4], RAS+ mm → column, row, and millimetres off the plane along the normal."""
        to_world = np.column_stack([self.affine[:3, :2], self.normal])
        inverse = np.linalg.inv(to_world)
        return np.column_stack([inverse, -inverse @ self.affine[:3, 3]])

    def pixel_centers(self) -> FloatArray:
        """[H, W, 3] RAS+ mm."""
        v, u = np.meshgrid(np.arange(self.height), np.arange(self.width), indexing="ij")
        centers: FloatArray = self.affine[:3, 3] + u[..., None] * self.affine[:3, 0] + v[..., None] * self.affine[:3, 1]
        return centers
