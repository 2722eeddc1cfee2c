"""A small scan with labels on disk, and a way to run the command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.files.scan_writer import write_scan

from tomosplat.cli import main
from tomosplat.geometry import Grid
from tomosplat.volume.torso import torso

SPACING_MM = 6.0


@dataclass(frozen=True)
class SmallScan:
    ct: Path
    labels: Path
    values: np.ndarray
    label_values: np.ndarray
    grid: Grid


@pytest.fixture(scope="session")
def small_scan(tmp_path_factory) -> SmallScan:
    folder = tmp_path_factory.mktemp("scan")
    volume, labels = torso(seed=0, spacing_mm=SPACING_MM)
    values = volume.values.round().astype(np.int16)
    return SmallScan(
        ct=write_scan(folder / "ct.nii.gz", values, volume.grid.affine),
        labels=write_scan(folder / "labels.nii.gz", labels.values, volume.grid.affine),
        values=values,
        label_values=labels.values,
        grid=volume.grid,
    )


@pytest.fixture(scope="session")
def small_scene(small_scan, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "torso.ply"
    arguments = ["prime", str(small_scan.ct), "--labels", str(small_scan.labels), "--spacing", str(SPACING_MM)]
    assert main([*arguments, "-o", str(path)]) == 0
    return path


@pytest.fixture
def run(capsys) -> Callable[..., tuple[int, str, str]]:
    """Run the command line; returns exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
