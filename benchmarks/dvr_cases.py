"""Volumes, and pictures of them coloured by masks, for the experiments on several models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tomosplat.anatomy import resolve_organs
from tomosplat.dvr.subjects import Subject
from tomosplat.files.scans import read_labels, read_volume
from tomosplat.geometry import Grid, fibonacci_directions, frame_bounds
from tomosplat.render import Raymarcher, RaymarchSettings, Shading
from tomosplat.transfer import TransferFunction, TransferFunctions
from tomosplat.volume import LabelMap, Volume, torso
from tomosplat.volume.resample import resample, resample_labels

Rows = list[list[float]]

# Rows of value (HU), red, green, blue, opacity per 1.5 mm. What is seen of a body by its values alone:
PLAIN: Rows = [
    [100, 0.80, 0.40, 0.30, 0.0],
    [170, 0.85, 0.45, 0.35, 0.06],
    [300, 0.95, 0.80, 0.65, 0.25],
    [700, 1.00, 0.97, 0.90, 0.60],
]
HIDDEN: Rows = [[0, 0, 0, 0, 0]]
VERTEBRAE = ",".join([*(f"vertebrae_L{n}" for n in range(1, 6)), *(f"vertebrae_T{n}" for n in range(1, 13)), "sacrum"])
#: Share of the volume's edge that pictures are framed by: its corners are air.
_FRAMED = 0.7
#: Shading fades where values change by less than this for each voxel, so that it is there at any size.
_FADE_PER_VOXEL = 40.0


def tinted(red: float, green: float, blue: float, first: float = 100, opacity: float = 0.35) -> Rows:
    """One colour from a value on, growing opaque over 100 HU."""
    return [[first, red, green, blue, 0.0], [first + 100, red, green, blue, opacity]]


def cube(scan: tuple[Volume, LabelMap], organs: str, edge_mm: float, size: int) -> tuple[Volume, LabelMap]:
    """A cube of a scan around organs, ``size`` voxels along an edge."""
    volume, labels = scan
    middle = labels.grid.to_world(np.argwhere(np.isin(labels.values, resolve_organs(organs))).mean(axis=0))
    spacing = edge_mm / size
    grid = Grid.axis_aligned((size, size, size), spacing, middle - spacing * (size - 1) / 2)
    return replace(resample(volume, grid), history=()), resample_labels(labels, grid)


def colored(
    name: str, scan: tuple[Volume, LabelMap], looks: dict[str, Rows], n_views: int, pixels: int, shaded: bool = False
) -> Subject:
    """A subject whose pictures show ``PLAIN`` but for the organs of ``looks``; shaded, with a light at the camera."""
    volume, labels = scan
    classes = np.ones(volume.grid.shape, np.uint8)
    functions = {1: TransferFunction(np.array(PLAIN))}
    for number, (organs, rows) in enumerate(looks.items(), start=2):
        classes[np.isin(labels.values, resolve_organs(organs))] = number
        functions[number] = TransferFunction(np.array(rows))
    low, high = volume.grid.bounds
    middle, reach = (low + high) / 2, (high - low) / 2 * _FRAMED
    cameras = frame_bounds((middle - reach, middle + reach), fibonacci_directions(n_views), pixels, pixels)
    spacing = float(volume.grid.spacing.min())
    shading = Shading(fade=_FADE_PER_VOXEL / spacing) if shaded else None
    settings = RaymarchSettings(step_mm=spacing / 4, shading=shading, jitter=False)
    marcher = Raymarcher(
        volume,
        LabelMap(classes, volume.grid),
        TransferFunctions(functions, name, volume.unit),
        np.arange(256, dtype=np.uint8),
        settings=settings,
    )
    pictures = torch.cat([marcher.draw(cameras[n : n + 1]).rgba for n in range(n_views)])
    return Subject(name, volume, cameras, pictures)


def abdomen(seed: int, edge_mm: float, size: int) -> tuple[Volume, LabelMap]:
    """A cube around the kidneys of a procedural torso."""
    finer = max(edge_mm / size / 1.5, 1.5)
    return cube(torso(seed, finer), "kidney_left,kidney_right,vertebrae_L2", edge_mm, size)


def chest(folder: Path, edge_mm: float, size: int) -> tuple[Volume, LabelMap]:
    """A cube around the heart of a real scan with masks."""
    scan = read_volume(folder / "ct.nii.gz"), read_labels(folder / "seg_totalseg_v2.nii.gz")
    return cube(scan, "heart,vertebrae_T8", edge_mm, size)
