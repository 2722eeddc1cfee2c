"""The rib cage: twelve pairs of ribs, their cartilages and the sternum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas, bone
from tomosplat.volume.torso.curves import Tube, tube, union
from tomosplat.volume.torso.labels import ID
from tomosplat.volume.torso.profile import CAVITY
from tomosplat.volume.torso.spine import Spine

Vector = NDArray[np.float64]

#: The surface on which the middle of the ribs lies.
CAGE = CAVITY.grown(5.5, 5, 5)

# Rib 1 to 12: fall from head to front end in mm, and the angle of the front end from the back in degrees.
_FALL = (34, 54, 74, 92, 103, 108, 108, 104, 95, 88, 72, 44)
_END = (141, 148, 150, 149, 146, 141, 134, 126, 118, 108, 84, 50)
# Angle where a rib meets the cage beside its transverse process; the narrow upper cage is met further out.
_START = {1: 48, 2: 39, 3: 32}
# Half height of each rib's section in mm.
_HEIGHT = (5.5, 5.5, 5.5, 6, 6.3, 6.6, 6.6, 6.3, 6, 5.8, 5, 4)
# Where cartilage 1 to 7 meets the sternum: half width and z.
_STERNAL = ((24, 551), (17, 519), (15, 499), (15, 481), (16, 465), (15, 451), (11, 440))


class RibCage:
    """Curves of the ribs and cartilages of one build."""

    def __init__(self, build: Build, spine: Spine) -> None:
        self.ribs = [self._rib(n, build, spine) for n in range(1, 13)]
        self.cartilages = self._cartilages()

    def _rib(self, number: int, build: Build, spine: Spine) -> Vector:
        level = spine.levels[f"T{number}"]
        head = level.place(0.8 * level.width, -0.75 * level.depth, 0.42 * level.height)
        neck = level.place(level.transverse + 1.5, -level.depth - 13, 0.45 * level.height)
        angles = np.radians(np.linspace(_START.get(number, 27), _END[number - 1], 12 if number < 11 else 6))
        share = (angles - angles[0]) / (angles[-1] - angles[0])
        fall = _FALL[number - 1] * build.rib_slope
        # Ribs leave the spine level, dive along the flank and flatten a little where the cartilage takes over.
        z = neck[2] - 3 - (fall - 6) * (0.75 * share + 0.25 * (3 * share**2 - 2 * share**3))
        return np.concatenate([[head, neck], CAGE.point(angles, z)])

    def _cartilages(self) -> list[Vector]:
        curves: list[Vector] = []
        for n, rib in enumerate(self.ribs[:10]):
            end = rib[-1]
            inwards = end + 0.55 * (rib[-1] - rib[-2])
            if n < 7:
                half, z = _STERNAL[n]
                goal = np.array([half - 4, CAGE.at(z)[2] - 1, z])
            else:
                goal = curves[-1][len(curves[-1]) // 2]
            between = 0.5 * inwards + 0.5 * goal
            between[2] = inwards[2] + 0.3 * (goal[2] - inwards[2])
            curves.append(np.stack([end, _on_cage(inwards), _on_cage(between), goal]))
        return curves


def _on_cage(point: Vector) -> Vector:
    """Move a point in its plane of constant z onto the cage."""
    x, y, z = point
    middle = CAGE.at(z)[1:3].mean()
    return CAGE.point(np.arctan2(abs(x), middle - y), z)


def paint_thorax(canvas: Canvas, cage: RibCage) -> None:
    """Paint cartilages, sternum and ribs."""
    strands = [tube(line, [[5.2, 4.2]] * len(line)) for line in cage.cartilages]
    window, distance = union([*strands, *(strand.mirrored() for strand in strands)], canvas.lattice)
    canvas.paint(window, distance, 125, ID["costal_cartilages"])
    _paint_sternum(canvas)
    for n, line in enumerate(cage.ribs):
        right = rib_tube(line, n + 1)
        for side, strand in (("right", right), ("left", right.mirrored())):
            window = strand.window(canvas.lattice)
            distance = strand.distance(window)
            canvas.paint(window, distance, bone(distance, 860, 240, 2), ID[f"rib_{side}_{n + 1}"])


def rib_tube(line: Vector, number: int) -> Tube:
    """Tube of a rib: a narrow band, standing on edge but for the first, which lies flat."""
    tall = np.full(len(line), float(_HEIGHT[number - 1]))
    tall[:2] *= 0.8
    section = np.stack([tall, np.full(len(line), 3.4)], axis=1)
    if number > 1:
        return tube(line, section)
    outwards = line * np.array([1, 1, 0]) - np.array([0, -20, 0])
    return tube(line, section, outwards)


def _paint_sternum(canvas: Canvas) -> None:
    manubrium = ((564, 19, 5), (556, 28, 6), (546, 27, 6), (530, 19, 6), (519, 16, 5.5))
    body = ((516, 15, 5.5), (495, 15, 5.5), (470, 18, 5.5), (448, 17, 5), (436, 12, 4.5))
    xiphoid = ((432, 8, 3.5), (415, 5, 3), (402, 3, 2.5))
    parts = [_plate(part) for part in (manubrium, body, xiphoid)]
    window, distance = union(parts, canvas.lattice)
    canvas.paint(window, distance, bone(distance, 480, 150, 2), ID["sternum"])


def _plate(rows: tuple[tuple[float, float, float], ...]) -> Tube:
    points = [(0, CAGE.at(z)[2] + 1, z) for z, _, _ in rows]
    return tube(points, [[wide, deep] for _, wide, deep in rows], up=(1, 0, 0))
