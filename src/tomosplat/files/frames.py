"""Datasets of frames in the layout of MedGS, ``original/0000.png``, ...: in colour, with alpha, and binary masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tomosplat.errors import ConstantSlicesError, FileFormatError, InputError, LabelError, ShapeError, SliceSpacingError
from tomosplat.files.frames_png import frame_paths

FRAMES = "original"


@dataclass(frozen=True, eq=False)
class Frames:
    """Pictures that follow one another.

    Attributes:
        values: [N, H, W, C] float32 in 0..1, C 1 or 3, where alpha is 0 too.
        alpha: [N, H, W] float32 in 0..1; None where no frame is transparent.
        history: One line for each choice that was made while reading.
    """

    values: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    history: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)


def is_frame_folder(path: Path) -> bool:
    """Whether a path is a dataset of numbered frames."""
    return (path / FRAMES).is_dir()


def read_frames(path: Path) -> Frames:
    """Read a dataset: ``path/original`` holds the frames, numbered without a gap.

    ``path/mirror``, which the method's first program needs for a second camera, holds the frames flipped: it adds
    nothing, and is not read.

    Raises:
        InputError: There is no such folder, or no frame in it.
        SliceSpacingError: Numbers are missing or doubled, or there is one frame only.
        ShapeError: Frames differ in size.
        ConstantSlicesError: Every frame is of one value.
        FileFormatError: A frame cannot be read.
    """
    paths = _numbered(path)
    pictures = [_read(p) for p in paths]
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        odd = next(i for i, p in enumerate(pictures) if p.shape != pictures[0].shape)
        raise ShapeError(
            f"{paths[odd]} is {pictures[odd].shape[1]}x{pictures[odd].shape[0]} pixels, {paths[0].name} "
            f"{pictures[0].shape[1]}x{pictures[0].shape[0]}; all frames must be of one size"
        )
    stack = np.stack(pictures)
    history = [f"{len(paths)} frames of {path.name}/{FRAMES}"]
    if (path / "mirror").is_dir():
        history.append("mirror/ holds the frames flipped and was not read")
    colours, alpha = stack[..., :3], stack[..., 3]
    if (colours == colours[..., :1]).all():
        colours = colours[..., :1]
    if not any(np.ptp(frame) > 0 for frame in colours):
        raise ConstantSlicesError(
            f"each of the {len(paths)} frames of {path} is of one value; was the wrong folder given?"
        )
    see_through = _to_unit(alpha) if (alpha < 255).any() else None
    return Frames(_to_unit(colours), see_through, tuple(history))


def read_mask_frames(path: Path) -> Frames:
    """Read a dataset of binary masks: black and white frames, [N, H, W, 1] of 0 and 1.

    Raises:
        LabelError: A mask has greys, or all are black.
        InputError, SliceSpacingError, ShapeError, FileFormatError: As ``read_frames``.
    """
    try:
        frames = read_frames(path)
    except ConstantSlicesError as error:
        raise LabelError(f"the masks of {path} are empty: no frame shows anything white") from error
    values = frames.values
    if values.shape[3] != 1:
        raise LabelError(f"the masks of {path} are coloured; masks are black and white")
    top = values.max()
    grey = (values != 0) & (values != top)
    if grey.any():
        frame = int(np.argmax(grey.any(axis=(1, 2, 3))))
        raise LabelError(
            f"mask {frame} of {path} has {int(grey[frame].sum())} grey pixels, as if it had been smoothed or saved as "
            "JPEG; masks have two values only: threshold them, for example at 127"
        )
    return Frames((values / top).astype(np.float32), None, frames.history)


def check_same_frames(images: Frames, masks: Frames) -> None:
    """Pass if masks belong to images.

    Raises:
        ShapeError: They differ in number or size.
    """
    if images.values.shape[:3] != masks.values.shape[:3]:
        n, h, w = images.values.shape[:3]
        m, mh, mw = masks.values.shape[:3]
        raise ShapeError(
            f"there are {n} images of {w}x{h} and {m} masks of {mw}x{mh} pixels; each image needs a mask of its number"
        )


def _numbered(path: Path) -> list[Path]:
    folder = path / FRAMES
    if not folder.is_dir():
        raise InputError(f"{path} has no folder {FRAMES}/ with frames 0000.png, 0001.png, ...")
    paths = frame_paths(folder)
    if len(paths) < 2:
        raise SliceSpacingError(f"{folder} holds one frame only; between at least two something can be reconstructed")
    return paths


def _to_unit(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    return stored.astype(np.float32) / np.float32(255)


def _read(path: Path) -> NDArray[np.uint8]:
    """[H, W, 4]."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
                raise FileFormatError(f"{path} is a PNG of mode {image.mode}; frames have 8 bits per channel")
            return np.array(image.convert("RGBA"))
    except (OSError, UnidentifiedImageError) as error:
        raise FileFormatError(f"{path} cannot be read as a picture: {error}") from error
