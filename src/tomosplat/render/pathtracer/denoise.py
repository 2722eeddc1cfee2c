"""Noise filtered out of pictures for previews, with Intel's Open Image Denoise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tomosplat.errors import DependencyError
from tomosplat.render.pathtracer.output import Float32Array, PathTraceOutput


def denoise(output: PathTraceOutput) -> PathTraceOutput:
    """Guess what the pictures would look like without noise; for previews, never for truth.

    Radiance and alpha are filtered apart, each picture on its own. The result says that it is denoised, and its
    standard error is NaN, for nobody knows how far it is from the truth.

    Raises:
        DependencyError: The package ``mitsuba-oidn`` (extra "denoise") is not installed or does not load.
    """
    try:
        import mitsuba_oidn
    except ImportError as error:
        raise DependencyError(
            f'denoising needs Open Image Denoise, which does not load ({error}); run pip install "tomosplat[denoise]"'
        ) from error
    return replace(
        output,
        radiance=_filter(mitsuba_oidn, output.radiance, hdr=True),
        # The filter takes colours; three equal channels are a grey one.
        alpha=_filter(mitsuba_oidn, np.repeat(output.alpha[..., None], 3, axis=-1), hdr=False)[..., 0],
        standard_error=np.full_like(output.standard_error, np.nan),
        denoised=True,
    )


def _filter(oidn: Any, pictures: Float32Array, *, hdr: bool) -> Float32Array:
    filtered = np.empty_like(pictures)
    for index, picture in enumerate(pictures):
        filtered[index] = oidn.denoise(np.ascontiguousarray(picture), hdr=hdr)
    return np.clip(filtered, 0, None if hdr else 1)
