"""Parts of looks, drawn at random and augmented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from torch import Tensor

from tomosplat.feedforward.encoding import IntensityScale, encode_scan
from tomosplat.feedforward.lights import light_field
from tomosplat.files.dataset import Manifest
from tomosplat.files.shards import Shard
from tomosplat.geometry import Grid
from tomosplat.training.looks import Look
from tomosplat.volume import LabelMap, Volume

#: Pixels by which a Gaussian is half known, and the weight of those that no picture shows, whose change is 0: the
#: network shall not run wild inside, where a cut may show it.
_HALF_KNOWN, _UNSEEN = 2.0, 0.02
#: Standard deviations of shift and noise of the scaled values, and how often slices are thickened.
_SHIFT, _NOISE, _THICK_SLICES = 0.08, 0.05, 0.15


@dataclass(frozen=True, eq=False)
class Crop:
    """A cube of a look and what is known of the M Gaussians in it.

    Attributes:
        scan: [6, 2E, 2E, 2E] channels.
        light: [5, E, E, E] light channels.
        places: [M, 3] int64, voxels of the half-resolution grid.
        marched: [M, 3] linear RGB that they scatter under marched light.
        brightening: [M, 3] logarithm of the factor on it: the first target.
        swelling: [M] logarithm of the factor on their standard deviations: the second.
        weights: [M] 0..1, how far the targets are known.
    """

    scan: Tensor
    light: Tensor
    places: Tensor
    marched: Tensor
    brightening: Tensor
    swelling: Tensor
    weights: Tensor


def draw_crop(
    manifest: Manifest, looks: list[Path], edge: int, scale: IntensityScale, rng: np.random.Generator
) -> Crop:
    """A cube of ``edge`` voxels of the half-resolution grid around a Gaussian that pictures show, of any look."""
    shard = Shard(looks[rng.integers(len(looks))])
    look = Look.from_dict(shard.description)
    case = manifest.open(look.case, check=False)
    places, pixels = shard["places"].astype(np.int64), shard["pixels"].astype(np.float32)
    seen = np.flatnonzero(pixels > _HALF_KNOWN)
    center = places[rng.choice(seen if len(seen) else len(places))]
    half = np.array([(n + 1) // 2 for n in case.shape("values")])
    low = np.clip(center - rng.integers(edge // 4, edge - edge // 4, 3), 0, np.maximum(half - edge, 0))
    volume, labels = part_of(case, low, edge)
    scan = encode_scan(look.optical(volume, labels), scale, (0, 0, 0), (2 * edge, 2 * edge, 2 * edge))
    inside = np.flatnonzero(((places >= low) & (places < low + edge)).all(axis=1))
    at = places[inside] - low
    light = light_field(at, shard["features"][inside].astype(np.float32), (edge, edge, edge))
    known = pixels[inside]
    return Crop(
        torch.from_numpy(scan),
        torch.from_numpy(light),
        torch.from_numpy(at),
        torch.from_numpy(shard["marched"][inside].astype(np.float32)),
        torch.from_numpy(shard["light"][inside].astype(np.float32)),
        torch.from_numpy(shard["swelling"][inside].astype(np.float32)),
        torch.from_numpy(_UNSEEN + known / (known + _HALF_KNOWN)),
    )


def part_of(case: Shard, low: NDArray[np.int64], edge: int) -> tuple[Volume, LabelMap]:
    """Values and labels of a cube of a case; ``low`` and ``edge`` in voxels of the half-resolution grid."""
    first, last = (2 * low).tolist(), (2 * (low + edge)).tolist()
    across = (slice(None), slice(first[1], last[1]), slice(first[2], last[2]))
    stop = min(last[0], case.shape("values")[0])
    values = case.part("values", first[0], stop)[across].astype(np.float32)
    ids = np.ascontiguousarray(case.part("labels", first[0], stop)[across])
    spacing = np.linalg.norm(case["affine"][:3, :3], axis=0)
    grid = Grid.axis_aligned((values.shape[0], values.shape[1], values.shape[2]), spacing)
    return Volume(values, grid, "HU", "CT"), LabelMap(ids, grid)


def augmented(crop: Crop, rng: np.random.Generator, *, turn: bool) -> Crop:
    """Values shifted, noisy and now and then in thick slices; with ``turn``, axes exchanged and mirrored at random.

    Light channels are turned along, so that the light comes from elsewhere; without them the network could not know.
    """
    changed = replace(crop, scan=varied(crop.scan, rng))
    return _turned(changed, rng) if turn else changed


def varied(scan: Tensor, rng: np.random.Generator) -> Tensor:
    """The channels [6, ...] of a scan whose values are shifted, noisy and now and then in thick slices."""
    scan = scan.clone()
    values = scan[0].numpy()
    if rng.random() < _THICK_SLICES:
        values[:] = uniform_filter1d(values, 3, axis=int(rng.integers(3)), mode="nearest")
    noise = rng.standard_normal(values.shape, dtype=np.float32)
    values += np.float32(rng.normal(scale=_SHIFT)) + noise * np.float32(abs(rng.normal(scale=_NOISE)))
    return scan


def _turned(crop: Crop, rng: np.random.Generator) -> Crop:
    axes, mirror = rng.permutation(3), rng.integers(0, 2, 3).astype(bool)
    flipped = [1 + int(axis) for axis in np.flatnonzero(mirror)]

    def turn(field: Tensor) -> Tensor:
        return field.permute(0, *(1 + axes).tolist()).flip(flipped)

    places = crop.places[:, axes.tolist()]
    places = torch.where(torch.from_numpy(mirror), crop.light.shape[1] - 1 - places, places)
    return replace(crop, scan=turn(crop.scan), light=turn(crop.light), places=places)
