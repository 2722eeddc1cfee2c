"""The vertebral column: C6 to L5 with their discs, canal and cord; the sacrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas, bone
from tomosplat.volume.torso.curves import Sheet, Tube, shift, tube, union
from tomosplat.volume.torso.field import Window, smooth_intersection, smooth_union
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID, UNLABELLED, VERTEBRAE

Vector = NDArray[np.float64]

# Level: z of the body's centre, height, half width, half depth, reach of the transverse processes,
# length of the spinous process and how far its tip hangs, all in mm.
_LEVELS: dict[str, tuple[float, ...]] = {
    "L5": (189, 27, 25, 17.5, 43, 18, 2),
    "L4": (224, 27.5, 24.5, 17.5, 41, 22, 4),
    "L3": (258, 27.5, 23.5, 17, 45, 23, 5),
    "L2": (291, 27, 22.5, 16.5, 42, 23, 5),
    "L1": (323, 26, 21.5, 16, 38, 23, 6),
    "T12": (353, 24, 20.5, 15.5, 22, 23, 8),
    "T11": (380, 22, 19.5, 15.5, 25, 22, 14),
    "T10": (405, 21, 18, 15.5, 29, 22, 20),
    "T9": (428.5, 19.5, 17, 15, 31, 22, 25),
    "T8": (451, 18.5, 16, 15, 32, 22, 29),
    "T7": (473, 18, 15.5, 14.5, 33, 22, 31),
    "T6": (494, 17.5, 15, 14, 33, 22, 31),
    "T5": (514.5, 17, 14.5, 13.5, 33, 22, 29),
    "T4": (534, 16.5, 14.5, 13, 33, 23, 25),
    "T3": (553, 16, 14.5, 12, 32, 25, 20),
    "T2": (571.5, 15.5, 15, 11, 32, 28, 15),
    "T1": (589, 14.5, 15.5, 10, 34, 31, 9),
    "C7": (606, 13, 15, 9, 32, 33, 6),
    "C6": (622, 12, 14, 8.5, 26, 24, 4),
}

# The curve of the column: z, y.
_CURVE = ((60, -70), (120, -60), (172, -25), (189, -21), (224, -16), (258, -17), (291, -24), (323, -33), (353, -42))
_CURVE_THORACIC = ((405, -52), (473, -57), (534, -52), (571, -43), (606, -34), (640, -27))


@dataclass(frozen=True)
class Level:
    """One vertebra: where it is and how big.

    Attributes:
        center: Centre of the body, [3] mm.
        axes: Rows are right, front and up of the body, [3, 3].
        height: Of the body.
        width: Half width of the body.
        depth: Half depth of the body.
        transverse: Reach of the transverse processes.
        spinous: Length of the spinous process.
        hang: How far its tip lies below the body's centre.
    """

    center: Vector
    axes: Vector
    height: float
    width: float
    depth: float
    transverse: float
    spinous: float
    hang: float

    def place(self, right: float, front: float, up: float) -> Vector:
        """Map a position relative to the body to the torso's millimetres, [3]."""
        return np.asarray(self.center + np.array([right, front, up]) @ self.axes)


class Spine:
    """The column of one build: the axis that everything behind the viscera hangs on."""

    def __init__(self, build: Build) -> None:
        z, y = np.array(_CURVE + _CURVE_THORACIC, dtype=np.float64).T
        y = y - build.kyphosis * np.exp(-(((z - 473) / 70) ** 2)) + build.lordosis * np.exp(-(((z - 250) / 60) ** 2))
        x = build.scoliosis * np.sin((z - 172) / 400 * 2 * np.pi) * (z > 172)
        self._axis = CubicSpline(z, np.stack([x, y], axis=1), bc_type="natural")
        self.levels = {name: self._level(*_LEVELS[name]) for name in VERTEBRAE}

    def center(self, z: float) -> Vector:
        """Centre of the column at height ``z``, [3] mm."""
        return np.array([*self._axis(z), z])

    def _level(self, z: float, *sizes: float) -> Level:
        up = np.array([*self._axis(z, 1), 1.0])
        up /= np.linalg.norm(up)
        right = np.array([1.0, 0, 0]) - up[0] * up
        right /= np.linalg.norm(right)
        return Level(self.center(z), np.stack([right, np.cross(up, right), up]), *sizes)

    def front(self, z: float, gap: float, side: float = 0) -> Vector:
        """Point ``gap`` mm before the bodies' front and ``side`` mm to the right, [3]."""
        levels = list(self.levels.values())
        depth = np.interp(z, [level.center[2] for level in levels], [level.depth for level in levels])
        return np.asarray(self.center(z) + np.array([side, depth + gap, 0]))

    def canal(self, low: float, high: float, radius: float) -> Tube:
        """Tube along the spinal canal."""
        levels = [level for level in self.levels.values() if low <= level.center[2] <= high]
        sacral = [self.center(z) + np.array([0, back, 0]) for z, back in ((75, -8), (120, -13), (160, -22)) if z >= low]
        points = [*sacral, *(level.place(0, -level.depth - 8.5, 0) for level in levels)]
        top = self.levels["C6"]
        if high > top.center[2]:
            points.append(top.place(0, -top.depth - 8.5, 25))
        return tube(points, radius)


def paint_spine(canvas: Canvas, spine: Spine) -> None:
    """Paint discs, vertebrae, sacrum, canal and cord."""
    _paint_discs(canvas, spine)
    for name, level in spine.levels.items():
        window, distance = vertebra(canvas, level, thoracic=name.startswith("T"))
        canvas.paint(window, distance, bone(distance, 820, 225), ID[f"vertebrae_{name}"])
    _paint_sacrum(canvas, spine)
    canal = spine.canal(70, 700, 8.5)
    canvas.paint(window := canal.window(canvas.lattice), canal.distance(window), -20, UNLABELLED)
    cord = spine.canal(180, 700, 6.3)
    canvas.paint(window := cord.window(canvas.lattice), cord.distance(window), 32, ID["spinal_cord"])


