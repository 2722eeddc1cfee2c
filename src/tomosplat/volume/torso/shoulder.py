"""The shoulder girdle with the arms raised, as patients lie in a scanner: clavicles, scapulae, humeri."""

from __future__ import annotations

from tomosplat.volume.torso.canvas import Canvas, bone
from tomosplat.volume.torso.curves import Sheet, Tube, sheet, tube, union
from tomosplat.volume.torso.labels import ID

# The right scapula's blade: rows from the medial border to the lateral one, columns from top to bottom.
_BLADE = (
    ((60, -84, 586), (60, -106, 556), (70, -116, 516), (88, -110, 474), (104, -94, 446)),
    ((84, -72, 588), (84, -96, 558), (90, -105, 520), (100, -102, 482), (107, -93, 450)),
    ((112, -40, 588), (111, -64, 562), (112, -80, 530), (113, -90, 492), (112, -90, 456)),
)
_BLADE_HALF = ((3, 2.8, 2.8, 3.2, 4), (2, 1.6, 1.6, 2, 3), (7, 5.5, 4.5, 4.5, 4))

_PARTS: dict[str, list[Tube | Sheet]] = {
    "scapula": [
        sheet(_BLADE, _BLADE_HALF),
        # glenoid, spine with acromion, coracoid
        tube([(113, -38, 584), (118, -30, 588)], [(15, 10), (16, 12)]),
        tube(
            [(63, -108, 564), (88, -112, 577), (112, -94, 596), (130, -58, 612), (128, -36, 617)],
            [(4, 3.5), (8, 2.8), (9, 3), (4, 9), (3.5, 10)],
            up=(0, -0.8, 0.6),
        ),
        tube([(108, -34, 594), (103, -12, 604), (110, 4, 602)], [6.5, 5.5, 4.5]),
    ],
    "clavicula": [
        tube(
            [(17, 46, 567), (36, 52, 572), (62, 44, 580), (92, 12, 594), (112, -16, 608), (124, -30, 614)],
            [(9, 8), (6.5, 6.5), (6, 6), (6, 6.5), (5, 8), (4.5, 9)],
        )
    ],
    "humerus": [
        tube([(138, -20, 588), (140, -19, 591)], [21.5, 21.5]),
        tube(
            [(141, -18, 592), (150, -12, 612), (156, -8, 640), (160, -6, 670)], [(17, 18), (15, 15), (12, 12), (11, 11)]
        ),
        tube([(149, -2, 594), (153, -2, 604)], [10, 8]),
    ],
}


def paint_shoulders(canvas: Canvas) -> None:
    """Paint the bones of both shoulders."""
    for name, parts in _PARTS.items():
        for side in ("right", "left"):
            window, distance = union([p if side == "right" else p.mirrored() for p in parts], canvas.lattice)
            canvas.paint(window, distance, bone(distance, 680, 200), ID[f"{name}_{side}"])
