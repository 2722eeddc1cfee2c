"""Volumes with transfer functions made by hand, and pictures of them by an independent renderer, for ``dvr_*.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from tomosplat.dvr.lookup import Features
from tomosplat.dvr.rays import camera_rays
from tomosplat.dvr.table_fitting import Pictures
from tomosplat.files.scans import read_volume
from tomosplat.geometry import Cameras, Grid, fibonacci_directions, frame_bounds
from tomosplat.render import Raymarcher, RaymarchSettings
from tomosplat.transfer import TransferFunction, TransferFunctions
from tomosplat.volume import LabelMap, Volume, torso
from tomosplat.volume.resample import resample

#: Views to learn from, and others to judge by (sec. 4.1.1).
N_TRAIN, N_TEST = 25, 7
_EVERYTHING = np.ones(256, np.uint8)

# Rows of value, red, green, blue, opacity per 1.5 mm.
_CT = [
    [-700, 0.3, 0.4, 0.8, 0.0],
    [-500, 0.3, 0.4, 0.8, 0.004],
    [-150, 0.9, 0.75, 0.5, 0.004],
    [20, 0.85, 0.45, 0.35, 0.02],
    [110, 0.8, 0.25, 0.2, 0.08],
    [220, 0.9, 0.6, 0.4, 0.25],
    [500, 1.0, 0.97, 0.85, 0.7],
]
# Nearly nothing of the body, dim: the paper's CARP, whose pictures are dark and transparent.
_DARK = [
    [-400, 0.10, 0.10, 0.15, 0.0],
    [0, 0.12, 0.10, 0.20, 0.0015],
    [200, 0.15, 0.12, 0.10, 0.004],
    [700, 0.30, 0.28, 0.22, 0.03],
]
# Opacities here are per 1.5 mm too, of animals of centimetres.
_MOUSE = [
    [12, 0.9, 0.5, 0.4, 0.0],
    [30, 0.9, 0.5, 0.4, 0.08],
    [60, 0.95, 0.7, 0.5, 0.15],
    [80, 1.0, 0.95, 0.8, 0.95],
]
_PHANTOM = [
    [30, 0.2, 0.3, 0.9, 0.0],
    [70, 0.2, 0.5, 0.9, 0.02],
    [130, 0.9, 0.6, 0.2, 0.2],
    [200, 1.0, 0.95, 0.7, 0.8],
]


@dataclass(frozen=True)
class Subject:
    """A volume and how it should look."""

    load: Callable[[Path], Volume]
    rows: list[list[float]]


def _scan(path: str) -> Callable[[Path], Volume]:
    return lambda data: read_volume(data / path)


SUBJECTS = {
    "torso": Subject(lambda _: torso()[0], _CT),
    "chest": Subject(_scan("ct-chest-lidc/ct.nii.gz"), _CT),
    "thigh": Subject(_scan("ct-sarcoma-sts020/ct.nii.gz"), _DARK),
    "mouse": Subject(_scan("ct-mouse-skull-c57bl6j/ct_8bit.nii.gz"), _MOUSE),
    "phantom": Subject(_scan("us-spine-phantom-plus/SpinePhantomFreehandReconstructed.mha"), _PHANTOM),
}


@dataclass(frozen=True, eq=False)
class Prepared:
    """A volume on a cube, with pictures to learn from and others to judge by."""

    volume: Volume
    ends: tuple[float, float]
    features: Features
    train: Pictures
    test: Pictures


def prepare(name: str, data: Path, size: int, pixels: int) -> Prepared:
    """Resample and pad a subject to size³, and draw it from 25 + 7 sides, spread over a sphere."""
    subject = SUBJECTS[name]
    volume = _cube(subject.load(data), size)
    low, high = (float(x) for x in np.percentile(volume.values, (0.05, 99.95)))
    cameras = frame_bounds(volume.grid.bounds, fibonacci_directions(N_TRAIN + N_TEST), pixels, pixels)
    functions = TransferFunctions.uniform(TransferFunction(np.array(subject.rows)), name, volume.unit)
    images = _draw(volume, functions, cameras)
    order = np.random.default_rng(0).permutation(len(cameras)).tolist()
    train, test = sorted(order[:N_TRAIN]), sorted(order[N_TRAIN:])
    rays = camera_rays(cameras, volume.grid)
    values = np.clip((volume.values - low) / (high - low), 0, 1).astype(np.float32)
    return Prepared(
        volume,
        (low, high),
        Features(values),
        Pictures(rays[train], images[train]),
        Pictures(rays[test], images[test]),
    )


def _cube(volume: Volume, size: int) -> Volume:
    low, high = volume.grid.bounds
    spacing = float((high - low).max()) / size
    origin = (low + high) / 2 - spacing * (size - 1) / 2
    cube = resample(volume, Grid.axis_aligned((size, size, size), spacing, origin))
    return replace(cube, history=())


def _draw(volume: Volume, functions: TransferFunctions, cameras: Cameras) -> torch.Tensor:
    """Classic ray marching without shading, four samples for each voxel."""
    labels = LabelMap(np.ones(volume.grid.shape, np.uint8), volume.grid)
    settings = RaymarchSettings(step_mm=float(volume.grid.spacing.min()) / 4, shading=None, jitter=False)
    marcher = Raymarcher(volume, labels, functions, _EVERYTHING, settings=settings)
    return torch.cat([marcher.draw(cameras[n : n + 1]).rgba for n in range(len(cameras))])
