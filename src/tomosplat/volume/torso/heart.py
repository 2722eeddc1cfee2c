"""The heart: four chambers, muscle, appendage and the fat around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.contrast import Contrast
from tomosplat.volume.torso.curves import tube
from tomosplat.volume.torso.field import Lattice, Window, ellipsoid, frame, smooth_union
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID, UNLABELLED

_CENTER = np.array([-18.0, 28.0, 444.0])
_PERICARDIUM_MM = 4.5
_FAT_HU = -92


@dataclass(frozen=True)
class _Chamber:
    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    axis: tuple[float, float, float]
    wall: float


# Centres in mm, half-axes along ``axis``, across and up, and the thickness of the wall.
_CHAMBERS = {
    "left_ventricle": _Chamber((-40, 33, 437), (50, 34, 34), (-0.70, 0.50, -0.51), 10.5),
    "right_ventricle": _Chamber((-14, 60, 436), (48, 27, 30), (-0.80, 0.25, -0.50), 4),
    "right_atrium": _Chamber((28, 32, 448), (25, 26, 33), (1, 0.1, 0), 2.5),
    "left_atrium": _Chamber((-8, -7, 458), (33, 18, 23), (1, 0, 0), 2.5),
}


class Heart:
    """Distances to the parts of one build's heart, in one window."""

    def __init__(self, lattice: Lattice, build: Build) -> None:
        self.window = lattice.window((-125, -50, 375), (85, 120, 525))
        turn = _turn(build.heart_turn)
        self.outer: dict[str, Array] = {}
        self.cavities: dict[str, Array] = {}
        for name, chamber in _CHAMBERS.items():
            center = _CENTER + turn @ (np.array(chamber.center) - _CENTER) * build.heart
            axes, radii = frame(turn @ np.array(chamber.axis)), np.array(chamber.radii) * build.heart
            self.outer[name] = ellipsoid(self.window, center, radii, axes)
            self.cavities[name] = ellipsoid(
                self.window, center - axes[0] * 0.2 * chamber.wall, radii - chamber.wall, axes
            )
        ventricles = smooth_union(self.outer["left_ventricle"], self.outer["right_ventricle"], 8)
        atria = smooth_union(self.outer["left_atrium"], self.outer["right_atrium"], 6)
        self.surface = smooth_union(ventricles, atria, 8)


def _turn(angle: float) -> NDArray[np.float64]:
    """Rotation about z that swings the apex to the left."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def paint_heart(canvas: Canvas, heart: Heart, blood: Contrast) -> None:
    """Paint the heart with its sac; the septum belongs to the left ventricle."""
    window, label = heart.window, ID["heart"]
    canvas.paint(window, heart.surface - np.float32(_PERICARDIUM_MM), _FAT_HU, UNLABELLED)
    canvas.paint(window, heart.surface, blood.myocardium, label)
    right = 0.5 * (blood.pulmonary + blood.upper_veins)
    left_wall = heart.outer["left_ventricle"] < 0
    for name, hu in (("right_atrium", right), ("right_ventricle", right), ("left_atrium", blood.aorta)):
        canvas.paint(window, heart.cavities[name], hu, label, where=~left_wall)
    canvas.paint(window, heart.cavities["left_ventricle"], blood.aorta, label)
    _paint_valve_plane(canvas, window, heart, blood)
    appendage = tube([(-30, 2, 466), (-42, 10, 474), (-46, 20, 478), (-42, 30, 476)], [8, 8, 6.5, 4])
    canvas.paint(w := appendage.window(canvas.lattice), appendage.distance(w), blood.aorta, ID["atrial_appendage_left"])


def _paint_valve_plane(canvas: Canvas, window: Window, heart: Heart, blood: Contrast) -> None:
    """Open the mitral and tricuspid valves: blood runs from each atrium into its ventricle."""
    mitral = tube([(-14, 4, 454), (-30, 22, 444)], [12, 12])
    canvas.paint(w := mitral.window(canvas.lattice), mitral.distance(w), blood.aorta, ID["heart"])
    tricuspid = tube([(24, 38, 446), (2, 54, 440)], [12, 12])
    right = 0.5 * (blood.pulmonary + blood.upper_veins)
    canvas.paint(w := tricuspid.window(canvas.lattice), tricuspid.distance(w), right, ID["heart"])
