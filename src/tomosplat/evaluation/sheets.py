"""Contact sheets: what the numbers stand for, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tomosplat.files.images import write_png

#: Factor on the absolute difference of 8-bit pictures, so that it can be seen.
ERROR_SCALE = 4
#: Edge of a picture on the sheet, height of its caption and width of the rows' names, in pixels.
TILE, CAPTION, MARGIN = 240, 18, 120


@dataclass(frozen=True)
class SheetRow:
    """One look at one scan.

    Attributes:
        look: Its name.
        truth: Its picture.
        pictures: Name of each method → the same view of its scene.
    """

    look: str
    truth: Path
    pictures: Mapping[str, Path]


def write_sheet(path: Path, case: str, rows: Sequence[SheetRow]) -> None:
    """Write a sheet of one scan: for each look the truth and every method, and below each method its error.

    Raises:
        OutputError: The file could not be written.
    """
    methods = list(dict.fromkeys(method for row in rows for method in row.pictures))
    sheet = Image.new("RGB", sheet_size(len(rows), len(methods)), (24, 24, 24))
    _write(sheet, 0, 0, case)
    for column, title in enumerate(("truth", *methods)):
        _write(sheet, MARGIN + column * TILE, 0, title)
    for number, row in enumerate(rows):
        top = CAPTION + 2 * number * TILE
        _write(sheet, 0, top, row.look)
        _write(sheet, 0, top + TILE, f"error x{ERROR_SCALE}")
        truth = _read(row.truth)
        sheet.paste(_tile(truth), (MARGIN, top))
        for column, method in enumerate(methods, start=1):
            if method in row.pictures:
                picture, left = _read(row.pictures[method]), MARGIN + column * TILE
                sheet.paste(_tile(picture), (left, top))
                sheet.paste(_tile(error_picture(picture, truth)), (left, top + TILE))
    write_png(path, np.asarray(sheet))


def sheet_size(n_rows: int, n_methods: int) -> tuple[int, int]:
    """Width and height in pixels."""
    return MARGIN + (1 + n_methods) * TILE, CAPTION + 2 * n_rows * TILE


def error_picture(picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute difference of each channel, ``ERROR_SCALE`` times as bright; what passes white is white."""
    difference = np.abs(picture.astype(np.int16) - truth.astype(np.int16)) * ERROR_SCALE
    error: NDArray[np.uint8] = np.minimum(difference, 255).astype(np.uint8)
    return error


def _write(sheet: Image.Image, left: int, top: int, text: str) -> None:
    ImageDraw.Draw(sheet).text((left + 4, top + 3), text, fill="white", font=ImageFont.load_default())


def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def _tile(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.BOX)
