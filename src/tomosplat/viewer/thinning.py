"""Fewer Gaussians for where all of them are too many."""

from __future__ import annotations

from dataclasses import replace

import torch

from tomosplat.gaussians import GaussianScene
from tomosplat.viewer.packing.curve import morton_order
from tomosplat.viewer.packing.numbers import to_uint16
from tomosplat.viewer.packing.records import Ranges, array


def thinned(scene: GaussianScene, every: int) -> GaussianScene:
    """Keep one of ``every`` neighbours, grown to stand for all of them.

    Each grows to their volume, and dims what is behind it as much as their layers did: optical depth −ln(1 − o) along
    a line goes with the number of Gaussians and the area of each, so it is multiplied by the cube root of ``every``.
    """
    if every == 1:
        return scene
    ranges = Ranges.of(scene)
    order = morton_order(to_uint16(array(scene.means), ranges.low, ranges.high))
    kept = scene.select(torch.from_numpy(order[::every].copy()))
    wider = every ** (1 / 3)
    opacities = 1 - (1 - kept.opacities) ** wider
    return replace(kept, covs=kept.covs * wider**2, opacities=opacities)
