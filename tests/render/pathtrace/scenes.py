"""Small scenes whose light is known, and the settings to trace them with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomosplat.geometry import Cameras, Grid, intrinsics, look_at
from tomosplat.lighting import AreaLight, LightRig
from tomosplat.render import PathTraceSettings
from tomosplat.volume import OpticalVolume

DARK = (0.0, 0.0, 0.0)
#: Two lamps of different colour and size in a coloured room.
ROOM = LightRig(
    "room",
    (0.4, 0.5, 0.6),
    (
        AreaLight("key", (1.5, 2.0, 1.5), 0.5, (14.0, 12.0, 9.0)),
        AreaLight("rim", (-2.5, -1.0, 1.0), 0.8, (5.0, 6.0, 8.0)),
    ),
)


def volume(extinction: ArrayLike, rgb: ArrayLike = (1, 1, 1), spacing: ArrayLike = 1.0) -> OpticalVolume:
    """Extinction [I, J, K] 1/mm with one colour or a colour [I, J, K, 3], the first voxel's centre somewhere odd."""
    sigma = np.asarray(extinction, np.float32)
    colour = np.broadcast_to(np.asarray(rgb, np.float32), (*sigma.shape, 3))
    grid = Grid.axis_aligned(sigma.shape, spacing, (3.0, -7.0, 2.0))  # type: ignore[arg-type]
    return OpticalVolume(sigma, colour, np.ones(sigma.shape, np.uint8), grid)


def exact(**settings: Any) -> PathTraceSettings:
    """Settings that trace the volume as it is, without anti-aliasing."""
    return PathTraceSettings(antialias=0.0, **settings)


def camera(
    optical: OpticalVolume, direction: ArrayLike = (0.3, 1.0, 0.4), size: int = 16, fov: float = 20.0
) -> Cameras:
    """Look at the middle of a scan from ``direction``, from three times its longest edge away."""
    low, high = optical.grid.bounds
    middle = (low + high) / 2
    way = np.asarray(direction, np.float64) / np.linalg.norm(np.asarray(direction, np.float64))
    return Cameras(
        look_at(middle + 3 * float((high - low).max()) * way, middle), intrinsics(1, size, size, fov), size, size
    )


def narrow_camera(optical: OpticalVolume, direction: ArrayLike, size: int = 8) -> Cameras:
    """Rays that are parallel to within a milliradian, through the middle of the scan."""
    return camera(optical, direction, size, fov=0.05)


def blobs(shape: tuple[int, int, int], seed: int = 0) -> NDArray[np.float32]:
    """Random values in 0..1 with holes of 0 and a sharp border somewhere."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, shape) ** 2
    values[values < 0.1] = 0
    values[: shape[0] // 3] *= 0.05
    return values.astype(np.float32)
