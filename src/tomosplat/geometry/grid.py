"""A voxel grid in patient space: RAS+ millimetres, float64, voxel centres at integer indices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomosplat.errors import GeometryError

FloatArray = NDArray[np.float64]

#: Maps LPS millimetres (DICOM, ITK) to RAS millimetres and back: it is its own inverse.
LPS_TO_RAS: FloatArray = np.diag([-1.0, -1.0, 1.0, 1.0])

_AXIS_CODES = ("LR", "PA", "IS")  # (negative, positive) direction of world x, y, z


@dataclass(frozen=True, eq=False)
class Grid:
    """Shape and index-to-world affine of a voxel array.

    Index axes are i, j, k; world x, y, z grow towards the patient's right, anterior and superior.

    Attributes:
        shape: Voxel counts (I, J, K), each at least 1.
        affine: [4, 4] float64, index → world in RAS+ mm; integer indices are voxel centres.

    Raises:
        GeometryError: The shape is empty or the affine is not a finite, invertible affine map.
    """

    shape: tuple[int, int, int]
    affine: FloatArray

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(f"grid shape must be three counts of at least 1, got {self.shape}")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.all(np.isfinite(affine)):
            raise GeometryError(f"affine must be a finite 4x4 matrix, got shape {affine.shape}: {affine.tolist()}")
        if not np.array_equal(affine[3], [0, 0, 0, 1]):
            raise GeometryError(f"the last row of an affine must be 0 0 0 1, got {affine[3].tolist()}")
        columns = np.linalg.norm(affine[:3, :3], axis=0)
        volume = abs(np.linalg.det(affine[:3, :3]))
        if columns.min() <= 0 or volume <= 1e-6 * columns.prod():
            raise GeometryError(
                f"affine is singular: voxel edges of {columns.tolist()} mm span {volume:g} mm³; "
                "its three axes must point in three different directions"
            )
        affine.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def axis_aligned(cls, shape: tuple[int, int, int], spacing: ArrayLike, origin: ArrayLike = (0, 0, 0)) -> Grid:
        """Build a grid whose index axes are the world axes; ``spacing`` and ``origin`` in mm."""
        affine = np.eye(4)
        affine[:3, :3] = np.diag(np.broadcast_to(np.asarray(spacing, dtype=np.float64), 3))
        affine[:3, 3] = np.asarray(origin, dtype=np.float64)
        return cls(shape, affine)

    def __str__(self) -> str:
        shape, spacing = ("x".join(f"{n:.4g}" for n in numbers) for numbers in (self.shape, self.spacing))
        first = ", ".join(f"{x:.2f}" for x in self.origin)
        return f"{shape} voxels of {spacing} mm, {self.orientation}, first voxel at ({first}) mm"

    @property
    def n_voxels(self) -> int:
        """How many voxels there are."""
        return math.prod(self.shape)

    @cached_property
    def spacing(self) -> FloatArray:
        """Length of a voxel's three edges in mm, [3]."""
        lengths: FloatArray = np.linalg.norm(self.affine[:3, :3], axis=0).astype(np.float64)
        return lengths

    @cached_property
    def direction(self) -> FloatArray:
        """Unit vectors of the index axes as columns, [3, 3]."""
        unit: FloatArray = np.divide(self.affine[:3, :3], self.spacing, dtype=np.float64)
        return unit

    @property
    def origin(self) -> FloatArray:
        """World position of voxel (0, 0, 0) in mm, [3]."""
        return self.affine[:3, 3]

    @cached_property
    def orientation(self) -> str:
        """Three letters: where each index axis points to, nearest of L/R, P/A, I/S; "RAS" when aligned."""
        axes = closest_axes(self.affine)
        signs = [self.direction[axis, index] > 0 for index, axis in enumerate(axes)]
        return "".join(_AXIS_CODES[axis][int(sign)] for axis, sign in zip(axes, signs, strict=True))

    def is_orthogonal(self, tolerance: float = 1e-3) -> bool:
        """Whether the index axes are mutually perpendicular (cosines within ``tolerance``)."""
        return bool(np.abs(self.direction.T @ self.direction - np.eye(3)).max() <= tolerance)

    def is_axis_aligned(self, tolerance: float = 1e-3) -> bool:
        """Whether every index axis runs along a world axis, in either sense."""
        return bool(np.all(np.abs(self.direction).max(axis=0) >= 1 - tolerance))

    def to_world(self, indices: ArrayLike) -> FloatArray:
        """Map (fractional) indices [..., 3] to world mm [..., 3]."""
        points = np.asarray(indices, dtype=np.float64)
        return points @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, points_mm: ArrayLike) -> FloatArray:
        """Map world mm [..., 3] to (fractional) indices [..., 3]."""
        points = np.asarray(points_mm, dtype=np.float64)
        inverse: FloatArray = np.linalg.inv(self.affine[:3, :3]).astype(np.float64)
        return (points - self.affine[:3, 3]) @ inverse.T

    @cached_property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest world coordinates over the grid's corners, voxel faces included."""
        ends = [(-0.5, n - 0.5) for n in self.shape]
        corners = self.to_world(np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3))
        return corners.min(axis=0), corners.max(axis=0)

    @property
    def center(self) -> FloatArray:
        """World position of the middle of the grid in mm, [3]."""
        return self.to_world((np.asarray(self.shape) - 1) / 2)

    def matches(self, other: Grid, tolerance_mm: float = 1e-2) -> bool:
        """Whether both grids have one shape and no corner voxel differs by more than ``tolerance_mm``."""
        if self.shape != other.shape:
            return False
        last = np.asarray(self.shape) - 1
        corners = np.stack(np.meshgrid(*[(0, n) for n in last], indexing="ij"), axis=-1).reshape(-1, 3)
        return bool(np.abs(self.to_world(corners) - other.to_world(corners)).max() <= tolerance_mm)


def closest_axes(affine: FloatArray) -> tuple[int, int, int]:
    """For each index axis, the world axis it is nearest to; always a permutation of (0, 1, 2)."""
    matrix = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    # The nearest orthogonal matrix first: an oblique grid may otherwise claim one world axis twice.
    u, _, vt = np.linalg.svd(matrix)
    cosines = np.abs(u @ vt)
    axes = [-1, -1, -1]
    for _ in range(3):
        world, index = np.unravel_index(int(cosines.argmax()), (3, 3))
        axes[int(index)] = int(world)
        cosines[world, :] = -1
        cosines[:, index] = -1
    return axes[0], axes[1], axes[2]
