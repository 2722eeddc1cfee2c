"""Whatever slices come in, as stacks in one frame of reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tomosplat.errors import InputError, SliceSpacingError
from tomosplat.files.frames import is_frame_folder, read_frames
from tomosplat.files.scans import read_labels, read_volume
from tomosplat.pipeline.slice_options import SliceFitOptions
from tomosplat.report import Report
from tomosplat.slices.stack import SliceStack, TrackedFrames


def read_slices(sources: Sequence[Path], options: SliceFitOptions, report: Report) -> list[SliceStack | TrackedFrames]:
    """Read one or several stacks, with their labels.

    Raises:
        InputError: A file cannot be used, or there are not as many label maps as stacks.
        SliceSpacingError: Frames come without their spacing.
    """
    if options.labels and len(options.labels) != len(sources):
        raise InputError(f"there are {len(sources)} sources and {len(options.labels)} label maps; each needs its own")
    labels = options.labels or (None,) * len(sources)
    stacks = []
    for source, label in zip(sources, labels, strict=True):
        stack = _frames(source, options) if is_frame_folder(source) else _volume(source, label, options)
        report.history += stack.history
        stacks.append(stack)
    return stacks


def _volume(path: Path, label: Path | None, options: SliceFitOptions) -> SliceStack:
    volume = read_volume(path)
    return SliceStack.from_volume(volume, options.axis, None if label is None else read_labels(label, volume.grid))


def _frames(path: Path, options: SliceFitOptions) -> SliceStack:
    if options.spacing is None:
        raise SliceSpacingError(
            f"{path} holds PNG frames, which do not say how large their pixels are; give --spacing COLUMN ROW FRAME in mm, "
            "or fit them in pixels with --method folded"
        )
    frames = read_frames(path)
    affine = np.diag([*options.spacing, 1.0])
    values = frames.values.mean(axis=3)
    return SliceStack(values, affine, np.arange(len(values), dtype=np.float64), history=frames.history)
