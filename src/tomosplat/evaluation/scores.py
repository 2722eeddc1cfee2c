"""The numbers of one scene beside the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tomosplat import threads
from tomosplat.errors import EmptySceneError, ShapeError
from tomosplat.evaluation.protocol import FOREGROUND_ALPHA, LookOrder
from tomosplat.evaluation.truth import shown_view, views_of
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.scenes import read_scene
from tomosplat.fitting import View
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.jobs import Product
from tomosplat.metrics import ms_ssim, psnr, ssim, st_lpips
from tomosplat.render import rasterize
from tomosplat.report import Progress

#: Changes whenever numbers found before are not what would be found now.
_VERSION = 1
#: How often each view is drawn; the quickest counts.
_ROUNDS = 3

Numbers = dict[str, float | None]


@dataclass(frozen=True)
class ScoreOrder:
    """Everything that a worker is told about one scene.

    Attributes:
        look: The look at a scan.
        id: Name of the scene's and the row's files.
        truth: Shard of the look's test views.
        scene: The scene's file.
        facts: What is known of it and of the truth.
        perceptual: Whether to measure ST-LPIPS.
    """

    look: LookOrder
    id: str
    truth: Path
    scene: Path
    facts: Mapping[str, Any]
    perceptual: bool

    def configuration(self) -> dict[str, Any]:
        """Everything but scene and truth that the numbers depend on; JSON-serialisable."""
        return {
            "version": _VERSION,
            "facts": dict(self.facts),
            "perceptual": self.perceptual,
        }


def score(order: ScoreOrder, scratch: Path, progress: Progress) -> Product:
    """Compare a scene with the truth in every test view; keep one picture for the sheet.

    Raises:
        FileFormatError: A file is damaged.
        OutputError: A file could not be written.
    """
    threads.use(order.look.threads)
    scene = replace(read_scene(order.scene), values=None, illumination=None)  # rasterizing needs neither
    n = order.look.protocol.test_views
    picture_path = scratch / "picture.png"
    rows, seconds = [], []
    for index, view in enumerate(views_of(order.truth)):
        picture, took = _draw(scene, view.camera)
        rows.append(compare(picture, view, perceptual=order.perceptual))
        seconds.append(took)
        if index == shown_view(n):
            write_png(picture_path, to_bytes(picture.numpy(), (0, 0, 0)))
        progress(index + 1, n)
    facts = {
        **order.facts,
        **mean_of(rows),
        "fps": 1 / float(np.mean(seconds)),
        "protocol": order.look.protocol.to_dict(),
        "working_grid_mm": order.look.source.reading.spacing,
    }
    return Product({f"{order.id}.png": picture_path}, facts)


def compare(picture: Tensor, view: View, *, perceptual: bool) -> Numbers:
    """Every measure of a picture [H, W, 4] beside a view over black; None where there is no such number.

    PSNR and SSIM over the whole picture and over the foreground (alpha of the truth above 2 %), the measures that need
    larger pictures only where these are large enough.
    """
    pictures = picture[..., :3].clamp(0, 1), view.rgba[..., :3]
    shown, truth = (pixels.double() for pixels in pictures)  # SSIM takes differences of squares
    foreground = view.rgba[..., 3] > FOREGROUND_ALPHA
    measures: dict[str, Callable[[], Tensor]] = {
        "ssim": lambda: ssim(shown, truth),
        "ssim_foreground": lambda: ssim(shown, truth, foreground),
        "ms_ssim": lambda: ms_ssim(shown, truth),
        "ms_ssim_foreground": lambda: ms_ssim(shown, truth, foreground),
        "psnr": lambda: psnr(shown, truth),
        "psnr_foreground": lambda: psnr(shown, truth, foreground),
        "st_lpips": lambda: st_lpips(*pictures),
    }
    if not perceptual:
        del measures["st_lpips"]
    return {"st_lpips": None} | {name: _or_nothing(measure) for name, measure in measures.items()}


def mean_of(rows: list[Numbers]) -> Numbers:
    """Mean of each number over the rows; None where a row lacks it."""
    means: Numbers = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        known = [value for value in values if value is not None]
        means[name] = float(np.mean(known)) if len(known) == len(values) else None
    return means


def _or_nothing(measure: Callable[[], Tensor]) -> float | None:
    try:
        return float(measure())
    except (ShapeError, EmptySceneError):  # the picture, or its foreground, is too small for this measure
        return None


def _draw(scene: GaussianScene, camera: Cameras) -> tuple[Tensor, float]:
    """The picture [H, W, 4] and the seconds that the quickest drawing of it took."""
    took = []
    with torch.no_grad():
        for _ in range(_ROUNDS + 1):  # the first fetches code and data
            start = time.perf_counter()
            picture = rasterize(scene, camera).rgba[0]
            took.append(time.perf_counter() - start)
    return picture, min(took[1:])
