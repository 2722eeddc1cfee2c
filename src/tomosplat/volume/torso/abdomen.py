"""The solid organs under the diaphragm: liver, gallbladder, spleen, pancreas, kidneys, adrenals; the bladder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.contrast import Contrast
from tomosplat.volume.torso.curves import shift, tube, union
from tomosplat.volume.torso.field import Lattice, Window, ellipsoid, frame, smooth_intersection
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID, UNLABELLED
from tomosplat.volume.torso.lungs import diaphragm_distance

_FAT_HU = -98


@dataclass(frozen=True)
class Belly:
    """Room of the upper belly: ``distance`` to the inside of its wall and diaphragm in ``window``."""

    window: Window
    distance: Array

    @classmethod
    def under_diaphragm(cls, lattice: Lattice, build: Build, cavity: Array) -> Belly:
        """Return the part of the cavity below the diaphragm, down to the iliac crests."""
        window = lattice.window((-150, -130, 190), (150, 120, 450))
        wall = cavity[window.box] + np.float32(2)
        roof: Array = diaphragm_distance(window, build) + np.float32(1)
        return cls(window, smooth_intersection(wall, roof, 6))


def liver_distance(belly: Belly, build: Build) -> Array:
    """Distance to the liver: what the right dome holds above a slanting, hollow underside."""
    x, y, z = belly.window.x, belly.window.y, belly.window.z
    size = build.liver
    # The underside climbs from the right flank to the left lobe, and from the back to the front edge.
    floor = 350 - 0.46 * x - 0.0013 * (x - 50) ** 2 - 0.1 * y - 120 * (size - 1)
    underside = 0.85 * (floor - z)
    # The left lobe lies in front of the stomach and thins towards its tip.
    tip = 0.9 * (-x - 78 * size) + 0.15 * np.abs(y - 55)
    back = 0.6 * (8 - y - 4 * np.clip(x + 4, 0, 40))
    liver = belly.distance
    for plane, rounding in ((underside, 22), (tip, 12), (back, 20)):
        liver = smooth_intersection(liver, np.asarray(plane, np.float32), rounding)
    return liver


def paint_liver(canvas: Canvas, belly: Belly, liver: Array, blood: Contrast) -> None:
    """Paint the liver and the gallbladder beneath it."""
    canvas.paint(belly.window, liver, blood.liver, ID["liver"])
    sac = tube([(34, 42, 330), (46, 58, 312), (54, 70, 296)], [5, 13, 15])
    window = sac.window(canvas.lattice)
    distance = sac.distance(window)
    canvas.paint(window, distance, 55, ID["gallbladder"])
    canvas.paint(window, distance + np.float32(1.6), 10, ID["gallbladder"])


def paint_spleen(canvas: Canvas, belly: Belly, build: Build, blood: Contrast) -> None:
    """Paint the spleen: a shell against the left flank, hollow towards the stomach."""
    axes = frame((-0.25, -0.35, 1), up=(-0.8, -0.5, 0))
    bulk = ellipsoid(belly.window, (-92, -46, 368), np.array([62, 49, 39]) * build.spleen, axes)
    hollow = ellipsoid(belly.window, (-52, -10, 368), (44, 44, 70))
    spleen = smooth_intersection(smooth_intersection(bulk, belly.distance, 6), -hollow, 8)
    canvas.paint(belly.window, spleen, blood.spleen, ID["spleen"])


def paint_kidneys(canvas: Canvas, build: Build, blood: Contrast) -> None:
    """Paint kidneys with cortex, pyramids, pelvis and sinus fat, and the adrenals on top."""
    for side, sign, middle in (("right", 1, 298.0), ("left", -1, 311.0)):
        size = build.kidneys[sign < 0]
        z = middle - build.kidney_drop[sign < 0]
        at = np.array([61.0 * sign, -31.0, z])
        bean = at + np.array([(-9 * sign, -9, 31), (5 * sign, -2, 10), (6 * sign, 1, -12), (0, 5, -31)]) * size
        body = tube(bean, np.array([[23, 20], [27, 23], [27, 23], [23, 20]]) * size, up=(sign, 0.7, 0))
        window, distance = union([body], canvas.lattice)
        sinus = ellipsoid(window, at + np.array([-21.0 * sign, 5, 0]) * size, np.array([17, 13, 24]) * size)
        kidney = smooth_intersection(distance, -sinus, 7)
        canvas.paint(window, kidney, _kidney_hu(window, kidney, sinus, at, blood), ID[f"kidney_{side}"])
        pelvis = tube(
            [shift(at, -8 * sign, 3, 0), shift(at, -20 * sign, 8, -4), shift(at, -24 * sign, 10, -28)],
            [8, 6.5, 2.5],
            up=(0, 0, 1),
        )
        canvas.paint(w := pelvis.window(canvas.lattice), pelvis.distance(w), 12, UNLABELLED)
        _paint_adrenal(canvas, side, sign, bean[0])


def _kidney_hu(window: Window, kidney: Array, sinus: Array, at: NDArray[np.float64], blood: Contrast) -> Array:
    """Cortex outside, pyramids between columns of cortex around the sinus."""
    around = np.arctan2(window.z - np.float32(at[2]), np.abs(window.x) - np.float32(abs(at[0]) - 14))
    pyramid = np.cos(around * 7 + np.zeros(window.shape, np.float32)) > -0.45
    medulla = pyramid & (kidney < -7) & (sinus > 0)
    return np.where(medulla, np.float32(blood.kidney_medulla), np.float32(blood.kidney_cortex))


def _paint_adrenal(canvas: Canvas, side: str, sign: int, pole: NDArray[np.float64]) -> None:
    apex = shift(pole, -14 * sign, 12, 20)
    limbs = [
        tube([apex, shift(apex, 4 * sign, -12, -8), shift(apex, 9 * sign, -22, -14)], [[8, 2.6]] * 3),
        tube([apex, shift(apex, -4 * sign, -13, -8), shift(apex, -7 * sign, -22, -12)], [[8, 2.4]] * 3),
    ]
    window, distance = union(limbs, canvas.lattice)
    canvas.paint(window, distance, 60, ID[f"adrenal_gland_{side}"])


def paint_pancreas(canvas: Canvas, blood: Contrast) -> None:
    """Paint the pancreas from the loop of the duodenum to the gate of the spleen."""
    gland = tube(
        [(34, 32, 268), (30, 34, 288), (12, 44, 306), (-16, 40, 320), (-46, 16, 330), (-74, -14, 344)],
        [[12, 11], [15, 13], [11, 9], [11, 9], [11, 9], [9, 8]],
    )
    canvas.paint(window := gland.window(canvas.lattice), gland.distance(window), blood.pancreas, ID["pancreas"])


def paint_pelvic_organs(canvas: Canvas, build: Build) -> None:
    """Paint the bladder, half full, and the prostate under it."""
    window = canvas.lattice.window((-70, -60, 40), (70, 70, 160))
    prostate = ellipsoid(window, (0, 10, 66), (21, 15, 17))
    canvas.paint(window, prostate, 45, ID["prostate"])
    size = build.bladder
    bladder = ellipsoid(window, (0, 16, 78 + 24 * size), np.array([40, 29, 26]) * size)
    canvas.paint(window, bladder, 38, ID["urinary_bladder"])
    canvas.paint(window, bladder + np.float32(3), 8, ID["urinary_bladder"])
