"""Small coloured volumes and what is primed from them."""

from __future__ import annotations

import numpy as np

from tomosplat.feedforward.head import Primed
from tomosplat.feedforward.lights import MarchedLight, places_of
from tomosplat.gaussians import prime
from tomosplat.geometry import Grid
from tomosplat.lighting import load_rig
from tomosplat.volume import OpticalVolume


def cloudy(shape: tuple[int, int, int], seed: int = 0, filled: float = 0.3) -> OpticalVolume:
    """Random voxels of two organs on 1.5 mm."""
    rng = np.random.default_rng(seed)
    extinction = np.where(rng.random(shape) < filled, rng.uniform(0.02, 2, shape), 0).astype(np.float32)
    return OpticalVolume(
        extinction,
        rng.uniform(0.05, 0.95, (*shape, 3)).astype(np.float32),
        rng.choice([5, 92], shape).astype(np.uint8),
        Grid.axis_aligned(shape, 1.5, (-20, 5, 60)),
        rng.uniform(-1000, 1000, shape).astype(np.float32),
    )


def primed_of(optical: OpticalVolume, *, lit: bool = True) -> Primed:
    march = MarchedLight(optical, load_rig("studio")) if lit else None
    scene = prime(optical, march)
    places = places_of(optical.grid, scene.means.numpy())
    return Primed(scene, places, *((march.radiance, march.features) if march else (None, None)))
