"""3D Slicer's volume property files (.vp); ``importers.slicer`` says what is in them."""

from __future__ import annotations

import numpy as np

from tomosplat.transfer.exporters.points import FloatArray, only_function, sampled_points
from tomosplat.transfer.transfer_function import TransferFunctions

#: Linear interpolation, no shading; diffuse, ambient, specular and its power, should somebody switch shading on.
_HEAD = ("1", "0", "0.9", "0.1", "0.2", "10")
_EVERY_GRADIENT = "4 0 1 255 1"


def to_slicer_vp(functions: TransferFunctions, *, unit_distance_mm: float = 1.0) -> str:
    """Write a volume property that 3D Slicer shows without shading, as the function is meant.

    Opacity is written per ``unit_distance_mm``, 1 mm being VTK's default.

    Raises:
        TransferFunctionError: Groups of organs have different functions.
    """
    points = sampled_points(only_function(functions), unit_distance_mm)
    lines = [*_HEAD, _counted(points[:, [0, 4]]), _EVERY_GRADIENT, _counted(points[:, :4])]
    return "\n".join(lines) + "\n"


def _counted(rows: FloatArray) -> str:
    return " ".join([str(rows.size), *(f"{number:.9g}" for number in np.ravel(rows))])
