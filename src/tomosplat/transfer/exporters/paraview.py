"""ParaView's colour map files (.json); ``importers.paraview`` says what is in them."""

from __future__ import annotations

import json

from tomosplat.transfer.exporters.points import only_function, sampled_points
from tomosplat.transfer.transfer_function import OPACITY_LENGTH_MM, TransferFunctions

#: Of the way to the next opacity: linear.
_MIDPOINT, _SHARPNESS = 0.5, 0.0


def to_paraview_json(functions: TransferFunctions, *, unit_distance_mm: float = OPACITY_LENGTH_MM) -> str:
    """Write a colour map with opacities; set "Scalar Opacity Unit Distance" to ``unit_distance_mm`` beside it.

    Raises:
        TransferFunctionError: Groups of organs have different functions.
    """
    points = sampled_points(only_function(functions), unit_distance_mm)
    color_map = {
        "ColorSpace": "RGB",
        "Name": functions.name,
        "RGBPoints": points[:, :4].ravel().tolist(),
        "Points": [x for value, *_, opacity in points.tolist() for x in (value, opacity, _MIDPOINT, _SHARPNESS)],
    }
    return json.dumps([color_map], indent=1)
