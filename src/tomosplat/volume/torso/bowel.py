"""Stomach, duodenum, small bowel and colon with what is in them."""

from __future__ import annotations

import numpy as np

from tomosplat.volume.torso.abdomen import Belly
from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.curves import Points, Tube, curve, shift, tube
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID
from tomosplat.volume.torso.noise import Noise

_WALL_HU, _FLUID_HU, _GAS_HU = 75, 22, -960


def paint_small_bowel(canvas: Canvas, cavity: Array, rng: np.random.Generator) -> None:
    """Paint the coils of jejunum and ileum, strand after strand, so that walls lie between neighbours."""
    folds = Noise.draw(5.0, rng)
    for strand in _coils(rng):
        window = strand.window(canvas.lattice)
        distance = np.maximum(strand.distance(window), cavity[window.box] + np.float32(4))
        free = canvas.free(window, ID["small_bowel"])
        canvas.paint(window, distance, _WALL_HU, ID["small_bowel"], where=free)
        canvas.paint(window, distance + 2.3 + 0.9 * folds.at(window), _FLUID_HU, ID["small_bowel"], where=free)


def _coils(rng: np.random.Generator) -> list[Tube]:
    """Serpentines in three layers, back to front, from the stomach down into the pelvis."""
    strands = []
    for height in np.arange(262, 128, -23.0):
        for front in (9.0, 32.0, 55.0):
            forward = front * np.interp(height, (130, 210), (0.7, 1))
            reach = np.interp(height, (130, 165, 200, 270), (34, 48, 62, 70))
            x = np.linspace(-reach, reach, 7)
            wiggle = rng.normal(0, 6.5, (7, 3)) * (0.4, 1, 1)
            bend = 8 * np.sin(np.arange(7) * np.pi / 2 + rng.uniform(0, 6))
            points = np.stack([x - 4, forward + bend * 0.6, height + bend], axis=1) + wiggle
            strands.append(tube(list(points), list(rng.uniform(10.5, 13, 7))))
    return strands


def paint_duodenum(canvas: Canvas) -> None:
    """Paint the C from the pylorus round the head of the pancreas."""
    loop = tube(
        [
            (26, 50, 312),
            (44, 36, 318),
            (54, 18, 302),
            (54, 12, 272),
            (42, 16, 248),
            (14, 32, 242),
            (-14, 34, 250),
            (-28, 36, 272),
        ],
        [9, 12, 12.5, 12, 12, 11, 11, 11],
    )
    window = loop.window(canvas.lattice)
    distance = loop.distance(window)
    canvas.paint(window, distance, _WALL_HU, ID["duodenum"])
    canvas.paint(window, distance + np.float32(2.8), _FLUID_HU, ID["duodenum"])


def paint_stomach(canvas: Canvas, belly: Belly, build: Build, rng: np.random.Generator) -> None:
    """Paint the stomach under the left dome: folded wall, fluid, and gas where it floats to the front."""
    size = build.stomach
    bag = tube(
        [
            (-56, -16, 388),
            (-62, 2, 374),
            (-62, 26, 348),
            (-53, 46, 320),
            (-36, 60, 302),
            (-8, 58, 300),
            (16, 56, 308),
            (27, 50, 312),
        ],
        np.array([24, 34, 34, 30, 25, 20, 15, 8]) * size,
    )
    window = belly.window
    folds = Noise.draw(11.0, rng).at(window)
    distance = np.maximum(bag.distance(window), belly.distance)
    canvas.paint(window, distance, _WALL_HU, ID["stomach"])
    lumen = distance + np.float32(4) + folds
    meal = 38 + 14 * Noise.draw(7.0, rng).at(window)
    level = np.float32(40) + np.zeros(window.shape, np.float32)
    canvas.paint(window, lumen, np.where(window.y > level, np.float32(_GAS_HU), meal), ID["stomach"])


# The colon from its end to the caecum: what fills it, and its course with the radius.
_RECTUM = ((0, -40, 66, 13), (0, -48, 96, 18), (-4, -42, 124, 16), (-16, -26, 144, 14))
_SIGMOID = (
    (-16, -26, 144, 14),
    (-2, -4, 152, 14),
    (14, 22, 154, 14),
    (-4, 38, 160, 14),
    (-36, 26, 164, 13),
    (-64, 14, 172, 13),
    (-84, 6, 192, 13),
)
_DESCENDING = ((-84, 6, 192, 13), (-94, -12, 225, 14), (-97, -24, 270, 14), (-104, -26, 300, 14), (-110, -8, 335, 13))
_TRANSVERSE = (
    (-110, -8, 335, 13),
    (-113, 16, 345, 13),
    (-106, 44, 325, 14),
    (-80, 62, 290, 16),
    (-34, 62, 274, 18),
    (6, 64, 266, 18),
    (44, 60, 274, 18),
    (74, 48, 288, 20),
    (92, 22, 284, 21),
)
_ASCENDING = (
    (92, 22, 284, 21),
    (97, -4, 262, 22),
    (95, -10, 228, 23),
    (90, 2, 195, 25),
    (82, 16, 172, 22),
    (76, 22, 162, 15),
)
_COLON = (
    ("stool", _RECTUM),
    ("gas", _SIGMOID),
    ("stool", _DESCENDING),
    ("gas", _TRANSVERSE),
    ("stool", _ASCENDING),
)


def paint_colon(canvas: Canvas, cavity: Array, rng: np.random.Generator) -> None:
    """Paint the frame of the colon with its haustra: stool on both sides, gas in front."""
    crumbs, pores = Noise.draw(9.0, rng), Noise.draw(4.0, rng)
    for content, course in _COLON:
        gut = _haustral(np.array(course, dtype=np.float64))
        window = gut.window(canvas.lattice)
        distance = np.maximum(gut.distance(window), cavity[window.box] + np.float32(3))
        canvas.paint(window, distance, _WALL_HU - 25, ID["colon"])
        stool = 30 + 28 * crumbs.at(window) - 130 * np.maximum(pores.at(window) - 0.9, 0)
        canvas.paint(window, distance + np.float32(2.4), stool, ID["colon"])
        if content == "gas":
            # Gas floats to the front and leaves a film of stool behind.
            bubble = Tube(shift(gut.points, 0, 1.5, 0), 0.86 * gut.radii - 2, gut.up)
            gas = np.maximum(bubble.distance(window), distance + np.float32(2.4))
            canvas.paint(window, gas, _GAS_HU, ID["colon"])


def _haustral(course: Points) -> Tube:
    """Tube through rows of x, y, z and radius that swells and narrows about every 24 mm."""
    line = curve(course)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line[:, :3], axis=0), axis=1))])
    swollen = line[:, 3] * (0.82 + 0.22 * np.abs(np.sin(np.pi * arc / 24)) ** 0.6)
    up = np.broadcast_to([0.0, 0.0, 1.0], (len(line), 3))
    return Tube(line[:, :3], np.stack([swollen, swollen], axis=1), up)
