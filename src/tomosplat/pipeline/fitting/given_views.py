"""Pictures to fit to, from a dataset of ``tomosplat prepare`` or a folder of PNGs with a camera file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tomosplat.errors import FileFormatError, InputError
from tomosplat.files.cameras import read_cameras
from tomosplat.files.dataset import MANIFEST, read_manifest
from tomosplat.fitting import View
from tomosplat.fitting.shard_views import shard_view
from tomosplat.geometry import Cameras
from tomosplat.pipeline.datasets.poses import held_out
from tomosplat.pipeline.fitting.options import GivenViews

CAMERAS = "cameras.json"
#: Of a folder of PNGs, one view in so many is held out, if it has as many.
_HELD_OUT_EVERY = 8


def read_views(folder: Path, options: GivenViews, device: torch.device) -> tuple[list[View], list[View]]:
    """Views to fit to and views that are held out.

    Args:
        folder: A dataset (it has a ``manifest.json``), or ``cameras.json`` beside one transparent PNG for each camera,
            in the order of their names. A folder ``masks`` may hold PNGs of the same names, white where pixels count.
        options: Which pictures of a dataset.
        device: Where the pictures are to be.

    Raises:
        InputError: There are no such pictures, or they and their cameras do not belong together.
        FileFormatError: A file is damaged, or a PNG has no transparency.
    """
    views, kept = _views(folder, options)
    return [view.to(device) for view in views], [view.to(device) for view in kept]


def _views(folder: Path, options: GivenViews) -> tuple[list[View], list[View]]:
    if (folder / MANIFEST).is_file():
        return _dataset_views(folder, options)
    if not (folder / CAMERAS).is_file():
        raise InputError(f"--views {folder}: it holds neither a dataset ({MANIFEST}) nor a camera file ({CAMERAS})")
    if options.case is not None or options.look is not None:
        raise InputError(f"--case and --look choose from a dataset; {folder} is a folder of pictures")
    return split_held_out(picture_views(folder, read_cameras(folder / CAMERAS)))


def _dataset_views(folder: Path, options: GivenViews) -> tuple[list[View], list[View]]:
    manifest = read_manifest(folder)
    case = options.case
    if case is None:
        if len(manifest.cases) != 1:
            raise InputError(f"{folder} has the cases {', '.join(manifest.cases) or '(none)'}; choose one with --case")
        (case,) = manifest.cases
    shard = manifest.open(case)
    looks: list[str] = shard.description["looks"]
    look = options.look if options.look is not None else next(iter(looks), "")
    if look not in looks:
        raise InputError(f"case {case} of {folder} has no look {look!r}; it has {', '.join(looks)}")
    shown = look.split("/")[0]
    out = shard[f"{shown}/held_out"]
    views = [shard_view(shard, look, index) for index in range(len(out))]
    return [v for v, o in zip(views, out, strict=True) if not o], [v for v, o in zip(views, out, strict=True) if o]


def split_held_out(views: list[View]) -> tuple[list[View], list[View]]:
    """Views to fit to and views that are held out: every eighth, if there are as many."""
    out = held_out(len(views), _HELD_OUT_EVERY if len(views) >= _HELD_OUT_EVERY else 0)
    return [v for v, o in zip(views, out, strict=True) if not o], [v for v, o in zip(views, out, strict=True) if o]


def picture_views(folder: Path, cameras: Cameras) -> list[View]:
    """The PNGs of a folder, in the order of their names, one for each camera.

    Raises:
        InputError: Pictures and cameras do not belong together.
        FileFormatError: A file is damaged, or a PNG has no transparency.
    """
    paths = sorted(folder.glob("*.png"))
    if len(paths) != len(cameras):
        raise InputError(f"{folder} holds {len(paths)} PNGs and there are {len(cameras)} cameras; each needs the other")
    return [_picture_view(path, cameras[i : i + 1]) for i, path in enumerate(paths)]


def _picture_view(path: Path, camera: Cameras) -> View:
    pixels = _read_png(path, camera, "RGBA").astype(np.float32) / 255
    pixels[..., :3] *= pixels[..., 3:]
    mask_path = path.parent / "masks" / path.name
    mask = torch.from_numpy(_read_png(mask_path, camera, "L") > 127) if mask_path.is_file() else None
    return View(camera, torch.from_numpy(pixels), mask)


def _read_png(path: Path, camera: Cameras, mode: str) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            if mode == "RGBA" and image.mode != "RGBA":
                raise FileFormatError(
                    f"{path} has no transparency (it is {image.mode}), and alpha is fitted too; "
                    "render or trace it with --background transparent"
                )
            if image.size != (camera.width, camera.height):
                raise InputError(
                    f"{path} is {image.size[0]}x{image.size[1]}, its camera {camera.width}x{camera.height} pixels"
                )
            pixels: NDArray[np.uint8] = np.array(image.convert(mode))
    except (OSError, UnidentifiedImageError) as error:
        raise FileFormatError(f"{path} cannot be read as a picture: {error}") from error
    return pixels
