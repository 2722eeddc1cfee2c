"""Contact sheets of held-out slices: the truth, what methods made of it, and where they are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tomosplat.files.images import write_png
from tomosplat.geometry import FloatArray
from tomosplat.slices.interpolation import Slices

#: Factor on the absolute error, longest edge of a picture and height of its caption in pixels, and pictures in a row.
ERROR_SCALE, EDGE, CAPTION, ACROSS = 4, 320, 18, 6


def write_slice_sheet(path: Path, truth: NDArray[np.float32], found: Mapping[str, Slices]) -> None:
    """Write one held-out slice [H, W] in rows of pictures, truth first, and each method's error below it.

    Raises:
        OutputError: The file could not be written.
    """
    scale = max(1, round(EDGE / max(truth.shape)))
    height, width = truth.shape[0] * scale, truth.shape[1] * scale
    columns = [("truth", truth), *found.items()]
    band = 2 * height + CAPTION
    sheet = Image.new("RGB", (min(len(columns), ACROSS) * width, -(-len(columns) // ACROSS) * band), (24, 24, 24))
    for number, (name, picture) in enumerate(columns):
        left, top = number % ACROSS * width, number // ACROSS * band
        ImageDraw.Draw(sheet).text((left + 4, top + 3), name, fill="white", font=ImageFont.load_default())
        sheet.paste(_picture(picture, scale), (left, top + CAPTION))
        if number:
            error = np.abs(np.clip(picture, 0, 1) - truth) * ERROR_SCALE
            sheet.paste(_picture(error, scale), (left, top + CAPTION + height))
    ImageDraw.Draw(sheet).text((4, CAPTION + height + 3), f"error x{ERROR_SCALE}", fill="white")
    write_png(path, np.asarray(sheet))


def as_radiologists_look(picture: NDArray[np.float32], affine: FloatArray) -> NDArray[np.float32]:
    """A slice [H, W] with the front or the head up, and the patient's left (or back) at the right."""
    for axis, direction in ((1, affine[:3, 0]), (0, affine[:3, 1])):
        if direction[np.argmax(np.abs(direction))] > 0:
            picture = np.flip(picture, axis)
    return picture


def _picture(values: NDArray[np.float32], scale: int) -> Image.Image:
    pixels = (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    image = Image.fromarray(pixels).convert("RGB")
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
