"""Evaluation views around a scan or a scene: what ``tomosplat cameras`` does."""

from __future__ import annotations

from pathlib import Path

from tomosplat.errors import InputError
from tomosplat.files.cameras import write_cameras
from tomosplat.files.scans import read_grid
from tomosplat.files.scenes import is_scene_file, read_scene
from tomosplat.geometry import (
    Cameras,
    FloatArray,
    fibonacci_directions,
    frame_bounds,
    frame_points,
    sphere_directions,
)
from tomosplat.pipeline.options import CameraSetOptions
from tomosplat.pipeline.views import outline, turntable_azimuths
from tomosplat.report import Report

#: Azimuth and elevation of the views that hospitals file: anterior, posterior, left, right, cranial, caudal.
HOSPITAL_VIEWS = ((0, 0), (180, 0), (90, 0), (270, 0), (0, 90), (0, -90))


def write_cameras_around(target: Path, output: Path, options: CameraSetOptions, report: Report) -> int:
    """Write square cameras around a scan (its whole grid) or a scene (its Gaussians); return how many.

    Raises:
        InputError: A count or size is below 1, or the target is neither a scan nor a scene.
        OutputError: The camera file could not be written.
    """
    if options.n < 1 or options.size < 1:
        raise InputError(f"--n and --size must be at least 1, got {options.n} and {options.size}")
    with report.stage("place cameras"):
        cameras = _around(target, camera_directions(options), options.size)
    write_cameras(output, cameras)
    report.facts["cameras"] = len(cameras)
    return len(cameras)


def camera_directions(options: CameraSetOptions) -> FloatArray:
    """Unit vectors [C, 3] from the patient towards the cameras."""
    if options.arrangement == "sphere":
        return fibonacci_directions(options.n)
    if options.arrangement == "orbit":
        return sphere_directions(turntable_azimuths(0.0, options.n), options.elevation)
    azimuths, elevations = zip(*HOSPITAL_VIEWS, strict=True)
    return sphere_directions(azimuths, elevations)


def _around(target: Path, directions: FloatArray, size: int) -> Cameras:
    if is_scene_file(target):
        return frame_points(outline(read_scene(target), None), directions, size, size)
    return frame_bounds(read_grid(target).bounds, directions, size, size)
