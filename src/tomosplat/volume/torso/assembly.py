"""The whole torso: who is painted over whom, on which grid."""

from __future__ import annotations

import numpy as np

from tomosplat.geometry import Grid
from tomosplat.volume.torso.abdomen import (
    Belly,
    liver_distance,
    paint_kidneys,
    paint_liver,
    paint_pancreas,
    paint_pelvic_organs,
    paint_spleen,
)
from tomosplat.volume.torso.body import paint_body, skin_growth
from tomosplat.volume.torso.bowel import paint_colon, paint_duodenum, paint_small_bowel, paint_stomach
from tomosplat.volume.torso.build import Build, draw
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.contrast import Contrast, contrast
from tomosplat.volume.torso.couch import COUCH_MM, paint_couch
from tomosplat.volume.torso.field import Lattice
from tomosplat.volume.torso.heart import Heart, paint_heart
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID
from tomosplat.volume.torso.lungs import (
    lung_distance,
    paint_airway,
    paint_diaphragm,
    paint_esophagus,
    paint_lungs,
    paint_thyroid,
)
from tomosplat.volume.torso.muscles import paint_muscles
from tomosplat.volume.torso.pelvis import paint_pelvis
from tomosplat.volume.torso.perfusion import liver_trees, lung_trees, paint_liver_vessels, paint_lung_vessels
from tomosplat.volume.torso.shoulder import paint_shoulders
from tomosplat.volume.torso.spine import Spine, paint_spine
from tomosplat.volume.torso.texture import finish
from tomosplat.volume.torso.thorax import RibCage, paint_thorax
from tomosplat.volume.torso.vessels import paint_chest_vessels, paint_trunk_vessels
from tomosplat.volume.volume import LabelMap, Volume

#: Corners of what is scanned, in canonical mm: from the upper thighs to the base of the neck.
_LOW, _HIGH = np.array([-203.0, -146.0, 0.0]), np.array([203.0, 119.0, 634.0])


def scan(seed: int, spacing_mm: float, couch: bool) -> tuple[Volume, LabelMap]:
    """Build the person of a seed and sample it."""
    person, shapes, scanner = (np.random.default_rng([seed, stream]) for stream in range(3))
    build = draw(person)
    grid = _grid(build, spacing_mm, COUCH_MM if couch else 0)
    canvas = Canvas.of_air(_lattice(grid, build), spacing_mm)
    skin, cavity = paint_body(canvas, build, shapes)
    spine, blood = Spine(build), contrast(build.contrast)
    paint_muscles(canvas, spine, skin)
    _paint_chest(canvas, build, spine, blood, cavity, shapes)
    _paint_belly(canvas, build, spine, blood, cavity, shapes)
    paint_spine(canvas, spine)
    paint_thorax(canvas, RibCage(build, spine))
    paint_pelvis(canvas)
    paint_shoulders(canvas)
    if couch:
        paint_couch(canvas, build, skin)
    del skin, cavity
    image = finish(canvas, scanner)
    names = {number: name for name, number in ID.items()}
    return Volume(image, grid, "HU", "CT"), LabelMap(canvas.labels, grid, names)


def _paint_chest(
    canvas: Canvas, build: Build, spine: Spine, blood: Contrast, cavity: Array, rng: np.random.Generator
) -> None:
    heart = Heart(canvas.lattice, build)
    paint_diaphragm(canvas, build, cavity)
    lungs = lung_distance(canvas.lattice, build, spine, heart, cavity)
    paint_lungs(canvas, *lungs)
    paint_lung_vessels(canvas, lungs, lung_trees(build, spine, rng), blood)
    paint_heart(canvas, heart, blood)
    paint_esophagus(canvas, spine)
    paint_chest_vessels(canvas, blood)
    paint_thyroid(canvas)
    paint_airway(canvas)


def _paint_belly(
    canvas: Canvas, build: Build, spine: Spine, blood: Contrast, cavity: Array, rng: np.random.Generator
) -> None:
    belly = Belly.under_diaphragm(canvas.lattice, build, cavity)
    paint_pelvic_organs(canvas, build)
    paint_small_bowel(canvas, cavity, rng)
    paint_spleen(canvas, belly, build, blood)
    liver = liver_distance(belly, build)
    paint_liver(canvas, belly, liver, blood)
    paint_liver_vessels(canvas, belly.window, liver, liver_trees(build, rng), blood)
    paint_kidneys(canvas, build, blood)
    paint_stomach(canvas, belly, build, rng)
    paint_colon(canvas, cavity, rng)
    paint_pancreas(canvas, blood)
    paint_duodenum(canvas)
    paint_trunk_vessels(canvas, spine, blood)


def _grid(build: Build, spacing_mm: float, behind_mm: float) -> Grid:
    back, front = skin_growth(build)
    low = (_LOW - np.array([0, back + behind_mm, 0])) * build.scale
    high = (_HIGH + np.array([0, front, 0])) * build.scale
    # Sample positions are multiples of the spacing, so that x = 0 is the midline at any spacing.
    first = np.ceil(low / spacing_mm)
    count = (np.floor(high / spacing_mm) - first + 1).astype(int)
    return Grid.axis_aligned((int(count[0]), int(count[1]), int(count[2])), spacing_mm, first * spacing_mm)


def _lattice(grid: Grid, build: Build) -> Lattice:
    axes = (
        ((np.arange(count) * step + start) / scale).astype(np.float32)
        for count, step, start, scale in zip(grid.shape, grid.spacing, grid.origin, build.scale, strict=True)
    )
    return Lattice(*axes)
