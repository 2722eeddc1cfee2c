"""The wall of the body: skin, fat, muscle, and the cavity with its fat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.curves import Tube, tube, union
from tomosplat.volume.torso.field import Lattice, Window, ellipsoid, sample_smooth, smooth_intersection, smooth_union
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import UNLABELLED
from tomosplat.volume.torso.noise import Noise
from tomosplat.volume.torso.profile import CAVITY, TRUNK, Profile

_SKIN_MM = 1.8
_SKIN_HU, _FAT_HU, _SEPTUM_HU, _MUSCLE_HU, _VISCERAL_FAT_HU = 10, -103, -88, 52, -98


# What rounds the trunk on both sides: centre, half-axes and fillet of buttock and breast muscle, mm.
_BULGES = (((62, -76, 100), (64, 48, 72), 20), ((64, 65, 512), (62, 24, 48), 36))


def _limbs() -> list[tuple[Tube, float]]:
    """Right thigh, arm and shoulder and the neck, each with the fillet where it joins the trunk."""
    thigh = tube(
        [(92, -6, 95), (90, -8, 45), (84, -8, 0), (81, -6, -60)], [[92, 74], [93, 78], [88, 77], [84, 74]], up=(0, 1, 0)
    )
    arm = tube(
        [(112, -44, 560), (134, -30, 590), (150, -16, 625), (160, -8, 680)],
        [[62, 42], [60, 42], [50, 38], [44, 36]],
        up=(0, 1, 0),
    )
    neck = tube([(0, -46, 585), (0, -34, 620), (0, -22, 690)], [[70, 70], [58, 58], [58, 58]], up=(0, 1, 0))
    # Spine of the scapula with the muscles above and below it.
    blade = tube([(50, -84, 540), (88, -92, 568), (112, -84, 588), (128, -52, 604)], [42, 38, 36, 36])
    return [(blade, 30), (thigh, 24), (arm, 30), (neck, 35)]


def _belly(z: NDArray[np.float64], build: Build) -> NDArray[np.float64]:
    """How far the belly's fat stands out before the canonical trunk at height ``z``, mm."""
    return np.asarray(build.belly * np.exp(-(((z - 235) / 75) ** 2)))


def skin_growth(build: Build) -> tuple[float, float]:
    """How far the skin may lie behind and before the canonical trunk, mm."""
    return max(10 * (build.fat - 1), 0), max(16 * (build.fat - 1), 0) + max(build.belly, 0)


def _trunk(build: Build) -> Profile:
    """The trunk's skin on top of this build's fat."""
    fatter = build.fat - 1
    knots = TRUNK.grown(14 * fatter, max(10 * fatter, 0), 16 * fatter).knots
    bulge = _belly(knots[:, 0], build)
    knots[:, 1] += 0.5 * bulge
    knots[:, 3] += bulge
    return Profile(knots)


def skin_distance(lattice: Lattice, build: Build) -> Array:
    """Distance to the outside of the body over the whole lattice."""
    window = lattice.whole()
    skin = smooth_intersection(_trunk(build).distance(window), 40 - window.z, 36)
    for limb, fold in _limbs():
        # Both sides at once, so that the thighs do not grow together; a fillet reaches as far as it is wide.
        part, pair = union([limb, limb.mirrored()], lattice, fold)
        skin[part.box] = smooth_union(skin[part.box], pair, fold)
    for (x, y, z), radii, fold in _BULGES:
        for sign in (1, -1):
            center, reach = np.array([x * sign, y, z]), np.array(radii) + fold
            part = lattice.window(center - reach, center + reach)
            skin[part.box] = smooth_union(skin[part.box], ellipsoid(part, center, radii), fold)
    front = 108 + build.belly + 16 * (build.fat - 1)
    navel = lattice.window((-20, front - 30, 215), (20, front + 20, 265))
    dimple = ellipsoid(navel, (0, front, 240), (4, 11, 5.5))
    skin[navel.box] = smooth_intersection(skin[navel.box], -dimple, 7)
    return skin


def _fat_thickness(window: Window, build: Build) -> Array:
    """Thickness of the fat under the skin, [1, J, K]: most over belly and buttocks, least over the chest."""
    z = window.z.ravel().astype(np.float64)
    front = np.interp(z, (40, 110, 230, 330, 420, 520, 600), (12, 18, 21, 17, 11, 9, 6)) * build.fat
    back = np.interp(z, (40, 100, 160, 240, 330, 450, 600), (18, 26, 20, 14, 10, 9, 7)) * build.fat
    bulge = 0.8 * _belly(z, build)
    share = np.clip((window.y + 90) / 150, 0, 1)
    return np.asarray(back + share * (front + bulge - back), np.float32)


def cavity_distance(window: Window) -> Array:
    """Distance to the inside of the trunk's wall: chest, belly and pelvis in one."""
    cavity = CAVITY.distance(window)
    return np.maximum(cavity, np.maximum(48 - window.z, window.z - 612), out=cavity)


def _paint_septa(canvas: Canvas, window: Window, rng: np.random.Generator) -> None:
    """Part the flesh into muscles by sheets of fat, which run along the body."""
    flesh = canvas.hu == np.float32(_MUSCLE_HU)
    muscle = np.full(np.count_nonzero(flesh), _MUSCLE_HU, np.float32)
    for size, width in (((24.0, 24.0, 90.0), 0.07), ((34.0, 18.0, 60.0), 0.05)):
        away = np.abs(Noise.draw(size, rng).at(window)[flesh])
        share = np.clip(1.4 - away / np.float32(width), 0, 1)
        muscle += share * (_SEPTUM_HU - muscle)
    canvas.hu[flesh] = muscle


def paint_body(canvas: Canvas, build: Build, rng: np.random.Generator) -> tuple[Array, Array]:
    """Paint the wall and the fat inside; return the distances to skin and cavity over the whole lattice."""
    window = canvas.lattice.whole()
    skin = sample_smooth(lambda lattice: skin_distance(lattice, build), canvas.lattice)
    canvas.paint(window, skin, _SKIN_HU, UNLABELLED)
    deep = skin + np.float32(_SKIN_MM)
    canvas.paint(window, deep, _FAT_HU, UNLABELLED)
    deep += _fat_thickness(window, build)
    canvas.paint(window, deep, _MUSCLE_HU, UNLABELLED)
    _paint_septa(canvas, window, rng)
    cavity = sample_smooth(lambda lattice: cavity_distance(lattice.whole()), canvas.lattice)
    canvas.paint(window, cavity, _VISCERAL_FAT_HU, UNLABELLED)
    return skin, cavity
