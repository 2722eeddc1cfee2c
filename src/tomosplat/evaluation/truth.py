"""Path-traced pictures of one look at one scan: the truth that scenes are compared with, and the views to fit to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat import threads
from tomosplat.errors import EmptySceneError
from tomosplat.evaluation.protocol import FOREGROUND_ALPHA, LookOrder
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.shards import Shard, Stack, write_shard
from tomosplat.fitting import View
from tomosplat.gaussians import linear_to_srgb
from tomosplat.geometry import Cameras
from tomosplat.jobs import Product, hash_data
from tomosplat.lighting import load_rig
from tomosplat.metrics import psnr
from tomosplat.pipeline.datasets.ground_truth import prepare_source, trace_view
from tomosplat.pipeline.datasets.looks import Look
from tomosplat.pipeline.scan import color_scan
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceOutput, PathTraceSettings, denoise
from tomosplat.report import Progress, Report
from tomosplat.volume import OpticalVolume

#: Changes whenever pictures made before are not what would be made now.
_VERSION = 1
#: Which pictures: those to fit to, once, or those to compare with, in two seeds.
Part = Literal["fit", "test"]
_SEEDS: dict[Part, tuple[str, ...]] = {"fit": ("only",), "test": ("first", "second")}

Float32Array = NDArray[np.float32]
Float16Array = NDArray[np.float16]


@dataclass(frozen=True)
class PicturesOrder:
    """Everything that a worker is told about the pictures of one look.

    Attributes:
        look: The look at a scan.
        part: Which of its pictures.
    """

    look: LookOrder
    part: Part

    @property
    def id(self) -> str:
        """Name of the pictures' files."""
        return f"{self.look.id}.{self.part}"

    @property
    def samples(self) -> int:
        """Paths through each pixel."""
        protocol = self.look.protocol
        return protocol.fit_samples if self.part == "fit" else protocol.test_samples

    @property
    def cost(self) -> int:
        """Paths in all."""
        protocol = self.look.protocol
        n_views = protocol.fit_views if self.part == "fit" else 2 * protocol.test_views
        return protocol.size**2 * n_views * self.samples

    def configuration(self) -> dict[str, Any]:
        """Everything but the scan that the pictures depend on; JSON-serialisable."""
        other = "test_" if self.part == "fit" else "fit_"
        protocol = {name: value for name, value in self.look.protocol.to_dict().items() if not name.startswith(other)}
        return {"version": _VERSION, "id": self.id, **self.look.configuration(), "protocol": protocol}


def trace_pictures(order: PicturesOrder, scratch: Path, progress: Progress) -> Product:
    """Trace what is not in ``scratch`` yet and put all pictures into one shard.

    The shard holds ``viewmats``, ``Ks`` and ``rgba`` [V, H, W, 4] float16, premultiplied over black and encoded to
    sRGB; a test picture is the mean of two seeds' light, and ``floor`` and ``floor_foreground`` [V] are dB between the
    two. Where there is nothing to see there is no shard, but the fact ``left_out``, which says why.

    Raises:
        InputError: The scan cannot be used.
        OutputError: A file could not be written.
    """
    threads.use(order.look.threads)
    look = order.look.look
    optical = color_scan(prepare_source(order.look.source), look.functions, look.visible, Report())
    try:
        outline = optical_outline(optical)
    except EmptySceneError as error:
        return _left_out(order, str(error))
    protocol = order.look.protocol
    cameras = protocol.fit_cameras(outline) if order.part == "fit" else protocol.test_cameras(outline)
    rig = load_rig(protocol.rig)
    seeds = [Look(look.shown, look.tf, rig, cameras, scratch / seed) for seed in _SEEDS[order.part]]
    _trace_missing(order, optical, seeds, progress)
    return _gather(order, seeds, scratch)


def views_of(path: Path) -> Iterator[View]:
    """The views of a shard, one at a time; errors as ``Shard``."""
    shard = Shard(path)
    viewmats, Ks = shard["viewmats"], shard["Ks"]
    for i in range(len(viewmats)):
        rgba = shard.part("rgba", i, i + 1)[0].astype(np.float32)
        yield View(Cameras(viewmats[i : i + 1], Ks[i : i + 1], rgba.shape[1], rgba.shape[0]), torch.from_numpy(rgba))


