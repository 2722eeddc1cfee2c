"""Hip bones and the upper ends of the femurs."""

from __future__ import annotations

import numpy as np

from tomosplat.volume.torso.canvas import Canvas, bone
from tomosplat.volume.torso.curves import Sheet, Tube, sheet, shift, tube, union
from tomosplat.volume.torso.field import Window, ellipsoid, smooth_intersection, smooth_union
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID

#: Centre of the right hip joint, mm.
HIP_JOINT = np.array([84.0, -4.0, 90.0])
_HEAD = 23.5
# The way the socket opens.
_OPENING = np.array([0.80, 0.30, -0.52])

# The wing of the ilium, right side: rows from the crest down to the pelvic brim, columns from front to back.
_WING = (
    ((114, 46, 178), (131, 24, 204), (127, -18, 218), (98, -62, 208), (50, -90, 180)),
    ((106, 34, 160), (118, 15, 178), (111, -20, 184), (86, -58, 182), (46, -87, 165)),
    ((98, 33, 138), (100, 9, 148), (90, -18, 153), (66, -50, 160), (42, -81, 150)),
    ((91, 25, 116), (86, 4, 118), (75, -18, 128), (54, -45, 149), (44, -71, 140)),
)
_WING_HALF = ((4.5, 5.5, 5, 5.5, 6.5), (4, 3, 2.4, 3.4, 7), (5, 4, 3, 4.5, 7), (8, 8, 7.5, 6.5, 6))


def _hip_parts() -> list[Tube | Sheet]:
    hx, hy, hz = HIP_JOINT
    return [
        sheet(_WING, _WING_HALF),
        # superior ramus, body of the pubis, inferior ramus, ischium, tuberosity
        tube(
            [(hx - 16, hy + 16, hz + 6), (52, 32, 88), (34, 46, 84), (14, 52, 74)], [(9, 10), (7, 7), (6.5, 6), (9, 6)]
        ),
        tube([(9.5, 51, 78), (9.5, 48, 66), (11, 43, 54)], [(8, 6.5), (8, 6.5), (6, 5.5)], up=(0, 1, 0)),
        tube([(11, 44, 55), (24, 26, 44), (38, 4, 34), (50, -16, 30)], [(6, 4.5), (6.5, 4), (7, 4.5), (9, 7)]),
        tube([(hx - 12, hy - 22, hz - 8), (66, -36, 64), (60, -40, 44), (53, -30, 28)], [14, 12.5, 13, 11]),
        tube(
            [(hx - 14, hy - 18, hz + 22), (hx - 17, hy - 22, hz), (70, -30, 72)],
            [(10, 9), (10, 8), (10, 9)],
            up=(0, 1, 0),
        ),
    ]


def paint_pelvis(canvas: Canvas) -> None:
    """Paint the hip bones and the femurs of both sides."""
    for side, sign in (("right", 1), ("left", -1)):
        parts = [part if sign > 0 else part.mirrored() for part in _hip_parts()]
        window, distance = union(parts, canvas.lattice, reach=4)
        socket = _shell(window, sign)
        distance = smooth_union(distance, socket, 4)
        head = ellipsoid(window, HIP_JOINT * (sign, 1, 1), (_HEAD + 2.6,) * 3)
        distance = smooth_intersection(distance, -head, 1)
        distance = np.maximum(distance, np.float32(2.6) - window.x * np.float32(sign))
        canvas.paint(window, distance, bone(distance, 780, 200), ID[f"hip_{side}"])
        _paint_femur(canvas, side, sign)


def _shell(window: Window, sign: int) -> Array:
    center = HIP_JOINT * (sign, 1, 1)
    outer = ellipsoid(window, center, (_HEAD + 9.5,) * 3)
    ox, oy, oz = (_OPENING * (sign, 1, 1)).astype(np.float32)
    cx, cy, cz = center.astype(np.float32)
    rim = (window.x - cx) * ox + (window.y - cy) * oy + (window.z - cz) * oz - np.float32(5)
    return smooth_intersection(outer, rim, 4)


def _paint_femur(canvas: Canvas, side: str, sign: int) -> None:
    head = HIP_JOINT
    parts = [
        tube([head, shift(head, 2, 0, -1)], _HEAD - 0.5),
        tube([head, (108, -8, 80), (126, -12, 70)], [(19, 16), (16, 12), (21, 14)], up=(-0.5, 0, 1)),
        tube([(130, -16, 92), (134, -16, 76), (130, -13, 50)], [(9, 9), (15, 13), (16, 15)], up=(0, 1, 0)),
        tube([(124, -12, 72), (124, -11, 45), (122, -8, 15), (120, -5, -25)], [20, 17, 15.5, 14.5]),
        tube([(112, -22, 44), (110, -26, 38)], 8),
    ]
    parts = [part if sign > 0 else part.mirrored() for part in parts]
    window, distance = union(parts, canvas.lattice)
    # The shaft has a thick cortex and fatty marrow, the head spongy bone throughout.
    shaft = np.clip((60 - window.z) / 25, 0, 1).astype(np.float32)
    spongy, hollow = bone(distance, 780, 290), bone(distance, 1250, 10, 6.5)
    canvas.paint(window, distance, spongy + shaft * (hollow - spongy), ID[f"femur_{side}"])
