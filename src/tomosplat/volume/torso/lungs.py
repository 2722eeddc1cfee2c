"""Diaphragm, lungs with their lobes, windpipe and bronchi."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.curves import Tube, shift, tube, union
from tomosplat.volume.torso.field import Lattice, Window, ellipsoid, smooth_intersection, smooth_union
from tomosplat.volume.torso.heart import Heart
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID, UNLABELLED
from tomosplat.volume.torso.spine import Spine
from tomosplat.volume.torso.vessels import chest_tubes

PARENCHYMA_HU = -888
_AIR_HU, _MUSCLE_HU = -985, 50
LOBES = [label for name, label in ID.items() if name.startswith("lung_")]
_DIAPHRAGM_MM = 3.0
# Domes of the diaphragm: centre and half-axes of the right, the left and the one under the heart.
_DOMES = (((64, 8, 330), (80, 100, 95)), ((-64, 6, 322), (78, 97, 90)), ((-4, 26, 330), (64, 72, 73)))
_CHEST_FLOOR, _APEX_Z = 318, np.float32(592)


def diaphragm_distance(window: Window, build: Build) -> Array:
    """Distance to the space under the diaphragm; below the domes' equators it goes on straight down."""
    out = window.far()
    raised = np.array([*build.dome, min(build.dome)])
    for (center, radii), rise in zip(_DOMES, raised, strict=True):
        under = replace(window, z=np.maximum(window.z, np.float32(center[2])))
        out = smooth_union(out, ellipsoid(under, center, (radii[0], radii[1], radii[2] + rise)), 16)
    return out


def airway() -> list[Tube]:
    """Lumen of windpipe and bronchi down to the lobes."""
    carina = (2, -20, 521)
    right, left = (34, -24, 492), (-40, -27, 490)
    return [
        tube([(0, -4, 660), (0, -8, 610), (1, -14, 570), (2, -19, 535), carina], [8] * 5),
        tube([carina, (18, -22, 506), right], [7.5, 7, 6]),
        tube([carina, (-20, -23, 505), left], [7, 6.5, 5.5]),
        tube([(24, -23, 502), (42, -18, 512), (54, -10, 528)], [5, 4, 2.5]),
        tube([right, (44, -28, 468), (54, -46, 436)], [5.5, 4.5, 2.5]),
        tube([right, (48, -4, 470), (62, 20, 458)], [4, 3.2, 2]),
        tube([left, (-54, -16, 504), (-62, -4, 526)], [4.8, 3.6, 2.4]),
        tube([left, (-50, -34, 466), (-60, -48, 436)], [5, 4.2, 2.5]),
    ]


def lung_distance(lattice: Lattice, build: Build, spine: Spine, heart: Heart, cavity: Array) -> tuple[Window, Array]:
    """Distance to both lungs: the chest without diaphragm and mediastinum."""
    window = lattice.window((-150, -130, _CHEST_FLOOR), (150, 120, 605))
    chest = cavity[window.box] + np.float32(1.5)
    below = diaphragm_distance(window, build) - np.float32(_DIAPHRAGM_MM)
    lungs = smooth_intersection(chest, -below, 4)
    lungs = smooth_intersection(lungs, window.z - _APEX_Z, 14)
    return window, smooth_intersection(lungs, -_mediastinum(window, spine, heart), 6)


def _mediastinum(window: Window, spine: Spine, heart: Heart) -> Array:
    """Everything between the lungs, with the fat around it."""
    out = window.far()
    column = tube(
        [shift(spine.center(z), 0, -6, 0) for z in (310, 380, 450, 520, 580, 620)], [[24, 25]] * 6, up=(1, 0, 0)
    )
    column.stamp(window, out, 18)
    sac = heart.surface - np.float32(5.5)
    inner = _inner(heart.window, window)
    out[inner] = smooth_union(out[inner], sac, 18)
    core = window.far()
    for part in (*chest_tubes(spine), *airway()[:3], esophagus(spine)):
        part.stamp(window, core, 20)
    out = smooth_union(out, core - np.float32(4), 16)
    # Before and behind the heart the pleurae of both sides meet in a thin sheet.
    sheet = np.abs(window.x + np.float32(4)) - np.float32(2.5) + np.zeros(window.shape, np.float32)
    return smooth_union(out, sheet, 12)


def esophagus(spine: Spine) -> Tube:
    """Gullet from the neck to the stomach."""
    points = [spine.front(z, 8, -3) for z in (640, 600, 560, 520, 480, 450)]
    return tube([*points, spine.front(420, 16, -8), (-18, -14, 400), (-32, -6, 388)], [[8, 6]] * 9, up=(1, 0, 0))


def _inner(part: Window, whole: Window) -> tuple[slice, ...]:
    """Box of ``part`` counted from the corner of ``whole``."""
    return tuple(slice(p.start - w.start, p.stop - w.start) for p, w in zip(part.box, whole.box, strict=True))


def lobes(x: Array, y: Array, z: Array) -> NDArray[np.uint8]:
    """Label of the lobe that each position would belong to; the fissures are curved planes."""
    upper = z > 525 - 0.78 * (y + 95) - 0.0012 * x * x
    above = z > 458 + 0.05 * y
    right = np.where(
        upper,
        np.where(above, ID["lung_upper_lobe_right"], ID["lung_middle_lobe_right"]),
        ID["lung_lower_lobe_right"],
    )
    left = np.where(upper, ID["lung_upper_lobe_left"], ID["lung_lower_lobe_left"])
    return np.where(x > 0, right, left).astype(np.uint8)


def paint_lungs(canvas: Canvas, window: Window, lungs: Array) -> None:
    """Paint the five lobes."""
    lobe = lobes(window.x, window.y, window.z)
    for label in LOBES:
        canvas.paint(window, lungs, PARENCHYMA_HU, label, where=lobe == label)


def paint_esophagus(canvas: Canvas, spine: Spine) -> None:
    """Paint the gullet."""
    gullet = esophagus(spine)
    canvas.paint(window := gullet.window(canvas.lattice), gullet.distance(window), 38, ID["esophagus"])


def paint_airway(canvas: Canvas) -> None:
    """Paint windpipe and bronchi; wall and lumen share the trachea's label."""
    window, distance = union(airway(), canvas.lattice)
    canvas.paint(window, distance - np.float32(1.2), _MUSCLE_HU - 10, ID["trachea"])
    canvas.paint(window, distance, _AIR_HU, ID["trachea"])


def paint_thyroid(canvas: Canvas) -> None:
    """Paint the thyroid, which iodine makes bright, around the windpipe."""
    lobe = tube([(12, -1, 600), (15, -5, 613), (15, -8, 628)], [(8, 6), (10, 7), (6, 4)], up=(0, 1, 0))
    isthmus = tube([(-10, 3, 603), (0, 5, 603), (10, 3, 603)], [(4, 6), (2.5, 5), (4, 6)], up=(0, 1, 0))
    window, distance = union([lobe, lobe.mirrored(), isthmus], canvas.lattice)
    canvas.paint(window, distance, 150, ID["thyroid_gland"])


def paint_diaphragm(canvas: Canvas, build: Build, cavity: Array) -> None:
    """Paint the sheet of muscle between chest and belly."""
    window = canvas.lattice.window((-150, -130, _CHEST_FLOOR), (150, 120, 450))
    distance = diaphragm_distance(window, build)
    sheet = np.maximum(
        np.abs(distance - np.float32(_DIAPHRAGM_MM / 2)) - np.float32(_DIAPHRAGM_MM / 2), cavity[window.box]
    )
    canvas.paint(window, sheet, _MUSCLE_HU, UNLABELLED)
