"""The great arteries and veins of chest, belly and pelvis, as tubes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.contrast import Contrast
from tomosplat.volume.torso.curves import Tube, shift, tube, union
from tomosplat.volume.torso.labels import ID, UNLABELLED
from tomosplat.volume.torso.spine import Spine

_MIRROR = np.array([-1.0, 1.0, 1.0])

# Along the spine: z, gap before the bodies, side, radius.
_AORTA_DOWN = (
    (490, 2, -27, 12.5),
    (450, 4, -23, 12),
    (400, 8, -15, 11.5),
    (353, 11, -8, 11),
    (310, 11.5, -6, 10),
    (265, 11.5, -5, 9.2),
    (228, 11, -3, 9),
)
_CAVA_UP = ((206, 10, 16, 9), (250, 10, 19, 9.5), (300, 11.5, 21, 10), (345, 17, 24, 10.5), (380, 28, 25, 11))


def aorta(spine: Spine) -> list[Tube]:
    """Aorta from the valve to the bifurcation, with its branches to kidneys and gut."""
    arch = [(-8, 24, 466), (6, 33, 492), (11, 26, 522), (2, 8, 545), (-15, -14, 546), (-26, -38, 526)]
    down = [spine.front(z, gap, side) for z, gap, side, _ in _AORTA_DOWN]
    radii = [14.5, 15, 14.5, 14, 13.5, 13, *(row[3] for row in _AORTA_DOWN)]
    trunk = spine.front(338, 16, -5)
    mesenteric = spine.front(325, 18, -4)
    branches = [
        tube([spine.front(338, 8, -5), trunk, shift(trunk, 2, 14, 6)], 4),
        tube([shift(trunk, 2, 14, 6), shift(trunk, 22, 20, 8), shift(trunk, 48, 22, 22)], [3, 2.8, 2.4]),
        tube([shift(trunk, 2, 14, 6), shift(trunk, -30, 6, 14), shift(trunk, -78, -26, 24)], [3.2, 3, 2.6]),
        tube(
            [mesenteric, shift(mesenteric, 1, 14, -14), shift(mesenteric, 3, 22, -60), shift(mesenteric, 14, 26, -100)],
            [3.8, 3.6, 3, 2],
        ),
    ]
    for sign in (1, -1):
        root = spine.front(312, 10, -6)
        branches.append(tube([root, shift(root, sign * 22, -10, -2), (sign * 46, -26, 300)], [3.4, 3, 2.8]))
    return [tube([*arch, *down], radii), *branches]


def _arm_and_head() -> dict[str, Tube]:
    trunk_end = (20, 4, 577)
    return {
        "brachiocephalic_trunk": tube([(4, 12, 545), (12, 9, 563), trunk_end], [6.5, 6.2, 6]),
        "subclavian_artery_right": tube(
            [trunk_end, (38, -6, 594), (66, 6, 592), (100, -4, 590), (128, -26, 584)], [5, 4.6, 4.2, 4, 3.6]
        ),
        "common_carotid_artery_right": tube([trunk_end, (23, -1, 600), (26, -4, 645)], [4.4, 3.8, 3.8]),
        "common_carotid_artery_left": tube(
            [(-6, 2, 548), (-15, -1, 575), (-22, -4, 600), (-26, -5, 645)], [4.4, 4, 3.8, 3.8]
        ),
        "subclavian_artery_left": tube(
            [(-18, -16, 550), (-24, -19, 575), (-40, -10, 594), (-66, 6, 592), (-100, -4, 590), (-128, -26, 584)],
            [5, 4.8, 4.6, 4.2, 4, 3.6],
        ),
    }


def _upper_veins() -> dict[str, Tube]:
    joint = (28, 15, 536)
    return {
        "brachiocephalic_vein_left": tube(
            [(-42, 22, 578), (-26, 28, 560), (0, 33, 551), (20, 24, 543), joint], [6, 6.5, 6.5, 7, 7]
        ),
        "brachiocephalic_vein_right": tube([(42, 22, 578), (34, 18, 558), joint], [6, 7, 7.5]),
        "superior_vena_cava": tube([joint, (29, 17, 510), (28, 22, 478), (29, 26, 462)], [9, 9.5, 10, 10.5]),
    }


def _arm_and_neck_veins() -> list[Tube]:
    """Right subclavian and inner jugular vein."""
    return [
        tube([(42, 22, 578), (62, 30, 588), (92, 8, 594), (128, -18, 586)], [6, 5.5, 5, 4.5]),
        tube([(42, 22, 578), (37, 8, 600), (36, -2, 645)], [6, 5.5, 5]),
    ]


def pulmonary_artery() -> list[Tube]:
    """Pulmonary trunk and its two main branches."""
    fork = (-19, 15, 506)
    return [
        tube([(-22, 50, 464), (-25, 38, 486), fork], [13.5, 13, 12]),
        tube([fork, (2, 3, 503), (24, -5, 499), (44, -12, 490)], [10, 9.5, 9, 7]),
        tube([fork, (-36, -4, 509), (-48, -20, 503), (-54, -28, 486)], [10, 9.5, 8, 6]),
    ]


def pulmonary_veins() -> list[Tube]:
    """The four veins that enter the left atrium."""
    return [
        tube([(8, -4, 462), (26, -3, 468), (46, -6, 480)], [7.5, 6.5, 5.5]),
        tube([(8, -14, 450), (28, -22, 446), (46, -32, 444)], [7.5, 6.5, 5.5]),
        tube([(-22, -4, 464), (-38, -4, 472), (-54, -10, 484)], [7.5, 6.5, 5.5]),
        tube([(-22, -14, 452), (-38, -24, 450), (-55, -38, 448)], [7.5, 6.5, 5.5]),
    ]


def cava(spine: Spine) -> list[Tube]:
    """Inferior vena cava from the iliac veins to the right atrium, with the renal and liver veins."""
    up = [spine.front(z, gap, side) for z, gap, side, _ in _CAVA_UP]
    main = tube([*up, (26, 10, 408), (28, 22, 432)], [*(row[3] for row in _CAVA_UP), 12.5, 13])
    at = spine.front(306, 10, 18)
    renal = [
        tube([at, shift(at, 16, -12, -4), (46, -24, 296)], 4.5),
        tube([at, shift(at, -24, 14, 2), shift(at, -48, -8, 0), (-46, -24, 304)], 4.5),
    ]
    entry = np.array([27, 8, 402])
    return [
        main,
        *renal,
        tube([entry, shift(entry, 28, 0, -8), shift(entry, 62, 10, -30)], [4.5, 4, 2.5]),
        tube([entry, shift(entry, 12, 26, -4), shift(entry, 20, 56, -26)], [4.5, 4, 2.5]),
        tube([entry, shift(entry, -14, 24, -2), shift(entry, -42, 40, -12)], [4, 3.5, 2.2]),
    ]


def portal_vein() -> list[Tube]:
    """Portal vein with its branches in the liver, the splenic and the mesenteric vein."""
    root, gate = (14, 32, 306), (40, 22, 350)
    return [
        tube([root, (28, 24, 330), gate], [6.5, 6.5, 6.2]),
        tube([root, (-20, 24, 322), (-56, -8, 340), (-84, -34, 352)], [5, 4.5, 4, 3.2]),
        tube([root, (16, 38, 280), (20, 46, 230), (34, 48, 190)], [5, 4.5, 3.4, 2.2]),
        tube([gate, (60, 16, 356), (74, 12, 358)], [5.5, 4.5, 3]),
        tube([gate, (14, 46, 366), (-14, 60, 378), (-34, 62, 382)], [4.5, 4, 3, 1.8]),
    ]


def _iliac(spine: Spine, side: int, vein: bool) -> list[Tube]:
    back = 12 if vein else 0
    start = spine.front(214, 9, 12) if vein else spine.front(230, 11, -3)
    inner = 0.76 if vein else 1.0
    points: list[ArrayLike] = [start, (side * 24, 0 - back, 196), (side * 44 * inner, -20 - back, 166)]
    outer = [(side * 58 * inner, 4 - back, 130), (side * (52 if vein else 60), 36 - back / 3, 96)]
    leg = [
        *outer[-1:],
        (side * (54 if vein else 66), 46 - back, 60),
        (side * (62 if vein else 74), 40 - back, 0),
        (side * 76, 30, -40),
    ]
    return [
        tube([*points, *outer], [6.5, 6, 5.5, 5, 4.6]),
        tube([points[-1], (side * 52, -44, 142), (side * 54, -54, 112)], [4.5, 4, 2.5]),
        tube(leg, [4.6, 4.5, 4.2, 4]),
    ]


def paint_chest_vessels(canvas: Canvas, blood: Contrast) -> None:
    """Paint the vessels above the heart, and the pulmonary ones."""
    for side_vein in _arm_and_neck_veins():
        _paint(canvas, [side_vein, side_vein.mirrored()], blood.upper_veins, UNLABELLED)
    for name, vessel in _upper_veins().items():
        _paint(canvas, [vessel], blood.upper_veins, ID[name])
    _paint(canvas, pulmonary_veins(), blood.pulmonary, ID["pulmonary_vein"])
    _paint(canvas, pulmonary_artery(), blood.pulmonary, ID["pulmonary_artery"])
    for name, vessel in _arm_and_head().items():
        _paint(canvas, [vessel], blood.aorta, ID[name])


def paint_trunk_vessels(canvas: Canvas, spine: Spine, blood: Contrast) -> None:
    """Paint aorta, vena cava, portal vein and the iliac vessels."""
    for side, sign in (("right", 1), ("left", -1)):
        for vein, name, hu in ((True, "iliac_vena", blood.veins), (False, "iliac_artery", blood.aorta)):
            *pelvic, leg = _iliac(spine, sign, vein)
            _paint(canvas, [leg], hu, UNLABELLED)
            _paint(canvas, pelvic, hu, ID[f"{name}_{side}"])
    _paint(canvas, cava(spine), blood.veins, ID["inferior_vena_cava"])
    _paint(canvas, portal_vein(), blood.portal, ID["portal_vein_and_splenic_vein"])
    _paint(canvas, aorta(spine), blood.aorta, ID["aorta"])


def chest_tubes(spine: Spine) -> list[Tube]:
    """The great vessels that part the lungs."""
    parts = [aorta(spine)[0], cava(spine)[0], *pulmonary_artery(), *pulmonary_veins()]
    return [*parts, *_arm_and_head().values(), *_upper_veins().values()]


def _paint(canvas: Canvas, tubes: list[Tube], hu: float, label: int) -> None:
    window, distance = union(tubes, canvas.lattice)
    canvas.paint(window, distance, hu, label)
