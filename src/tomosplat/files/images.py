"""Pictures: float RGBA to 8 bits, 8 bits to PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tomosplat.errors import ShapeError
from tomosplat.files.atomic import writing


def to_bytes(rgba: NDArray[np.float32], background: tuple[float, float, float] | None) -> NDArray[np.uint8]:
    """Round a premultiplied float picture to 8 bits.

    Args:
        rgba: [H, W, 4] premultiplied, display-referred (sRGB), 0..1.
        background: RGB in 0..1 to put behind it; None keeps transparency.

    Returns:
        [H, W, 3] over a background, else [H, W, 4] with straight (not premultiplied) alpha, as PNG has it.

    Raises:
        ShapeError: ``rgba`` is not [H, W, 4].
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4:
        raise ShapeError(f"a picture must be [H, W, 4] RGBA, got {rgba.shape}")
    color, alpha = rgba[..., :3], rgba[..., 3:]
    if background is None:
        straight = np.divide(color, alpha, out=np.zeros_like(color), where=alpha > 0)
        pixels = np.concatenate([straight, alpha], axis=-1)
    else:
        pixels = color + (1 - alpha) * np.asarray(background, dtype=np.float32)
    # A sum of many splats may pass 1 by design (spherical harmonics are unbounded); 8 bits cannot hold it.
    rounded: NDArray[np.uint8] = (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return rounded


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write 8-bit pixels [H, W, 3] or [H, W, 4] (straight alpha) as a PNG.

    Raises:
        OutputError: The file could not be written.
    """
    image = Image.fromarray(pixels)
    with writing(path) as temporary:
        image.save(temporary, format="PNG")