def vertebra(canvas: Canvas, level: Level, thoracic: bool) -> tuple[Window, Array]:
    """Distance to one vertebra: body, arch and processes."""
    processes = [part for side in (1, -1) for part in _half_arch(level, side, thoracic)]
    processes.append(_spinous(level))
    window = canvas.lattice.window(shift(level.center, -55, -95, -60), shift(level.center, 55, 30, 35))
    arch = window.far()
    for process in processes:
        process.stamp(window, arch)
    return window, smooth_union(_vertebral_body(window, level), arch, 3)


def _vertebral_body(window: Window, level: Level) -> Array:
    cx, cy, cz = level.center.astype(np.float32)
    dx, dy, dz = window.x - cx, window.y - cy, window.z - cz
    right, front, up = (a[0] * dx + a[1] * dy + a[2] * dz for a in level.axes.astype(np.float32))
    height = up / np.float32(level.height / 2)
    waist = np.float32(0.88) + np.float32(0.12) * np.minimum(height * height, 1)
    # The back of the body is flat to hollow: flatten the ellipse there.
    hollow = np.where(front < 0, front * np.float32(1.12), front)
    norm = np.sqrt((right / (level.width * waist)) ** 2 + (hollow / (level.depth * waist)) ** 2)
    wall = (norm - 1) * np.float32(min(level.width, level.depth))
    return smooth_intersection(wall, np.abs(up) - np.float32(level.height / 2), 3)


def _half_arch(level: Level, side: int, thoracic: bool) -> list[Tube]:
    w, d, h = level.width, level.depth, level.height
    pedicle = [level.place(side * 0.62 * w, -0.5 * d, 0.16 * h), level.place(side * 0.72 * w, -d - 8, 0.1 * h)]
    root = level.place(side * 0.72 * w, -d - 8, 0.08 * h)
    lamina = [root, level.place(side * 7, -d - 17, -0.12 * h), level.place(0, -d - 20, -0.25 * h)]
    tip = level.place(side * level.transverse, -d - (22 if thoracic else 13), 0.25 * h if thoracic else 0.1 * h)
    joint = [level.place(side * 0.72 * w, -d - 11, (0.62 if up else -0.72) * h) for up in (True, False)]
    tall = 0.26 * h
    return [
        tube(pedicle, [[tall, 4], [tall, 4]], level.axes[2]),
        tube(lamina, [[0.36 * h, 3.6], [0.42 * h, 3], [0.4 * h, 3]], level.axes[2]),
        tube([root, (root + tip) / 2, tip], [[5.5, 4.5], [4.5, 3.4], [5, 3.8]], level.axes[2]),
        tube([joint[0], root, joint[1]], [[5.5, 3.6], [6, 4.5], [5.5, 3.6]], level.axes[0]),
    ]


def _spinous(level: Level) -> Tube:
    start = level.place(0, -level.depth - 19, -0.2 * level.height)
    tip = level.place(0, -level.depth - 19 - level.spinous, -level.hang)
    tall = 0.33 * level.height
    return tube([start, (start + tip) / 2, tip], [[tall, 3.4], [tall * 0.9, 2.8], [tall * 0.95, 4]], level.axes[2])


def _paint_discs(canvas: Canvas, spine: Spine) -> None:
    levels = list(spine.levels.values())
    sizes = [[level.width - 1, level.depth - 1] for level in levels]
    points = [level.center for level in levels]
    column = tube([spine.center(170), *points], [sizes[0], *sizes], up=(1, 0, 0))
    canvas.paint(window := column.window(canvas.lattice), column.distance(window), 85, UNLABELLED)


# Sacrum and coccyx: z, half width, half depth.
_SACRUM = (
    (168, 31, 15),
    (158, 52, 15),
    (140, 48, 14),
    (118, 37, 11),
    (97, 27, 8.5),
    (80, 18, 6.5),
    (60, 9, 4.5),
    (44, 5, 3.5),
)


def _paint_sacrum(canvas: Canvas, spine: Spine) -> None:
    y_of = dict(zip((168, 158, 140, 118, 97, 80, 60, 44), (-27, -38, -52, -63, -69, -68, -62, -53), strict=True))
    points = [(spine.center(z)[0], y_of[int(z)], z) for z, _, _ in _SACRUM]
    plate = tube(points, [[wide, deep] for _, wide, deep in _SACRUM], up=(1, 0, 0))
    wings = [
        tube([(s * 14, -40, 160), (s * 40, -56, 150), (s * 46, -68, 128)], [[12, 13], [13, 12], [8, 8]])
        for s in (1, -1)
    ]
    crest = tube([(0, -68, 152), (0, -80, 125), (0, -80, 95)], [[9, 3], [8, 3], [5, 3]], up=(0, -0.8, 0.5))
    window, distance = union([plate, *wings, crest], canvas.lattice)
    holes: list[Tube | Sheet] = [
        tube([(s * x, y + 22, z + 4), (s * x, y, z), (s * x, y - 24, z - 4)], 4.2)
        for s in (1, -1)
        for x, y, z in ((23, -50, 140), (20, -60, 120), (17, -67, 102))
    ]
    for hole in holes:
        pierced = window.far()
        hole.stamp(window, pierced)
        distance = smooth_intersection(distance, -pierced, 1.5)
    canvas.paint(window, distance, bone(distance, 700, 180), ID["sacrum"])
