"""Learned transfer functions with few points, which draw the same pictures."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from tomosplat.dvr.lookup import Features, render_table
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays
from tomosplat.dvr.scan_features import ScanFeatures
from tomosplat.transfer import MAX_OPACITY, OPACITY_LENGTH_MM, TransferFunction

F64 = NDArray[np.float64]
#: By how much pictures may change at least, a root mean square of what is shown: two levels of 8 bits.
TOLERANCE = 2 / 255
#: Opacity of a pixel that shows something.
_VISIBLE = 0.5 / 255
#: Points are added until there are so many times as many; then pictures are drawn.
_GROWTH = 1.25
#: Entries of the tables that draw them.
_ENTRIES = 1024
#: Weight of a value that no voxel has, in voxels.
_NO_VOXEL = 1e-3


def with_few_points(
    function: TransferFunction, scan: ScanFeatures, rays: Rays, edge_mm: float, tolerance: float
) -> tuple[TransferFunction, float]:
    """A function of as few points as draw the same pictures, and by how much these differ.

    Entries of a learned table zigzag about what the pictures tell: no ray meets one value alone. Opacity and colour
    times opacity, which are linear between points, are fitted by least squares, every entry weighted by its voxels, and
    points are added where most of the error is until the pictures are near enough.

    Args:
        function: A point for each entry of a table.
        scan: What the table was learned for.
        rays: Of the pictures.
        edge_mm: The voxel edge d_v that the rays are counted in.
        tolerance: Root mean square of the change of what is shown, over colours and opacity from 0 to 1.
    """
    values, shown = scan.features.values, scan.features.shown
    features = Features(values, shown=shown)
    n = len(function.points)
    entries = np.rint((values[shown] if shown is not None else values.ravel()) * (n - 1)).astype(np.int64)
    weights = np.bincount(entries, minlength=n).astype(np.float64) + _NO_VOXEL
    wanted = _drawn(function, features, scan, rays, edge_mm)
    knots, due = [0, n - 1], 2.0
    while len(knots) < n:
        candidate, errors = _fitted(function.points, knots, weights)
        if len(knots) >= due:
            change = _change(_drawn(candidate, features, scan, rays, edge_mm), wanted)
            if change <= tolerance:
                return candidate, change
            due = len(knots) * _GROWTH
        knots = sorted([*knots, _next_knot(knots, errors)])
    return function, 0.0


def _fitted(points: F64, knots: list[int], weights: F64) -> tuple[TransferFunction, F64]:
    """The best function with these knots, and the weighted squared error of every entry."""
    opacities = points[:, 4:]
    wanted = np.column_stack([points[:, 1:4] * opacities, opacities])
    after = np.interp(np.arange(len(points)), knots, np.arange(len(knots)))
    left = np.minimum(after.astype(np.int64), len(knots) - 2)
    shares = 1 - (after - left), after - left
    # Normal equations of hat functions: a knot shares entries with the next one only.
    matrix, right = np.zeros((2, len(knots))), np.zeros((len(knots), 4))
    np.add.at(matrix[0], left + 1, weights * shares[0] * shares[1])
    for side, share in enumerate(shares):
        np.add.at(matrix[1], left + side, weights * share**2)
        np.add.at(right, left + side, (weights * share)[:, None] * wanted)
    found = solveh_banded(matrix, right)
    drawn = found[left] * shares[0][:, None] + found[left + 1] * shares[1][:, None]
    errors = weights * np.square(drawn - wanted).sum(axis=1)
    opacity = np.clip(found[:, 3:], 0, MAX_OPACITY)
    colors = np.where(opacity > 0, np.clip(found[:, :3] / np.where(opacity > 0, opacity, 1), 0, 1), points[knots, 1:4])
    return TransferFunction(np.column_stack([points[knots, 0], colors, opacity])), errors


def _next_knot(knots: list[int], errors: F64) -> int:
    """The middle of the error of the interval that has most of it."""
    insides = [slice(a + 1, b) for a, b in pairwise(knots)]
    totals = [errors[inside].sum() if inside.stop > inside.start else -1.0 for inside in insides]
    inside = insides[int(np.argmax(totals))]
    summed = np.cumsum(errors[inside])
    return inside.start + int(np.searchsorted(summed, summed[-1] / 2))


@torch.no_grad()
def _drawn(
    function: TransferFunction, features: Features, scan: ScanFeatures, rays: Rays, edge_mm: float
) -> torch.Tensor:
    """Pictures [C, H, W, 4] of a scan."""
    numbers = function(scan.values_of(_ENTRIES))
    absorption = -np.log1p(-numbers[:, 3:]) * edge_mm / OPACITY_LENGTH_MM
    table = torch.from_numpy(np.column_stack([numbers[:, :3], absorption])).float()
    march = March(2.0, associated=True)
    return torch.cat([render_table(features, table, rays[c : c + 1], march) for c in range(len(rays))])


def _change(images: torch.Tensor, wanted: torch.Tensor) -> float:
    """Root mean square difference of the pixels that show something."""
    shown = torch.maximum(images[..., 3], wanted[..., 3]) > _VISIBLE
    return math.sqrt(float((images - wanted)[shown].square().mean())) if bool(shown.any()) else 0.0
