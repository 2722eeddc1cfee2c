"""A trained renderer and a volume in, pictures out: what ``tomosplat dvr render`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.dvr.checkpoints import load_renderer
from tomosplat.dvr.encoded import EncodedVolume
from tomosplat.files.images import to_bytes
from tomosplat.files.scans import read_volume
from tomosplat.geometry import Cameras, FloatArray, Grid
from tomosplat.pipeline.dvr.train_options import DvrRenderOptions
from tomosplat.pipeline.options import ViewpointOptions
from tomosplat.pipeline.pictures import BACKGROUNDS, write_pictures
from tomosplat.pipeline.views import given_cameras, placed_cameras
from tomosplat.report import Report


def render_learned(
    checkpoint: Path,
    path: Path,
    output: Path,
    options: DvrRenderOptions,
    view: ViewpointOptions,
    report: Report,
) -> int:
    """Draw a volume file to a PNG, an MP4 or a folder, by the name of ``output``; return the number of pictures.

    The volume is encoded once, whatever the number of pictures.

    Raises:
        InputError: The checkpoint, the volume or an option cannot be used.
        UnitsError: The volume has other values than the renderer was trained with.
        OutputError: The result could not be written.
    """
    cameras = given_cameras(output, view)
    trained = load_renderer(checkpoint)
    report.facts |= {"model": trained.settings.name, "sha256": trained.sha256}
    with report.stage("read volume"):
        volume = read_volume(path)
    with report.stage("encode"):
        encoded = EncodedVolume(trained, volume)
    if cameras is None:
        cameras = placed_cameras(output, view, _corners(volume.grid))

    def draw(camera: Cameras) -> NDArray[np.uint8]:
        return to_bytes(encoded.draw(camera, options.rate)[0].numpy(), BACKGROUNDS[view.background])

    return write_pictures(output, cameras, draw, view.fps, report)


def _corners(grid: Grid) -> FloatArray:
    return np.stack(np.meshgrid(*zip(*grid.bounds, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)
