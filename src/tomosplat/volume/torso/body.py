"""The wall of the body: skin, fat, muscle, and the cavity with its fat."""

from __future__ import annotations

import numpy as np

from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.curves import Tube, tube
from tomosplat.volume.torso.field import Array, Lattice, Window, ellipsoid, smooth_intersection, smooth_union
from tomosplat.volume.torso.labels import UNLABELLED
from tomosplat.volume.torso.profile import CAVITY, TRUNK

_SKIN_MM = 1.8
_SKIN_HU, _FAT_HU, _MUSCLE_HU, _VISCERAL_FAT_HU = 10, -103, 52, -98


def _limbs() -> list[tuple[Tube, float]]:
    """Thighs, neck and raised arms, each with the width of the fold where it joins the trunk."""
    thigh = tube(
        [(92, -6, 95), (91, -8, 45), (87, -8, 0), (84, -6, -60)], [[92, 74], [93, 78], [88, 77], [84, 74]], up=(0, 1, 0)
    )
    arm = tube(
        [(112, -44, 560), (134, -30, 590), (150, -16, 625), (160, -8, 680)],
        [[62, 42], [60, 42], [50, 38], [44, 36]],
        up=(0, 1, 0),
    )
    neck = tube([(0, -46, 585), (0, -34, 620), (0, -22, 690)], [[70, 70], [58, 58], [58, 58]], up=(0, 1, 0))
    return [(thigh, 14), (thigh.mirrored(), 14), (arm, 40), (arm.mirrored(), 40), (neck, 45)]


def skin_distance(lattice: Lattice) -> tuple[Window, Array]:
    """Distance to the outside of the body over the whole lattice."""
    window = lattice.whole()
    skin = smooth_intersection(TRUNK.distance(window), 42 - window.z + np.float32(0) * window.x, 30)
    for limb, fold in _limbs():
        part = limb.window(lattice, 8)
        skin[part.box] = smooth_union(skin[part.box], limb.distance(part), fold)
    for sign in (1, -1):
        part = lattice.window((-150, -160, 20), (150, 0, 190))
        buttock = ellipsoid(part, (62 * sign, -78, 98), (64, 50, 68))
        skin[part.box] = smooth_union(skin[part.box], buttock, 12)
    return window, skin


def _fat_thickness(window: Window, build: Build) -> Array:
    """Thickness of the fat under the skin: most over belly, flanks and buttocks, least over the chest."""
    z = window.z.ravel().astype(np.float64)
    front = np.interp(z, (40, 110, 230, 330, 420, 520, 600), (12, 18, 21, 17, 11, 9, 6))
    back = np.interp(z, (40, 100, 160, 240, 330, 450, 600), (18, 26, 20, 14, 10, 9, 7))
    share = np.clip((window.y + 90) / 150, 0, 1).astype(np.float32)
    profile = (back.astype(np.float32) + share * (front - back).astype(np.float32)) * np.float32(build.fat)
    return np.asarray(np.broadcast_to(profile, (1, *window.shape[1:])))


def paint_body(canvas: Canvas, build: Build) -> tuple[Array, Array]:
    """Paint the wall and the fat inside; return the distances to skin and cavity over the whole lattice."""
    window, skin = skin_distance(canvas.lattice)
    canvas.paint(window, skin, _SKIN_HU, UNLABELLED)
    canvas.paint(window, skin + np.float32(_SKIN_MM), _FAT_HU, UNLABELLED)
    canvas.paint(window, skin + np.float32(_SKIN_MM) + _fat_thickness(window, build), _MUSCLE_HU, UNLABELLED)
    cavity = CAVITY.distance(window)
    np.maximum(cavity, np.maximum(48 - window.z, window.z - 612), out=cavity)
    canvas.paint(window, cavity, _VISCERAL_FAT_HU, UNLABELLED)
    return skin, cavity
