"""The muscles that have labels of their own: back, psoas and buttocks."""

from __future__ import annotations

from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.curves import Sheet, Tube, sheet, shift, tube, union
from tomosplat.volume.torso.labels import ID
from tomosplat.volume.torso.spine import Spine

_MUSCLE_HU = 58


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
    muscle = tube([*beside, (60, -2, 172), (74, 20, 128), (88, 26, 96), (104, -8, 48)], [7, 12, 18, 20, 20, 17, 14, 8])
    iliacus = sheet(
        (
            ((106, 34, 176), (118, 14, 196), (112, -20, 205), (88, -54, 194)),
            ((96, 30, 150), (104, 8, 164), (97, -22, 168), (76, -50, 166)),
            ((82, 30, 118), (84, 10, 130), (76, -16, 134), (62, -38, 138)),
        ),
        ((4, 5, 5, 4), (8, 9, 9, 6), (9, 10, 9, 5)),
    )
    return [muscle, iliacus]


def _maximus() -> Sheet:
    return sheet(
        (
            ((44, -98, 176), (74, -92, 188), (104, -72, 180)),
            ((34, -104, 140), (78, -108, 140), (122, -72, 134)),
            ((22, -98, 100), (74, -110, 92), (132, -56, 86)),
            ((34, -82, 62), (76, -92, 48), (126, -44, 40)),
        ),
        ((6, 7, 5), (11, 15, 8), (12, 18, 9), (9, 14, 8)),
        step=2.5,
    )


def _medius() -> Sheet:
    return sheet(
        (
            ((121, 38, 180), (137, 18, 198), (134, -20, 205), (110, -62, 194)),
            ((122, 30, 152), (134, 10, 160), (130, -24, 160), (108, -58, 152)),
            ((128, 12, 112), (136, -2, 112), (132, -22, 110), (114, -44, 112)),
        ),
        ((5, 8, 8, 6), (11, 14, 14, 11), (8, 11, 11, 7)),
        step=2.5,
    )


def _minimus() -> Sheet:
    return sheet(
        (
            ((116, 28, 150), (122, 8, 158), (116, -20, 156)),
            ((108, 22, 128), (114, 6, 130), (108, -20, 130)),
            ((116, 10, 104), (122, -4, 102), (116, -18, 104)),
        ),
        ((5, 6, 5), (7, 8, 7), (6, 7, 6)),
        step=2.5,
    )


def paint_muscles(canvas: Canvas, spine: Spine) -> None:
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
            canvas.paint(window, distance, _MUSCLE_HU, ID[f"{name}_{side}"])
