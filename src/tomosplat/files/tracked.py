"""Tracked frames in a MetaImage sequence (.mha), as the Plus toolkit writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import FileFormatError, GeometryError
from tomosplat.files.formats import open_scan
from tomosplat.geometry import FloatArray

_FIELD = re.compile(rb"^Seq_Frame(\d+)_(\w+?)Transform(Status)?\s*=\s*(.*?)\s*$", re.MULTILINE)
#: A header ends where the voxels begin.
_END, _LONGEST_HEADER = b"ElementDataFile", 1 << 26


@dataclass(frozen=True, eq=False)
class TrackedSequence:
    """Frames and the transforms that a tracker measured for them.

    Attributes:
        values: [N, H, W] as stored.
        transforms: Name without "Transform" ("ProbeToTracker") → [N, 4, 4], mm.
        valid: Name → [N] bool: where the tracker saw it.
    """

    values: NDArray[Any]
    transforms: dict[str, FloatArray]
    valid: dict[str, NDArray[np.bool_]]


def is_tracked(path: Path) -> bool:
    """Whether a file is a sequence of tracked frames."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(1 << 14)
    return b"NDims" in start and b"Seq_Frame" in start


def read_tracked_sequence(path: Path) -> TrackedSequence:
    """Read frames and all their transforms.

    Raises:
        FileFormatError: It is no tracked sequence, or a transform is no 4×4 matrix.
        GeometryError: A frame lacks a transform that others have.
        InputError: As ``open_scan``.
    """
    header = open_scan(path)
    values = header.load().transpose()
    fields = _fields(path)
    if not fields:
        raise FileFormatError(f"{path} is no sequence of tracked frames (no Seq_Frame..._...Transform in its header)")
    transforms, valid = {}, {}
    for name, by_frame in fields.items():
        missing = sorted(set(range(len(values))) - set(by_frame))
        if missing:
            raise GeometryError(f"{path}: frame {missing[0]} of {len(values)} has no {name}Transform")
        transforms[name] = np.stack([by_frame[n][0] for n in range(len(values))])
        valid[name] = np.array([by_frame[n][1] for n in range(len(values))])
    return TrackedSequence(values, transforms, valid)


def _fields(path: Path) -> dict[str, dict[int, tuple[FloatArray, bool]]]:
    with path.open("rb") as file:
        text = file.read(_LONGEST_HEADER)
    text = text[: text.find(_END)]
    found: dict[str, dict[int, tuple[FloatArray, bool]]] = {}
    states: dict[tuple[str, int], bool] = {}
    for frame, name, is_state, value in _FIELD.findall(text):
        key = name.decode(), int(frame)
        if is_state:
            states[key] = value == b"OK"
        else:
            found.setdefault(key[0], {})[key[1]] = _matrix(value, path, *key), True
    return {
        name: {frame: (matrix, states.get((name, frame), True)) for frame, (matrix, _) in frames.items()}
        for name, frames in found.items()
    }


def _matrix(value: bytes, path: Path, name: str, frame: int) -> FloatArray:
    try:
        numbers = np.array([float(word) for word in value.split()])
        return numbers.reshape(4, 4)
    except ValueError as error:
        raise FileFormatError(f"{path}: {name}Transform of frame {frame} is no 4x4 matrix") from error
