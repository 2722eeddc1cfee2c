"""The scanner's table: a shallow trough of carbon fibre and foam behind the back."""

from __future__ import annotations

import numpy as np

from tomosplat.volume.torso.body import skin_growth
from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import UNLABELLED

#: How much further back a scan reaches that shows the couch.
COUCH_MM = 55.0

_TOP_Y, _CURVATURE_MM, _HALF_WIDTH_MM, _HALF_THICKNESS_MM = -139.0, 600.0, 195.0, 11.0
_SHELL_HU, _FOAM_HU, _SHELL_MM = -150, -930, 2.5


def paint_couch(canvas: Canvas, build: Build, skin: Array) -> None:
    """Paint the table outside of the body."""
    window = canvas.lattice.whole()
    top = _TOP_Y - skin_growth(build)[0]
    trough = np.float32(top - _HALF_THICKNESS_MM) + window.x**2 / np.float32(2 * _CURVATURE_MM)
    plate = np.maximum(np.abs(window.y - trough) - _HALF_THICKNESS_MM, np.abs(window.x) - _HALF_WIDTH_MM)
    plate = np.broadcast_to(plate.astype(np.float32), skin.shape)
    canvas.paint(window, plate, _SHELL_HU, UNLABELLED, where=skin > 0)
    canvas.paint(window, plate + np.float32(_SHELL_MM), _FOAM_HU, UNLABELLED, where=skin > 0)
