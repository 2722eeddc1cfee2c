"""What the scanner adds: uneven tissue, partial volume and noise."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.noise import Noise

#: Tissue texture: size of its grain in mm and standard deviation in HU.
_GRAIN = ((9.0, 4.0), (4.0, 5.0))
_NOISE_HU = 9.0
#: Blur of the image by the voxel's own extent, in voxels, and what it leaves of white noise.
_PARTIAL_VOLUME, _NOISE_LEFT = 0.55, 0.42


def finish(canvas: Canvas, rng: np.random.Generator) -> Array:
    """Turn the painted HU, in place, into the image that a scanner would make of them."""
    image = canvas.hu
    tissue = image > -500
    window = canvas.lattice.whole()
    for grain_mm, strength in _GRAIN:
        grain = Noise.draw(grain_mm, rng).at(window)
        grain *= np.float32(strength)
        np.add(image, grain, out=image, where=tissue)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noise *= np.float32(_NOISE_HU / _NOISE_LEFT)
    image += noise
    gaussian_filter(image, _PARTIAL_VOLUME, truncate=2.5, output=image)
    return np.clip(image, -1024, 3071, out=image)
