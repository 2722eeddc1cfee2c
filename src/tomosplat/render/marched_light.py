"""Light for every Gaussian without tracing a path: marched, and scattered again by what is around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tomosplat.gaussians import BlockMoments, srgb_to_linear
from tomosplat.gaussians.shading import MAX_ALBEDO, MULTIPLE_SCATTERING
from tomosplat.geometry import Grid
from tomosplat.lighting import ArrivingLight, LightRig, Neighbours, march_rays, share_light
from tomosplat.volume.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: Reach in 2×2×2 blocks of what scatters light again towards a Gaussian. Flat between 0.7 and 1, on two scans.
_REACH = 0.7


def march_blocks(optical: OpticalVolume, rig: LightRig, blocks: BlockMoments) -> Float32Array:
    """Light J that arrives at entries of ``block_moments``, as ``shade`` takes it, [N, 3] linear RGB.

    ``march_rays_to_blocks``, then ``share_among_blocks``.

    Raises:
        GeometryError: The grid's voxels are not cubes.
    """
    return share_among_blocks(optical.grid, blocks, march_rays_to_blocks(optical, rig, blocks))


def march_rays_to_blocks(optical: OpticalVolume, rig: LightRig, blocks: BlockMoments) -> ArrivingLight:
    """``march_rays``, in which an entry of ``block_moments`` counts as a surface only as far as it stops light.

    All that comes through a thin one is scattered at the same depth, whatever its angle. Errors as ``march_rays``.
    """
    opaque = -np.expm1(-blocks.extinctions * blocks.pitches)
    return march_rays(optical, rig, blocks.means, blocks.normals * opaque[:, None])


def share_among_blocks(grid: Grid, blocks: BlockMoments, rays: ArrivingLight) -> Float32Array:
    """``share_light``, as ``shade`` takes it, [N, 3] linear RGB.

    ``shade`` takes what is scattered again to meet the entry's own albedo a; light meets that of what is around, A, so
    J holds (1 − m a) / (1 − m A), A being averaged with extinction as weight.
    """
    light = share_light(grid, blocks.means.astype(np.float64), rays)
    depths = blocks.extinctions * blocks.pitches
    albedos = np.minimum(srgb_to_linear(blocks.rgb), MAX_ALBEDO)
    neighbours = Neighbours(grid, blocks.means)
    weight = neighbours.around(depths, _REACH)[:, None]
    around = np.stack([neighbours.around(depths * albedos[:, c], _REACH) for c in range(3)], axis=1) / weight
    again = np.float32(MULTIPLE_SCATTERING)
    arriving: Float32Array = light * (1 - again * albedos) / (1 - again * around)
    return arriving
