"""What every backend's pinhole projection shares."""

from __future__ import annotations

import numpy as np

from tomosplat.geometry import Cameras
from tomosplat.geometry.grid import FloatArray
from tomosplat.render.constants import FRUSTUM_MARGIN

#: Length of a camera as kernels take it (see ``camera_row``).
CAMERA_SIZE = 20


def frustum_limits(focal: float, center: float, size: int) -> tuple[float, float]:
    """Lowest and highest x/z (or y/z) at which the perspective is linearised.

    For a centred principal point, ±FRUSTUM_MARGIN times the tangent of half the field of view; for any other, the
    edges of the view moved outwards by as much.
    """
    margin = (FRUSTUM_MARGIN - 1) * size / (2 * focal)
    return -center / focal - margin, (size - center) / focal + margin


def camera_row(cameras: Cameras, index: int) -> FloatArray:
    """One camera as 20 float64: rotation row by row, position, fx, fy, cx, cy, bounds of x/z and y/z (low, high)."""
    K = cameras.Ks[index]
    row: FloatArray = np.empty(CAMERA_SIZE)
    row[:9] = cameras.viewmats[index, :3, :3].ravel()
    row[9:12] = cameras.positions[index]
    row[12:16] = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    row[16:18] = frustum_limits(K[0, 0], K[0, 2], cameras.width)
    row[18:20] = frustum_limits(K[1, 1], K[1, 2], cameras.height)
    return row
