"""Evaluation views around a scan or a scene: what ``tomosplat cameras`` does."""

from __future__ import annotations

from pathlib import Path

from tomosplat.errors import InputError
from tomosplat.files.cameras import write_cameras
from tomosplat.files.scans import read_grid
from tomosplat.files.scene_ply import read_ply
from tomosplat.geometry import Cameras, fibonacci_directions, frame_bounds, frame_points
from tomosplat.pipeline.views import outline
from tomosplat.report import Report


def write_cameras_around(target: Path, output: Path, n: int, size: int, report: Report) -> None:
    """Write ``n`` square cameras spread evenly around a scan (its whole grid) or a scene (its Gaussians).

    Raises:
        InputError: ``n`` or ``size`` is below 1, or the target is neither a scan nor a scene.
        OutputError: The camera file could not be written.
    """
    if n < 1 or size < 1:
        raise InputError(f"--n and --size must be at least 1, got {n} and {size}")
    with report.stage("place cameras"):
        cameras = _around(target, n, size)
    write_cameras(output, cameras)
    report.facts["cameras"] = n


def _around(target: Path, n: int, size: int) -> Cameras:
    directions = fibonacci_directions(n)
    if target.suffix.lower() == ".ply":
        return frame_points(outline(read_ply(target), None), directions, size, size)
    return frame_bounds(read_grid(target).bounds, directions, size, size)
