"""What can be asked of ``tomosplat slices evaluate``; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: One or three directions of the body; "thick" is the axis with the largest spacing.
AxisName = Literal["axial", "coronal", "sagittal", "thick"]


@dataclass(frozen=True, kw_only=True)
class SliceEvaluationOptions:
    """What is given, what is held out, and which methods fill the gaps."""

    labels: Path | None = None
    """Label map on the scan's voxels, carried and compared too."""
    label_threshold: float | None = None
    """Take what lies above this in --labels as one structure: for probabilities, and masks with grey edges."""
    fraction: tuple[float, ...] = (0.25,)
    """Shares of the slices that are given: 0.25 is every fourth, 0.5 every second, 0.95 all but one in twenty."""
    axis: tuple[AxisName, ...] = ("axial",)
    """Along which the slices lie; several for a table of axes."""
    methods: tuple[str, ...] = ("flow",)
    """Methods beside the plain interpolators and the motion blend, which every table holds."""
    name: str | None = None
    """What the volume is called in tables; its folder and file by default."""
    bin_pixels: int = 1
    """Mean over blocks of so many pixels in each slice first, along rows and columns."""
    bin_slices: int = 1
    """Mean over blocks of so many slices first."""
    at_most: int | None = None
    """Keep at most so many slices, rows and columns, around the middle of the content."""
    series: str | None = None
    """Which series of a DICOM folder."""
