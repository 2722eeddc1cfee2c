"""From the light that arrives to the colour that is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32Array = NDArray[np.float32]

#: Highest linear albedo: a medium that absorbs nothing would scatter light for ever.
MAX_ALBEDO = 0.9
#: m of ``shade``, best of 0.5 to 0.75 against path tracing; near the H-functions of an isotropic half-space
#: (Chandrasekhar 1960, ch. III), which give 0.55 to 0.67.
MULTIPLE_SCATTERING = 0.6


def srgb_to_linear(rgb: ArrayLike) -> Float32Array:
    """Decode display-referred sRGB in 0..1 to linear light (IEC 61966-2-1)."""
    encoded = np.asarray(rgb, dtype=np.float32)
    high = ((np.maximum(encoded, 0) + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, encoded / 12.92, high).astype(np.float32)


def linear_to_srgb(linear: ArrayLike) -> Float32Array:
    """Encode linear light for display; what is brighter than white becomes white."""
    clipped = np.clip(np.asarray(linear, dtype=np.float32), 0, 1)
    encoded = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return encoded.astype(np.float32)


def shade(rgb: Float32Array, illumination: Float32Array, multiple_scattering: float) -> Float32Array:
    """Colour of a scattering medium under light that arrives with mean radiance J.

    albedo · J / (1 − m · albedo), the geometric series of light that is scattered again with probability m and meets
    the same albedo each time.

    Args:
        rgb: [N, 3] sRGB; its linear values, at most 0.9, are the albedo.
        illumination: [N, 3] J, linear RGB.
        multiple_scattering: m in 0..1.

    Returns:
        [N, 3] sRGB.
    """
    return linear_to_srgb(scattered(rgb, illumination, multiple_scattering))


def scattered(rgb: Float32Array, illumination: Float32Array, multiple_scattering: float) -> Float32Array:
    """What ``shade`` encodes, [N, 3] linear RGB."""
    albedo = np.minimum(srgb_to_linear(rgb), MAX_ALBEDO)
    return (albedo * illumination / (1 - multiple_scattering * albedo)).astype(np.float32)
