"""The scan as the tracer sees it: sparse bricks of extinction and albedo."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tomosplat import machine
from tomosplat.errors import EmptySceneError, MemoryLimitError, UnitsError
from tomosplat.gaussians.shading import srgb_to_linear
from tomosplat.render.pathtracer.bricks import BRICK, BRICK_VOXELS, brick_maxima, fill_bricks
from tomosplat.render.pathtracer.kernels import F32, I32, I64, U16
from tomosplat.volume.volume import OpticalVolume


class Medium(NamedTuple):
    """Extinction and albedo in bricks, as the kernels take them.

    Positions q are in voxels: q = index + 1, so voxel centres are whole numbers and the scan, whose outermost voxels
    reach half a voxel beyond their centres, fills 0.5 < q < n + 0.5 along each axis. Brick b spans
    b · BRICK ≤ q < (b + 1) · BRICK and holds all voxels that trilinear interpolation needs there, BRICK + 1 per axis.

    Attributes:
        majorants: [bricks] 1/mm, not less than any extinction that occurs in the brick; 0 where it is empty.
        starts: [bricks] where the brick's voxels begin in ``fractions``; meaningless where it is empty.
        fractions: [voxels] extinction / majorant · 65536.
        albedos: [voxels, 3] linear albedo · 65535.
        top: [3] the scan's upper end, n + 0.5.
        n_bricks: [3] bricks per axis.
        to_world: [3, 3] directions in voxels to mm.
        to_voxels: [3, 3] its inverse.
    """

    majorants: F32
    starts: I64
    fractions: U16
    albedos: U16
    top: F32
    n_bricks: I32
    to_world: F32
    to_voxels: F32


def build_medium(optical: OpticalVolume, max_albedo: float) -> Medium:
    """Cut an optical volume into bricks, leaving out the empty ones.

    Raises:
        EmptySceneError: The extinction is 0 everywhere.
        MemoryLimitError: The bricks would not fit into memory.
    """
    counts = [n // BRICK + 1 for n in (m + 1 for m in optical.grid.shape)]
    maxima = np.zeros(counts, np.float32)
    brick_maxima(optical.extinction, maxima)
    filled = maxima > 0
    if not filled.any():
        raise EmptySceneError(
            "the extinction is 0 everywhere: no organ that is switched on has visible values; "
            "choose other organs or another transfer function"
        )
    n_filled = int(np.count_nonzero(filled))
    needed = n_filled * BRICK_VOXELS * 8
    if needed > machine.available_memory():
        raise MemoryLimitError(
            f"the visible part of the scan needs {needed / 1e9:.1f} GB as bricks and "
            f"{machine.available_memory() / 1e9:.1f} GB are free; choose fewer organs or a coarser grid"
        )
    starts = np.zeros(counts, np.int64)
    starts[filled] = np.arange(n_filled) * BRICK_VOXELS
    fractions = np.empty(n_filled * BRICK_VOXELS, np.uint16)
    albedos = np.empty((n_filled * BRICK_VOXELS, 3), np.uint16)
    # A fraction of 65536 does not fit into 16 bits, so the majorant lies a little above the maximum.
    majorants = maxima * np.float32(65536 / 65535)
    fill_bricks(optical.extinction, optical.rgb, majorants, starts, _albedo_table(max_albedo), fractions, albedos)
    matrix = optical.grid.affine[:3, :3]
    return Medium(
        majorants.ravel(),
        starts.ravel(),
        fractions,
        albedos,
        np.array(optical.grid.shape, np.float32) + np.float32(0.5),
        np.array(counts, np.int32),
        matrix.astype(np.float32),
        np.linalg.inv(matrix).astype(np.float32),
    )


def _albedo_table(max_albedo: float) -> F32:
    """Albedo · 65535 of evenly spaced sRGB values."""
    return np.minimum(srgb_to_linear(np.linspace(0, 1, 4097)), np.float32(max_albedo)) * np.float32(65535)


def check_values(optical: OpticalVolume) -> None:
    """Refuse optical values that are impossible.

    Raises:
        UnitsError: An extinction or colour is NaN, infinite, negative or (colour) above 1.
    """
    for name, values, high in (("extinction", optical.extinction, np.inf), ("rgb", optical.rgb, 1)):
        lowest, highest = float(values.min()), float(values.max())
        # A NaN anywhere makes both extremes NaN.
        if not (lowest >= 0 and highest <= high and np.isfinite(highest)):
            span = "at least 0 and finite" if name == "extinction" else "between 0 and 1"
            raise UnitsError(f"optical.{name} must be {span}, found values from {lowest:g} to {highest:g}")