def shown_view(n: int) -> int:
    """Which of ``n`` test views is shown in sheets: one from the side, for the sphere begins above the head."""
    return n // 2


def _trace_missing(order: PicturesOrder, optical: OpticalVolume, seeds: Sequence[Look], progress: Progress) -> None:
    total = sum(len(look.cameras) for look in seeds)
    missing = [(look, view) for look in seeds for view in look.missing()]
    progress(total - len(missing), total)
    for number, (look, view) in enumerate(missing, start=1 + total - len(missing)):
        seed = int(hash_data([order.look.protocol.seed, order.id, look.scratch.name, view])[:15], 16)
        trace_view(optical, look, view, PathTraceSettings(samples=order.samples, seed=seed))
        progress(number, total)


def _gather(order: PicturesOrder, seeds: Sequence[Look], scratch: Path) -> Product:
    pictures: list[Float16Array] = []
    floors: list[tuple[float, float]] = []
    denoised = order.look.protocol.denoised
    for index, pieces in enumerate(zip(*(look.pieces("rgba") for look in seeds), strict=True)):
        light = [_light(rgba, denoised) for rgba in pieces]
        picture = _encoded(np.mean(light, axis=0, dtype=np.float32))
        foreground = picture[..., 3] > FOREGROUND_ALPHA
        if not foreground.any():
            hidden = f"no pixel hides more than {FOREGROUND_ALPHA:.0%} of what is behind it"
            return _left_out(order, f"there is nothing to see in {order.part} view {index}: {hidden}")
        pictures.append(picture)
        if len(light) == 2:
            floors.append(_floor(light[0], light[1], foreground))
    cameras = seeds[0].cameras
    tensors = {
        "viewmats": Stack.of(cameras.viewmats),
        "Ks": Stack.of(cameras.Ks),
        "rgba": Stack((len(pictures), *pictures[0].shape), np.dtype(np.float16), (p[None] for p in pictures)),
    }
    facts = {**_names(order), "protocol": order.look.protocol.to_dict()}
    if floors:
        whole, inside = np.array(floors).T
        tensors |= {"floor": Stack.of(whole), "floor_foreground": Stack.of(inside)}
        facts |= {"floor_db": float(whole.mean()), "floor_foreground_db": float(inside.mean())}
    shard, preview = scratch / "pictures.safetensors", scratch / "preview.png"
    write_shard(shard, tensors, order.configuration() | _names(order))
    write_png(preview, to_bytes(pictures[shown_view(len(pictures))].astype(np.float32), (0, 0, 0)))
    return Product({f"{order.id}.safetensors": shard, f"{order.id}.png": preview}, facts)


def _names(order: PicturesOrder) -> dict[str, Any]:
    return {"case": order.look.source.id, "look": order.look.look.name, "part": order.part}


def _left_out(order: PicturesOrder, why: str) -> Product:
    return Product({}, {**_names(order), "left_out": why})


def _light(rgba: Float16Array, denoised: bool) -> Float32Array:
    """Linear light and alpha [H, W, 4] of one traced picture [1, H, W, 4]."""
    light = rgba.astype(np.float32)
    if denoised:
        unknown = np.full_like(light[..., :3], np.nan)
        clean = denoise(PathTraceOutput(light[..., :3], light[..., 3], unknown, np.array([1], np.int64)))
        light = np.concatenate([clean.radiance, clean.alpha[..., None]], axis=-1)
    picture: Float32Array = light[0]
    return picture


def _encoded(light: Float32Array) -> Float16Array:
    """As displays want it, over black, in what shards hold."""
    return np.concatenate([linear_to_srgb(light[..., :3]), light[..., 3:].clip(0, 1)], axis=-1).astype(np.float16)


def _floor(first: Float32Array, second: Float32Array, foreground: NDArray[np.bool_]) -> tuple[float, float]:
    """PSNR in dB between two seeds, over the whole picture and over the foreground."""
    one, other = (torch.from_numpy(_encoded(light)[..., :3]).double() for light in (first, second))
    return float(psnr(one, other)), float(psnr(one, other, torch.from_numpy(foreground)))
