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
    """Write a sheet of one scan: a row for each look, the truth, then each method and its error.

    Raises:
        OutputError: The file could not be written.
    """
    methods = list(dict.fromkeys(method for row in rows for method in row.pictures))
    titles = ["truth", *(title for method in methods for title in (method, f"{method}: error x{ERROR_SCALE}"))]
    sheet = Image.new("RGB", sheet_size(len(rows), len(methods)), (24, 24, 24))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    draw.text((4, 3), case, fill="white", font=font)
    for column, title in enumerate(titles):
        draw.text((MARGIN + column * TILE + 4, 3), title, fill="white", font=font)
    for number, row in enumerate(rows):
        top = CAPTION + number * TILE
        draw.text((4, top + 4), row.look, fill="white", font=font)
        truth = _read(row.truth)
        sheet.paste(_tile(truth), (MARGIN, top))
        for index, method in enumerate(methods):
            if method in row.pictures:
                picture, left = _read(row.pictures[method]), MARGIN + (1 + 2 * index) * TILE
                sheet.paste(_tile(picture), (left, top))
                sheet.paste(_tile(error_picture(picture, truth)), (left + TILE, top))
    write_png(path, np.asarray(sheet))


def sheet_size(n_rows: int, n_methods: int) -> tuple[int, int]:
    """Width and height in pixels."""
    return MARGIN + (1 + 2 * n_methods) * TILE, CAPTION + n_rows * TILE


def error_picture(picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute difference of each channel, ``ERROR_SCALE`` times as bright; what passes white is white."""
    difference = np.abs(picture.astype(np.int16) - truth.astype(np.int16)) * ERROR_SCALE
    error: NDArray[np.uint8] = np.minimum(difference, 255).astype(np.uint8)
    return error


def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def _tile(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.BOX)
