"""3D Slicer's volume property files (.vp).

Nine lines: interpolation, shade, diffuse, ambient, specular, specular power, scalar opacity, gradient opacity, colour.
Each of the last three starts with how many numbers follow: value and opacity, gradient and opacity, or value, red,
green and blue (Slicer developer guide, "Volume rendering").
"""

from __future__ import annotations

import numpy as np

from tomosplat.errors import TransferFunctionError
from tomosplat.transfer.importers.resample import FloatArray, control_points, sample_function
from tomosplat.transfer.transfer_function import TransferFunctions
from tomosplat.volume import Unit

_LINES = (
    "interpolation",
    "shade",
    "diffuse",
    "ambient",
    "specular",
    "specular power",
    "scalar opacity",
    "gradient opacity",
    "color",
)


def from_slicer_vp(
    text: str, *, name: str = "slicer", unit: Unit = "HU", unit_distance_mm: float = 1.0
) -> TransferFunctions:
    """Read 3D Slicer's volume property; the one function is used for all organs.

    Slicer interpolates colour and opacity on their own, so the function is sampled finely. The file does not say over
    which distance opacity is meant; 1 mm is VTK's default. Interpolation, shading and gradient opacity have no
    counterpart here and are named in the result's ``notes``.

    Raises:
        TransferFunctionError: The text is not a volume property.
    """
    if text.lstrip()[:1] in ("<", "{", "["):
        raise TransferFunctionError(
            "this is XML or JSON, not a volume property; in 3D Slicer save the volume property as .vp"
        )
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) != len(_LINES):
        raise TransferFunctionError(f"a volume property (.vp) has {len(_LINES)} lines, found {len(lines)}")
    shading = [_numbers(line, what) for line, what in zip(lines[:6], _LINES[:6], strict=True)]
    if any(numbers.size != 1 for numbers in shading):
        raise TransferFunctionError(f"the first six lines of a volume property hold one number each, found {lines[:6]}")
    opacity = control_points(_counted(lines[6], _LINES[6]), 2, _LINES[6])
    gradient = _counted(lines[7], _LINES[7])
    color = control_points(_counted(lines[8], _LINES[8]), 4, _LINES[8])
    function = sample_function(
        np.concatenate([opacity[:, 0], color[:, 0]]),
        lambda x: np.column_stack([np.interp(x, color[:, 0], channel) for channel in color[:, 1:].T]),
        lambda x: np.interp(x, opacity[:, 0], opacity[:, 1]),
        unit_distance_mm,
    )
    notes = [f"opacity taken as per {unit_distance_mm:g} mm", "interpolation and shading left out"]
    if np.any(gradient[1::2] != 1):
        notes.append("gradient opacity left out")
    return TransferFunctions.uniform(function, name, unit, tuple(notes))


def _numbers(line: str, what: str) -> FloatArray:
    try:
        return np.array([float(word) for word in line.split()])
    except ValueError:
        raise TransferFunctionError(f"{what}: expected numbers, found {line[:60]!r}") from None


def _counted(line: str, what: str) -> FloatArray:
    numbers = _numbers(line, what)
    if numbers.size == 0 or numbers[0] != numbers.size - 1:
        said = f"{numbers[0]:g}" if numbers.size else "no"
        raise TransferFunctionError(f"{what}: the line announces {said} numbers, {max(numbers.size - 1, 0)} follow")
    return numbers[1:]
