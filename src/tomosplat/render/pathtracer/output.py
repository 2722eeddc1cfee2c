"""What the path tracer returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.gaussians.shading import linear_to_srgb, srgb_to_linear
from tomosplat.geometry import Cameras

Float32Array = NDArray[np.float32]
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, eq=False)
class PathTraceOutput:
    """C pictures of linear light, without any background: lights and environment are hidden.

    Attributes:
        radiance: [C, H, W, 3] float32, linear RGB, premultiplied: what the scan adds to the light behind it.
        alpha: [C, H, W] float32, how much of what is behind each pixel the scan hides.
        standard_error: [C, H, W, 3] float32, estimated standard deviation of ``radiance``; infinite after one sample,
            NaN where denoised.
        samples: [C] int64, paths through each pixel.
        denoised: Whether noise was filtered out, so that the pictures are no longer unbiased.
    """

    radiance: Float32Array
    alpha: Float32Array
    standard_error: Float32Array
    samples: NDArray[np.int64]
    denoised: bool = False

    @property
    def relative_error(self) -> Float32Array:
        """Root mean square noise of each picture's luminance by its mean, where the scan is seen; [C]."""
        seen = self.alpha > 0
        # The channels of a path rise and fall together, so their standard errors add up, not their variances.
        noise = np.where(seen, (self.standard_error @ _LUMINANCE) ** 2, 0).sum(axis=(1, 2))
        light = np.where(seen, self.radiance @ _LUMINANCE, 0).sum(axis=(1, 2))
        counts = np.maximum(seen.sum(axis=(1, 2)), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.sqrt(noise / counts) / (light / counts)
        return np.where(light > 0, relative, 0).astype(np.float32)

    def encoded(self, exposure: float = 1.0) -> Float32Array:
        """Pictures over black as displays want them, [C, H, W, 4].

        Linear light is encoded to sRGB once, here, so over black these are exactly what a viewer of the scan sees;
        splats are fitted to them and compared with them. Over other backgrounds use ``over``, which blends light.
        """
        colour = linear_to_srgb(self.radiance * np.float32(exposure))
        return np.concatenate([colour, self.alpha[..., None]], axis=-1)

    def over(self, background: Sequence[float], exposure: float = 1.0) -> Float32Array:
        """Pictures in front of an sRGB colour, blended as light and encoded to sRGB; [C, H, W, 3]."""
        behind = (1 - self.alpha[..., None]) * srgb_to_linear(np.asarray(background, np.float32))
        return linear_to_srgb(self.radiance * np.float32(exposure) + behind)


def estimate(sums: NDArray[np.float64], samples: int) -> PathTraceOutput:
    """Picture of the sums [H, W, 7] over paths: radiance, its squares, collisions."""
    radiance = sums[..., :3] / samples
    if samples > 1:
        spread = np.maximum(sums[..., 3:6] / samples - radiance**2, 0) / (samples - 1)
    else:
        spread = np.full_like(radiance, np.inf)
    return PathTraceOutput(
        radiance.astype(np.float32)[None],
        (sums[..., 6] / samples).astype(np.float32)[None],
        np.sqrt(spread).astype(np.float32)[None],
        np.array([samples], np.int64),
    )


def gather(pictures: Sequence[PathTraceOutput], cameras: Cameras) -> PathTraceOutput:
    """Outputs of one picture each as one output, also of no picture at all."""
    none = np.zeros((0, cameras.height, cameras.width, 3), np.float32)
    return PathTraceOutput(
        np.concatenate([none, *(p.radiance for p in pictures)]),
        np.concatenate([none[..., 0], *(p.alpha for p in pictures)]),
        np.concatenate([none, *(p.standard_error for p in pictures)]),
        np.concatenate([np.zeros(0, np.int64), *(p.samples for p in pictures)]),
    )
