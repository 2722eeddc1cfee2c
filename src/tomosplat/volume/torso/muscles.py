"""The muscles that have labels of their own: back, psoas and buttocks."""

from __future__ import annotations

import numpy as np

from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.curves import Sheet, Tube, sheet, shift, tube, union
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID, UNLABELLED
from tomosplat.volume.torso.spine import Spine

_MUSCLE_HU, _FAT_HU = 58, -75
#: Muscles come no closer to the air than this.
_UNDER_SKIN_MM = 7.0


def _back(spine: Spine) -> Tube:
    """Autochthonous muscles beside the spinous processes."""
    rows = (
        (130, -38, 24, 14, 16),
        (165, -52, 28, 20, 19),
        (200, -54, 31, 24, 20),
        (258, -50, 32, 26, 20),
        (320, -46, 32, 25, 17),
        (380, -42, 29, 22, 14),
        (450, -42, 26, 19, 12),
        (520, -40, 24, 17, 11),
        (580, -38, 24, 17, 12),
        (625, -32, 24, 19, 14),
        (660, -30, 24, 19, 14),
    )
    points = [shift(spine.center(z), side, back, 0) for z, back, side, _, _ in rows]
    return tube(points, [[wide, deep] for *_, wide, deep in rows], up=(1, 0, 0))


def _psoas(spine: Spine) -> list[Tube | Sheet]:
    beside = [
        shift(spine.center(z), side, gap, 0)
        for z, side, gap in ((335, 26, -4), (300, 34, -3), (258, 41, 2), (215, 47, 3))
    ]
    muscle = tube(
        [*beside, (60, -2, 172), (74, 24, 128), (84, 35, 98), (94, 33, 76), (106, 8, 56), (110, -16, 44)],
        [7, 12, 18, 20, 20, 17, 13, 11, 8, 6],
    )
    iliacus = sheet(
        (
            ((106, 34, 176), (118, 14, 196), (112, -20, 205), (88, -54, 194)),
            ((90, 31, 150), (96, 8, 164), (88, -21, 169), (66, -46, 168)),
            ((74, 31, 118), (75, 10, 129), (65, -14, 135), (50, -33, 141)),
        ),
        ((4, 5, 5, 4), (7, 8, 8, 5), (8, 9, 8, 4)),
    )
    return [muscle, iliacus]


def _maximus() -> Sheet:
    return sheet(
        (
            ((48, -94, 174), (72, -92, 186), (100, -72, 180)),
            ((32, -96, 146), (74, -104, 150), (116, -74, 146)),
            ((20, -94, 108), (72, -108, 104), (128, -60, 100)),
            ((28, -84, 70), (78, -96, 62), (132, -48, 62)),
            ((60, -76, 42), (94, -78, 34), (128, -42, 34)),
        ),
        ((4, 5, 3), (8, 12, 5), (10, 18, 8), (8, 17, 8), (4, 8, 5)),
        step=2.5,
    )


def _medius() -> Sheet:
    return sheet(
        (
            ((118, 44, 182), (135, 22, 203), (132, -18, 214), (108, -58, 203)),
            ((122, 36, 156), (135, 12, 166), (130, -24, 168), (102, -62, 166)),
            ((128, 18, 124), (137, 2, 124), (131, -22, 124), (106, -46, 128)),
            ((136, 4, 96), (140, -6, 94), (138, -16, 94), (128, -28, 98)),
        ),
        ((3, 4, 4, 3), (6, 12, 13, 6), (6, 11, 11, 6), (4, 6, 6, 4)),
        step=2.5,
    )


def _minimus() -> Sheet:
    return sheet(
        (
            ((116, 28, 156), (121, 8, 166), (114, -22, 162)),
            ((108, 22, 130), (113, 6, 134), (105, -20, 132)),
            ((122, 8, 102), (126, -2, 100), (120, -14, 102)),
        ),
        ((3, 4, 3), (6, 7.5, 6), (4, 5, 4)),
        step=2.5,
    )


def paint_muscles(canvas: Canvas, spine: Spine, skin: Array) -> None:
    """Paint both sides; bones are painted over them later."""
    groups: dict[str, list[Tube | Sheet]] = {
        "gluteus_maximus": [_maximus()],
        "gluteus_medius": [_medius()],
        "gluteus_minimus": [_minimus()],
        "iliopsoas": _psoas(spine),
        "autochthon": [_back(spine)],
    }
    for name, parts in groups.items():
        for side in ("right", "left"):
            window, distance = union([p if side == "right" else p.mirrored() for p in parts], canvas.lattice)
            deep = skin[window.box] < -_UNDER_SKIN_MM
            canvas.paint(window, distance - np.float32(1.3), _FAT_HU, UNLABELLED, where=deep)
            canvas.paint(window, distance, _MUSCLE_HU, ID[f"{name}_{side}"], where=deep)
