"""Marched light as the network is given it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tomosplat.gaussians import MULTIPLE_SCATTERING, BlockMoments, Light, scattered
from tomosplat.geometry import Grid
from tomosplat.lighting import ArrivingLight, LightRig
from tomosplat.render import march_rays_to_blocks, share_among_blocks
from tomosplat.volume import OpticalVolume

Float32Array = NDArray[np.float32]

#: Marched light in three colours, the same before it is shared with what is around, and the part of the environment
#: that is seen.
LIGHT_CHANNELS = 5
#: Light is given to the network, and compared, about as it is seen.
_GAMMA = np.float32(1 / 2.2)


class MarchedLight:
    """The light of ``march_blocks`` as ``prime`` asks for it, which keeps what the network needs to know of it.

    Attributes:
        radiance: [N, 3] linear RGB that the Gaussians scatter; of the last call.
        features: [N, 5] light channels; of the last call.
    """

    def __init__(self, optical: OpticalVolume, rig: LightRig) -> None:
        self._optical, self._rig = optical, rig
        self.radiance: Float32Array = np.zeros((0, 3), np.float32)
        self.features: Float32Array = np.zeros((0, LIGHT_CHANNELS), np.float32)

    def __call__(self, blocks: BlockMoments) -> Light:
        """March light to the blocks."""
        rays = march_rays_to_blocks(self._optical, self._rig, blocks)
        arriving = share_among_blocks(self._optical.grid, blocks, rays)
        self.radiance = scattered(blocks.rgb, arriving, MULTIPLE_SCATTERING)
        self.features = light_features(arriving, rays)
        return Light(arriving)


def light_features(arriving: Float32Array, rays: ArrivingLight) -> Float32Array:
    """Light channels at N points, [N, 5]; the rig and what is visible are in them, and nothing of directions.

    So they go with any rig, and a mirrored scan has mirrored channels.
    """
    own = rays.radiance.mean(axis=1)
    features: Float32Array = np.concatenate([arriving, own[:, None]], axis=1) ** _GAMMA
    return np.concatenate([features, rays.exposure[:, None]], axis=1).astype(np.float32)


def places_of(grid: Grid, means_mm: NDArray[np.floating]) -> NDArray[np.int64]:
    """Voxel of the half-resolution grid in which each mean lies, [N, 3]."""
    half = [(n + 1) // 2 - 1 for n in grid.shape]
    return np.clip(np.rint((grid.to_index(means_mm) - 0.5) / 2).astype(np.int64), 0, half)


def light_field(places: NDArray[np.int64], features: Float32Array, shape: tuple[int, int, int]) -> Float32Array:
    """Mean light channels of each voxel [L, I, J, K]; 0 where there is no Gaussian.

    Args:
        places: [N, 3], inside ``shape``.
        features: [N, L].
        shape: (I, J, K).
    """
    flat, size = np.ravel_multi_index(tuple(places.T), shape), int(np.prod(shape))
    counts = np.maximum(np.bincount(flat, minlength=size), 1)
    field = np.empty((features.shape[1], size), dtype=np.float32)
    for channel, values in zip(field, features.T, strict=True):
        channel[:] = np.bincount(flat, weights=values, minlength=size) / counts
    return field.reshape(-1, *shape)
