"""ParaView's colour map files (.json): a list of maps with colours, opacities and the space to interpolate in."""

from __future__ import annotations

from typing import Any

import numpy as np

from tomosplat.errors import TransferFunctionError
from tomosplat.transfer.importers.color_spaces import COLOR_SPACES, interpolate_color
from tomosplat.transfer.importers.resample import FloatArray, control_points, sample_function
from tomosplat.transfer.transfer_function import OPACITY_LENGTH_MM, TransferFunctions, json_of
from tomosplat.volume import Unit


def from_paraview_json(
    text: str, *, name: str | None = None, unit: Unit = "HU", unit_distance_mm: float = OPACITY_LENGTH_MM
) -> TransferFunctions:
    """Read a colour map exported by ParaView with its opacities; the one function is used for all organs.

    The map is sampled finely in its own colour space, opacities with their midpoint and sharpness. The file does not
    say over which distance opacity is meant; unless told, it is taken as per 1.5 mm.

    Args:
        text: The file's text.
        name: What to call the result; else the map's own name.
        unit: What the map's values are.
        unit_distance_mm: ParaView's "Scalar Opacity Unit Distance".

    Raises:
        TransferFunctionError: The text is not a colour map, holds several, or none with opacities.
    """
    color_map = _only_map(json_of(text))
    space = color_map.get("ColorSpace", "RGB")
    if space not in COLOR_SPACES:
        raise TransferFunctionError(f"colour space {space!r} is not read; expected one of {', '.join(COLOR_SPACES)}")
    color = control_points(_numbers(color_map, "RGBPoints"), 4, "RGBPoints")
    opacity = control_points(_numbers(color_map, "Points"), 4, "Points")
    function = sample_function(
        np.concatenate([color[:, 0], opacity[:, 0], _midpoints(opacity)]),
        lambda x: interpolate_color(x, color, space),
        lambda x: interpolate_opacity(x, opacity),
        unit_distance_mm,
    )
    notes = [f"opacity taken as per {unit_distance_mm:g} mm"]
    if "NanColor" in color_map:
        notes.append("NanColor left out: volumes hold no NaN")
    return TransferFunctions.uniform(function, name or str(color_map.get("Name", "paraview")), unit, tuple(notes))


def interpolate_opacity(x: FloatArray, points: FloatArray) -> FloatArray:
    """Evaluate VTK's piecewise function.

    Each point's midpoint says where, on the way to the next, half of the change is done, and its sharpness how
    suddenly, from linear at 0 to nearly a step at 1 (vtkPiecewiseFunction, whose curve this is).

    Args:
        x: [N] values.
        points: [M, 4] rows of value, opacity, midpoint, sharpness, sorted.
    """
    left = np.clip(np.searchsorted(points[:, 0], x, side="right") - 1, 0, len(points) - 1)
    right = np.minimum(left + 1, len(points) - 1)
    width = points[right, 0] - points[left, 0]
    s = np.clip((x - points[left, 0]) / np.where(width > 0, width, 1), 0, 1)
    y1, y2 = points[left, 1], points[right, 1]
    middle, sharp = np.clip(points[left, 2], 1e-5, 1 - 1e-5), points[left, 3]
    s = np.where(s < middle, 0.5 * s / middle, 0.5 + 0.5 * (s - middle) / (1 - middle))
    linear = y1 + s * (y2 - y1)
    bent = np.where(s < 0.5, 0.5 * (2 * s) ** (1 + 10 * sharp), 1 - 0.5 * (2 - 2 * s) ** (1 + 10 * sharp))
    tangent = (1 - sharp) * (y2 - y1)
    rise = bent * bent * (3 - 2 * bent)
    hermite = y1 + rise * (y2 - y1) + tangent * bent * (1 - bent) * (1 - 2 * bent)
    curve = np.clip(hermite, np.minimum(y1, y2), np.maximum(y1, y2))
    return np.asarray(np.where(sharp < 0.01, linear, curve))


def _midpoints(points: FloatArray) -> FloatArray:
    """Where the two halves of each curve meet."""
    return np.asarray(points[:-1, 0] + points[:-1, 2] * np.diff(points[:, 0]))


def _only_map(data: Any) -> dict[str, Any]:
    maps = data if isinstance(data, list) else [data]
    if not maps or not all(isinstance(item, dict) for item in maps):
        raise TransferFunctionError("expected a ParaView colour map: a list of objects with RGBPoints and Points")
    if len(maps) > 1:
        names = ", ".join(str(item.get("Name", "?")) for item in maps)
        raise TransferFunctionError(f"the file holds {len(maps)} colour maps ({names}); export one on its own")
    only: dict[str, Any] = maps[0]
    if "IndexedColors" in only and "RGBPoints" not in only:
        raise TransferFunctionError("a map of categories (IndexedColors) is no transfer function; export one of values")
    return only


def _numbers(color_map: dict[str, Any], key: str) -> FloatArray:
    if key not in color_map:
        hint = "; export the preset with its opacities" if key == "Points" else ""
        raise TransferFunctionError(f"the colour map has no {key}{hint}")
    try:
        return np.asarray(color_map[key], dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise TransferFunctionError(f"{key}: expected a list of numbers") from None
