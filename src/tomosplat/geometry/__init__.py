"""Floor 1: grids, cameras, planes and spherical harmonics; float64, no files, no volumes."""

from tomosplat.geometry.cameras import (
    Cameras,
    fibonacci_directions,
    frame_bounds,
    frame_points,
    intrinsics,
    look_at,
    sphere_directions,
)
from tomosplat.geometry.grid import LPS_TO_RAS, FloatArray, Grid, closest_axes
from tomosplat.geometry.planes import SlicePlane
from tomosplat.geometry.spherical_harmonics import SH_C0, SH_C1

__all__ = [
    "LPS_TO_RAS",
    "SH_C0",
    "SH_C1",
    "Cameras",
    "FloatArray",
    "Grid",
    "SlicePlane",
    "closest_axes",
    "fibonacci_directions",
    "frame_bounds",
    "frame_points",
    "intrinsics",
    "look_at",
    "sphere_directions",
]
