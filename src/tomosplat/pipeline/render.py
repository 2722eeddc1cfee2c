"""A scene file in, pictures out: what ``tomosplat render`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tomosplat.errors import InputError
from tomosplat.files.cameras import read_cameras
from tomosplat.files.scene_ply import read_ply
from tomosplat.pipeline.options import ViewOptions
from tomosplat.pipeline.views import (
    Color,
    check_outside,
    framed_view,
    outline,
    render_folder,
    render_still,
    render_video,
    visible_labels,
)
from tomosplat.report import Report

_BACKGROUNDS: dict[str, Color | None] = {"black": (0, 0, 0), "white": (1, 1, 1), "transparent": None}


def render_file(scene_path: Path, output: Path, options: ViewOptions, report: Report) -> int:
    """Render a scene file to a PNG, an MP4 or a folder, by the name of ``output``; return the number of pictures.

    Raises:
        InputError: The options contradict each other, or name organs that the scene does not have.
        OutputError: The result could not be written.
    """
    background = _BACKGROUNDS[options.background]
    kind = output.suffix.lower()
    if kind == ".mp4" and background is None:
        raise InputError("--background transparent: a video has no transparency; choose black or white, or a folder")
    if options.size < 1 or options.frames < 1:
        raise InputError(f"--size and --frames must be at least 1, got {options.size} and {options.frames}")
    given = read_cameras(options.cameras) if options.cameras is not None else None
    if kind == ".png" and given is not None and len(given) != 1:
        raise InputError(f"{options.cameras} holds {len(given)} cameras; name a folder or an .mp4 as the output")
    with report.stage("read scene"):
        scene = read_ply(scene_path)
    visible = visible_labels(scene, options.organs)
    if given is not None:
        check_outside(given, scene, visible)
        cameras = given
    else:
        azimuths = [options.azimuth] if kind == ".png" else turntable_azimuths(options.azimuth, options.frames)
        cameras = framed_view(outline(scene, visible), azimuths, options.elevation, options.size)
    report.facts["gaussians"] = len(scene)
    report.facts["pictures"] = len(cameras)
    if kind == ".png":
        with report.stage("render"):
            render_still(scene, cameras, output, visible, background)
    elif background is not None and kind == ".mp4":
        render_video(scene, cameras, output, visible, background, options.fps, report)
    else:
        render_folder(scene, cameras, output, visible, background, report)
    return len(cameras)


def turntable_azimuths(start: float, n: int) -> list[float]:
    """``n`` azimuths in degrees over one full turn, the first at ``start``; the last does not repeat the first."""
    return [float(a) for a in start + np.arange(n) * 360 / n]
