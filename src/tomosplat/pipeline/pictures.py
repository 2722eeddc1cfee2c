"""Cameras drawn one by one and written as a picture, a video or a folder of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.files.atomic import make_folder
from tomosplat.files.images import write_png
from tomosplat.files.videos import write_mp4
from tomosplat.geometry import Cameras
from tomosplat.pipeline.options import Background
from tomosplat.report import Report

Color = tuple[float, float, float]
#: Draws one camera: 8-bit pixels [H, W, 3], or [H, W, 4] with straight alpha.
Draw = Callable[[Cameras], NDArray[np.uint8]]

BACKGROUNDS: dict[Background, Color | None] = {"black": (0, 0, 0), "white": (1, 1, 1), "transparent": None}


def write_pictures(output: Path, cameras: Cameras, draw: Draw, fps: int, report: Report) -> int:
    """Draw every camera; ``output`` says how they are kept: *.png, *.mp4, or a folder of 0000.png, 0001.png, ...

    Returns:
        How many pictures there are.

    Raises:
        OutputError: The result could not be written.
    """
    kind = output.suffix.lower()
    report.facts["pictures"] = len(cameras)
    with report.stage("render video" if kind == ".mp4" else "render") as progress:

        def pictures() -> Iterator[NDArray[np.uint8]]:
            # One at a time: a long turntable must not hold all its frames.
            for index in range(len(cameras)):
                yield draw(cameras[index : index + 1])
                if len(cameras) > 1:
                    progress(index + 1, len(cameras))

        if kind == ".png":
            write_png(output, next(pictures()))
        elif kind == ".mp4":
            write_mp4(output, pictures(), fps)
        else:
            _write_folder(output, pictures())
    return len(cameras)


def _write_folder(folder: Path, pictures: Iterator[NDArray[np.uint8]]) -> None:
    make_folder(folder)
    for index, pixels in enumerate(pictures):
        write_png(folder / f"{index:04d}.png", pixels)
