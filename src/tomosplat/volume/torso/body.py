"""The wall of the body: skin, fat, muscle, and the cavity with its fat."""

from __future__ import annotations

import numpy as np

from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.curves import Tube, tube
from tomosplat.volume.torso.field import Lattice, Window, ellipsoid, smooth_intersection, smooth_union
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import UNLABELLED
from tomosplat.volume.torso.noise import Noise
from tomosplat.volume.torso.profile import CAVITY, TRUNK

_SKIN_MM = 1.8
_SKIN_HU, _FAT_HU, _MUSCLE_HU, _VISCERAL_FAT_HU = 10, -103, 52, -98


# What rounds the trunk on both sides: centre, half-axes and fillet of buttock and breast muscle, mm.
_BULGES = (((62, -76, 100), (64, 48, 72), 20), ((60, 70, 506), (60, 25, 50), 24))


def _limbs() -> list[tuple[Tube, float]]:
    """Thighs, neck and raised arms, each with the width of the fold where it joins the trunk."""
    thigh = tube(
        [(90, -6, 95), (87, -8, 45), (81, -8, 0), (78, -6, -60)], [[92, 74], [93, 78], [88, 77], [84, 74]], up=(0, 1, 0)
    )
    arm = tube(
        [(112, -44, 560), (134, -30, 590), (150, -16, 625), (160, -8, 680)],
        [[62, 42], [60, 42], [50, 38], [44, 36]],
        up=(0, 1, 0),
    )
    neck = tube([(0, -46, 585), (0, -34, 620), (0, -22, 690)], [[70, 70], [58, 58], [58, 58]], up=(0, 1, 0))
    # Spine of the scapula with the muscles above and below it.
    blade = tube([(50, -84, 540), (88, -92, 568), (112, -84, 588), (128, -52, 604)], [42, 38, 36, 36])
    return [
        (blade, 40),
        (blade.mirrored(), 40),
        (thigh, 24),
        (thigh.mirrored(), 24),
        (arm, 40),
        (arm.mirrored(), 40),
        (neck, 45),
    ]


def skin_distance(lattice: Lattice) -> tuple[Window, Array]:
    """Distance to the outside of the body over the whole lattice."""
    window = lattice.whole()
    skin = smooth_intersection(TRUNK.distance(window), 40 - window.z, 36)
    for limb, fold in _limbs():
        # A fillet begins where the shapes are as far apart as it is wide.
        part = limb.window(lattice, fold)
        joined = part.far()
        limb.stamp(part, joined, fold)
        skin[part.box] = smooth_union(skin[part.box], joined, fold)
    for (x, y, z), radii, fold in _BULGES:
        for sign in (1, -1):
            center, reach = np.array([x * sign, y, z]), np.array(radii) + fold
            part = lattice.window(center - reach, center + reach)
            skin[part.box] = smooth_union(skin[part.box], ellipsoid(part, center, radii), fold)
    navel = lattice.window((-20, 70, 215), (20, 130, 265))
    dimple = ellipsoid(navel, (0, 108, 240), (4, 11, 5.5))
    skin[navel.box] = smooth_intersection(skin[navel.box], -dimple, 7)
    return window, skin


def _fat_thickness(window: Window, build: Build) -> Array:
    """Thickness of the fat under the skin: most over belly, flanks and buttocks, least over the chest."""
    z = window.z.ravel().astype(np.float64)
    front = np.interp(z, (40, 110, 230, 330, 420, 520, 600), (12, 18, 21, 17, 11, 9, 6))
    back = np.interp(z, (40, 100, 160, 240, 330, 450, 600), (18, 26, 20, 14, 10, 9, 7))
    share = np.clip((window.y + 90) / 150, 0, 1).astype(np.float32)
    profile = (back.astype(np.float32) + share * (front - back).astype(np.float32)) * np.float32(build.fat)
    return np.asarray(np.broadcast_to(profile, (1, *window.shape[1:])))


def cavity_distance(window: Window) -> Array:
    """Distance to the inside of the trunk's wall: chest, belly and pelvis in one."""
    cavity = CAVITY.distance(window)
    return np.maximum(cavity, np.maximum(48 - window.z, window.z - 612), out=cavity)


def _paint_septa(canvas: Canvas, window: Window, skin: Array, rng: np.random.Generator) -> None:
    """Part the flesh into muscles by sheets of fat, which run along the body, and marble it."""
    flesh = canvas.hu == np.float32(_MUSCLE_HU)
    for size, width in (((24.0, 24.0, 90.0), 0.07), ((34.0, 18.0, 60.0), 0.05)):
        sheet = np.abs(Noise.draw(size, rng).at(window))
        canvas.mix(window, np.clip(1.4 - sheet / np.float32(width), 0, 1), _FAT_HU + 15, where=flesh)


def paint_body(canvas: Canvas, build: Build, rng: np.random.Generator) -> tuple[Array, Array]:
    """Paint the wall and the fat inside; return the distances to skin and cavity over the whole lattice."""
    window, skin = skin_distance(canvas.lattice)
    canvas.paint(window, skin, _SKIN_HU, UNLABELLED)
    canvas.paint(window, skin + np.float32(_SKIN_MM), _FAT_HU, UNLABELLED)
    canvas.paint(window, skin + np.float32(_SKIN_MM) + _fat_thickness(window, build), _MUSCLE_HU, UNLABELLED)
    _paint_septa(canvas, window, skin, rng)
    cavity = cavity_distance(window)
    canvas.paint(window, cavity, _VISCERAL_FAT_HU, UNLABELLED)
    return skin, cavity
