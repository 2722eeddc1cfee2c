"""Folders of numbered PNG frames: grey pictures [N, H, W], with what PNG cannot say left to be asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tomosplat.errors import FileFormatError, InputError, ShapeError, SliceSpacingError

#: Where frames lie in the dataset layout of MedGS; elsewhere they lie in the folder itself.
_ORIGINAL = "original"


@dataclass(frozen=True, eq=False)
class PngFrames:
    """Frames of one folder.

    Attributes:
        values: [N, H, W] as stored, uint8 or uint16.
        numbers: The number in the name of each file, without gaps.
        notes: One line for what a reader may stumble over.
    """

    values: NDArray[Any]
    numbers: tuple[int, ...]
    notes: tuple[str, ...]


def read_png_frames(folder: Path) -> PngFrames:
    """Read ``folder/original/0000.png``, ... or ``folder/0000.png``, ...; grey, alpha put on black.

    Raises:
        InputError: There is no such folder, or no PNG in it.
        SliceSpacingError: Numbers are missing, doubled or not in the names.
        ShapeError: Frames differ in size.
        FileFormatError: A file is damaged, or shows colours.
    """
    inner = folder / _ORIGINAL
    inner = inner if inner.is_dir() else folder
    if not inner.is_dir():
        raise InputError(f"there is no folder {folder}")
    paths = _in_order(inner)
    frames: list[NDArray[Any]] = []
    notes: list[str] = []
    for path in paths:
        pixels, note = _grey(path)
        if frames and pixels.shape != frames[0].shape:
            raise ShapeError(
                f"frames differ in size: {paths[0].name} has {_size(frames[0])} pixels, {path.name} {_size(pixels)}; "
                "frames of one stack have one size"
            )
        if frames and pixels.dtype != frames[0].dtype:
            raise FileFormatError(f"frames differ in depth: {paths[0].name} and {path.name}; save them alike")
        frames.append(pixels)
        notes += [note] if note and note not in notes else []
    numbers = tuple(_number(path) for path in paths)
    return PngFrames(np.stack(frames), numbers, tuple(notes))


def _in_order(folder: Path) -> list[Path]:
    paths = sorted((p for p in folder.iterdir() if p.suffix.lower() == ".png"), key=lambda p: (_number(p), p.name))
    if not paths:
        raise InputError(f"folder {folder} holds no PNG; frames are named 0000.png, 0001.png, ...")
    numbers = [_number(path) for path in paths]
    for one, other, path in zip(numbers, numbers[1:], paths[1:], strict=False):
        if other == one:
            raise SliceSpacingError(f"two frames in {folder} have the number {one} ({path.name}); keep one")
        if other > one + 1:
            raise SliceSpacingError(
                f"frames in {folder} jump from number {one} to {other}: {other - one - 1} missing. Put them back, or "
                "renumber the frames if they do lie next to each other"
            )
    return paths


def _number(path: Path) -> int:
    found = re.search(r"(\d+)\D*$", path.stem)
    if found is None:
        raise SliceSpacingError(f"{path} has no number in its name; frames are named 0000.png, 0001.png, ...")
    return int(found.group(1))


def _grey(path: Path) -> tuple[NDArray[Any], str]:
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode in ("I;16", "I"):
                return np.asarray(image).astype(np.uint16), ""
            if image.mode in ("L", "1"):
                return np.asarray(image.convert("L")), ""
            pixels = np.asarray(image.convert("RGBA"))
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise FileFormatError(f"{path} is damaged or no PNG: {error}") from error
    color, alpha = pixels[..., :3], pixels[..., 3]
    if np.ptp(color, axis=-1).max(initial=0) > 0:
        raise FileFormatError(f"{path} shows colours; a slice is grey: save one channel of it")
    if alpha.min(initial=255) == 255:
        return np.ascontiguousarray(color[..., 0]), ""
    grey = (color[..., 0].astype(np.uint16) * alpha + 127) // 255
    return grey.astype(np.uint8), "transparent pixels were put on black"


def _size(pixels: NDArray[Any]) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
