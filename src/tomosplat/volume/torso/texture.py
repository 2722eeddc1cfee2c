"""What the scanner adds: uneven tissue, partial volume and noise."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.field import Array

#: Tissue texture: size of its grain in mm and HU standard deviation.
_GRAIN = ((7.0, 5.0), (3.5, 4.0))
_NOISE_HU = 9.0
#: Blur of the image by the voxel's own extent, in voxels.
_PARTIAL_VOLUME = 0.55


def finish(canvas: Canvas, skin: Array, rng: np.random.Generator) -> Array:
    """Return the image that a scanner would make of the painted body, float32 HU."""
    image = canvas.hu
    tissue = image > -500
    for grain_mm, strength in _GRAIN:
        image = image + tissue * np.float32(strength) * _grain(canvas, grain_mm, rng)
    image = gaussian_filter(image, _PARTIAL_VOLUME, truncate=2.5)
    noise = gaussian_filter(rng.standard_normal(image.shape, dtype=np.float32), 0.6, truncate=2.5)
    image += noise * np.float32(_NOISE_HU / 0.45) * np.where(skin < 20, np.float32(1), np.float32(0.4))
    return np.asarray(np.clip(image, -1024, 3071), dtype=np.float32)


def _grain(canvas: Canvas, size_mm: float, rng: np.random.Generator) -> Array:
    """Smooth noise of unit variance whose bumps are ``size_mm`` wide, [I, J, K]."""
    lattice, shape = canvas.lattice, canvas.hu.shape
    extent = [float(axis[-1] - axis[0]) for axis in (lattice.x, lattice.y, lattice.z)]
    coarse = [max(2, round(length / size_mm) + 1) for length in extent]
    bumps = rng.standard_normal(coarse, dtype=np.float32)
    fine = zoom(bumps, [n / c for n, c in zip(shape, coarse, strict=True)], order=1, mode="nearest")
    return np.asarray(fine / fine.std(), dtype=np.float32)
