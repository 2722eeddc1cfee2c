"""The shoulder girdle with the arms raised, as patients lie in a scanner: clavicles, scapulae, humeri."""

from __future__ import annotations

from tomosplat.volume.torso.canvas import Canvas, bone
from tomosplat.volume.torso.curves import Sheet, Tube, sheet, tube, union
from tomosplat.volume.torso.labels import ID

# The right scapula's blade: rows from the medial border to the lateral one, columns from top to bottom.
_BLADE = (
    ((56, -78, 592), (58, -104, 560), (68, -115, 518), (86, -111, 474), (101, -97, 442)),
    ((80, -76, 584), (82, -98, 558), (88, -106, 520), (98, -104, 482), (106, -94, 447)),
    ((112, -40, 588), (109, -66, 562), (106, -86, 530), (107, -95, 492), (111, -91, 454)),
)
_BLADE_HALF = ((3, 2.6, 2.6, 3.0, 4), (2.1, 1.9, 1.9, 2.2, 3.4), (7, 5.5, 4.2, 4.2, 4))

_PARTS: dict[str, list[Tube | Sheet]] = {
    "scapula": [
        sheet(_BLADE, _BLADE_HALF),
        # glenoid, spine with acromion, coracoid
        tube([(113, -38, 584), (118, -30, 588)], [(15, 10), (16, 12)]),
        tube(
            [(61, -108, 562), (86, -112, 574), (110, -92, 594), (130, -56, 611), (128, -36, 617)],
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
            canvas.paint(window, distance, bone(distance, 820, 215), ID[f"{name}_{side}"])
