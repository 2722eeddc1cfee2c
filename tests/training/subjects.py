"""A dataset of one coarse torso, as ``prepare`` makes it, that fits into one crop."""

from __future__ import annotations

from pathlib import Path

from tomosplat.files.dataset import Manifest, read_manifest
from tomosplat.pipeline.prepare import prepare_dataset
from tomosplat.pipeline.prepare_options import PrepareOptions
from tomosplat.report import Report

#: Half-resolution grid of a torso at this spacing: at most 32 voxels along each axis.
SPACING_MM = 10.0
CROP = 32


def one_torso(folder: Path) -> Manifest:
    options = PrepareOptions(spacing=SPACING_MM, size=24, views=(2, 0, 0), samples=2, held_out_every=0)
    outcome = prepare_dataset(["torso:0"], folder, options, Report())
    assert not outcome.failed
    return read_manifest(folder)


def ignore(done: int, total: int) -> None:
    """Nobody watches."""
