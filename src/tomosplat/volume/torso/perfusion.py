"""Vessels inside lungs and liver: trees that fill the organ they grow in."""

from __future__ import annotations

import numpy as np

from tomosplat.volume.torso.abdomen import Belly, liver_distance
from tomosplat.volume.torso.body import cavity_distance
from tomosplat.volume.torso.branching import Tree, grow, scatter
from tomosplat.volume.torso.build import Build
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.contrast import Contrast
from tomosplat.volume.torso.curves import Points
from tomosplat.volume.torso.field import Lattice, Window
from tomosplat.volume.torso.heart import Heart
from tomosplat.volume.torso.kernels import Array
from tomosplat.volume.torso.labels import ID
from tomosplat.volume.torso.lungs import lobes, lung_distance
from tomosplat.volume.torso.spine import Spine

# Where each lobe's artery and vein enter it, mm.
_HILA = {
    "lung_upper_lobe_right": ((46, -10, 498), (46, -6, 480)),
    "lung_middle_lobe_right": ((48, -8, 482), (46, -6, 478)),
    "lung_lower_lobe_right": ((46, -20, 478), (46, -32, 444)),
    "lung_upper_lobe_left": ((-54, -20, 500), (-54, -10, 484)),
    "lung_lower_lobe_left": ((-54, -30, 482), (-55, -38, 448)),
}
#: Distance between the ends of neighbouring twigs, and their radius, mm.
_LUNG_TWIGS_MM, _LUNG_TWIG_RADIUS_MM = 12.5, 0.75
_LIVER_TWIGS_MM, _LIVER_TWIG_RADIUS_MM = 19.0, 0.8
_SOFT_EDGE_MM = 1.2
# Where portal vein and liver veins start to branch, mm.
_LIVER_ROOTS = ((42, 22, 350), (28, 14, 398))


def lung_trees(build: Build, spine: Spine, rng: np.random.Generator) -> list[Tree]:
    """Arteries and veins of all lobes; their places do not depend on the grid that is painted."""
    lattice = _coarse(_LUNG_TWIGS_MM)
    cavity = cavity_distance(lattice.whole())
    window, lungs = lung_distance(lattice, build, spine, Heart(lattice, build), cavity)
    trees = []
    for kind in (0, 1):
        points = scatter(lungs < -2, window, rng)
        lobe = lobes(*points.T)
        for name, hila in _HILA.items():
            trees.append(grow(np.array(hila[kind], dtype=float), points[lobe == ID[name]], _LUNG_TWIG_RADIUS_MM))
    return trees


def liver_trees(build: Build, rng: np.random.Generator) -> tuple[Tree, Tree]:
    """Branches of the portal vein and of the liver veins."""
    lattice = _coarse(_LIVER_TWIGS_MM)
    belly = Belly.under_diaphragm(lattice, build, cavity_distance(lattice.whole()))
    inside = liver_distance(belly, build) < -4
    portal, veins = (
        grow(np.array(root, dtype=float), scatter(inside, belly.window, rng), _LIVER_TWIG_RADIUS_MM)
        for root in _LIVER_ROOTS
    )
    return portal, veins


def paint_lung_vessels(canvas: Canvas, lungs: tuple[Window, Array], trees: list[Tree], blood: Contrast) -> None:
    """Paint the trees of both lungs."""
    together = Tree(np.concatenate([tree.ends for tree in trees]), np.concatenate([tree.radii for tree in trees]))
    _paint_tree(canvas, lungs[0], together, blood.pulmonary, lungs[1])


def paint_liver_vessels(
    canvas: Canvas, window: Window, liver: Array, trees: tuple[Tree, Tree], blood: Contrast
) -> None:
    """Paint the trees of the liver."""
    for tree, hu in zip(trees, (blood.portal, blood.veins), strict=True):
        _paint_tree(canvas, window, tree, hu, liver)


def _paint_tree(canvas: Canvas, window: Window, tree: Tree, hu: float, organ: Array) -> None:
    """Mix a tree's blood into the organ it grows in; labels stay the organ's, as segmentations have it."""
    share = np.clip(0.5 - tree.distance(window) / np.float32(_SOFT_EDGE_MM), 0, 1)
    canvas.mix(window, share, hu, where=organ < 0)


def _coarse(step_mm: float) -> Lattice:
    """Lattice over the trunk that is the same for every scan."""
    axes: list[Points] = [np.arange(low, high, step_mm) for low, high in ((-150, 151), (-135, 130), (250, 620))]
    return Lattice(*(axis.astype(np.float32) for axis in axes))
