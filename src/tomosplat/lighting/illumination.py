"""The light that a scene's Gaussians take their colour from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomosplat.geometry import Grid
from tomosplat.lighting.march import ArrivingLight, march_rays
from tomosplat.lighting.neighbours import Neighbours
from tomosplat.lighting.rigs import LightRig
from tomosplat.volume.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: Reach of the neighbours' light, in 2×2×2 blocks, and weight of a point's own light beside theirs.
_REACH = 0.6
_OWN_WEIGHT = 0.5
#: Light is shared even where nothing is exposed.
_MIN_EXPOSURE = 1e-4


def march_light(
    optical: OpticalVolume, rig: LightRig, points_mm: ArrayLike, normals: ArrayLike | None = None
) -> Float32Array:
    """Mean radiance that arrives at points of visible matter, [N, 3] linear RGB.

    ``march_rays`` at each point, then shared with what is around in proportion to exposure: Gaussians overlap, and
    one just under a surface shows between those on it, so it must not be as dark as the depth that it lies in.

    Args:
        optical: What is visible, on an isotropic grid.
        rig: Lights around ``optical.grid.bounds``.
        points_mm: [N, 3] world mm, inside the grid.
        normals: [N, 3], outward; their length, 0..1, tells how much of a surface it is (default: 0, in the open).

    Raises:
        ShapeError: ``points_mm`` or ``normals`` is not [N, 3].
        GeometryError: The grid's voxels are not cubes.
    """
    light = march_rays(optical, rig, points_mm, normals)
    return share_light(optical.grid, np.asarray(points_mm, dtype=np.float64), light)


def share_light(grid: Grid, points_mm: NDArray[np.float64], light: ArrivingLight) -> Float32Array:
    """Average the light over nearby points with their exposures as weights, [N, 3]."""
    near = Neighbours(grid, points_mm)

    def around(values: Float32Array) -> Float32Array:
        return near.around(values, _REACH) + np.float32(_OWN_WEIGHT) * values

    weight = light.exposure + np.float32(_MIN_EXPOSURE)
    channels = [around(weight * light.radiance[:, c]) for c in range(3)]
    return np.stack(channels, axis=1) / around(weight)[:, None]
