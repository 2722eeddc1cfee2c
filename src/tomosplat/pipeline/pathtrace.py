"""A scan in, path-traced pictures out: what ``tomosplat pathtrace`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.files.environments import read_environment
from tomosplat.files.images import to_bytes, write_png
from tomosplat.geometry import Cameras
from tomosplat.lighting import load_rig
from tomosplat.pipeline.options import Background, Plane, ScanOptions, TraceOptions, ViewOptions
from tomosplat.pipeline.pictures import BACKGROUNDS, write_pictures
from tomosplat.pipeline.scan import color_scan, prepare_scan, visible_ids
from tomosplat.pipeline.transfer_files import given_transfer_functions, usual_transfer_functions
from tomosplat.pipeline.views import given_cameras, optical_outline, placed_cameras
from tomosplat.render import ClipPlane, PathTraceOutput, PathTraceSettings, SurfaceMode, denoise, pathtrace
from tomosplat.report import Report


def pathtrace_file(
    path: Path, output: Path, reading: ScanOptions, tracing: TraceOptions, view: ViewOptions, report: Report
) -> int:
    """Path-trace a scan file to a PNG, an MP4 or a folder, by the name of ``output``; return the number of pictures.

    A single picture is written after every pass, so that it sharpens while one looks.

    Raises:
        InputError: The scan or an option cannot be used.
        OutputError: The result could not be written.
    """
    # Whatever can be refused without the scan is refused before it is read.
    functions = given_transfer_functions(reading.tf)
    visible = visible_ids(view.organs)
    cameras = given_cameras(output, view)
    settings = trace_settings(tracing)
    rig = load_rig(tracing.rig)
    environment = read_environment(tracing.environment) if tracing.environment is not None else None

    prepared = prepare_scan(path, reading, report)
    optical = color_scan(prepared, functions or usual_transfer_functions(prepared.volume), visible, report)
    if cameras is None:
        cameras = placed_cameras(output, view, optical_outline(optical))
    single = len(cameras) == 1
    errors: list[float] = []

    def sharpen(_: int, picture: PathTraceOutput) -> None:
        write_png(output, encode(picture, view.background, tracing.exposure))

    def draw(camera: Cameras) -> NDArray[np.uint8]:
        picture = pathtrace(
            optical,
            camera,
            rig,
            environment=environment,
            settings=settings,
            progress=report.advance if single else None,
            on_pass=sharpen if output.suffix.lower() == ".png" else None,
        )
        errors.append(float(picture.relative_error[0]))
        if tracing.denoise:
            picture = denoise(picture)
        return encode(picture, view.background, tracing.exposure)

    n_pictures = write_pictures(output, cameras, draw, view.fps, report)
    report.facts["samples"] = settings.samples
    report.facts["denoised"] = tracing.denoise
    report.facts["relative_error"] = {"mean": float(np.mean(errors)), "worst": max(errors)}
    return n_pictures


def trace_settings(options: TraceOptions) -> PathTraceSettings:
    """The same as the path tracer takes it.

    Raises:
        InputError: A value is out of its range.
    """
    return PathTraceSettings(
        samples=options.samples,
        target_error=options.noise,
        max_depth=options.max_depth,
        phase_g=options.phase_g,
        surface=SurfaceMode() if options.surface else None,
        clip=clip_planes(options.clip),
        seed=options.seed,
    )


def clip_planes(planes: Sequence[Plane]) -> tuple[ClipPlane, ...]:
    """Planes from six numbers each: a point and a normal."""
    return tuple(ClipPlane(plane[:3], plane[3:]) for plane in planes)


def encode(picture: PathTraceOutput, background: Background, exposure: float) -> NDArray[np.uint8]:
    """8-bit pixels of one picture, blended with the background as light."""
    color = BACKGROUNDS[background]
    if color is None:
        return to_bytes(picture.encoded(exposure)[0], None)
    blended = picture.over(color, exposure)[0]
    return to_bytes(np.concatenate([blended, np.ones_like(blended[..., :1])], axis=-1), color)
