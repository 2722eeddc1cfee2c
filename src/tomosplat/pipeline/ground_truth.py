"""One case of a dataset: path-traced pictures of a scan and the network's inputs, in one shard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat import machine
from tomosplat.errors import EmptySceneError
from tomosplat.files.atomic import writing
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.shards import Stack, write_shard
from tomosplat.gaussians.shading import linear_to_srgb
from tomosplat.geometry import Cameras
from tomosplat.jobs import Product, hash_data
from tomosplat.lighting import LightRig, load_rig
from tomosplat.pipeline.case_lists import Source
from tomosplat.pipeline.poses import VISIBLE_SETS, held_out, jittered_views
from tomosplat.pipeline.prepare_options import PrepareOptions
from tomosplat.pipeline.scan import PreparedScan, color_scan, prepare_scan
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceSettings, SurfaceMode, pathtrace
from tomosplat.report import Progress, Report
from tomosplat.transfer import TransferFunctions, jittered
from tomosplat.volume import OpticalVolume, Volume
from tomosplat.volume.torso import torso

#: Changes whenever shards made before are not what would be made now.
SHARD_VERSION = 1


@dataclass(frozen=True)
class CaseOrder:
    """Everything that a worker is told about a case.

    Attributes:
        source: The scan.
        options: What to make of it.
        functions: Name → transfer functions; those drawn for this case alone come on top.
    """

    source: Source
    options: PrepareOptions
    functions: dict[str, TransferFunctions]


@dataclass(frozen=True)
class _Look:
    """Pictures of one visible set in one transfer function under one rig."""

    shown: str
    tf: str
    rig: LightRig
    cameras: Cameras

    @property
    def name(self) -> str:
        return f"{self.shown}/{self.tf}/{self.rig.name}"


def make_case(order: CaseOrder, scratch: Path, progress: Progress) -> Product:
    """Trace all pictures of a case that are not in ``scratch`` yet, then put everything into one shard.

    The shard holds ``values`` (int16 HU, or float32 if not HU), ``labels`` uint8 and ``affine`` on the working grid;
    per visible set ``SET/viewmats``, ``SET/Ks`` and ``SET/held_out``; per look ``SET/TF/RIG/rgba`` [V, H, W, 4] float16
    (linear radiance over black, premultiplied, and alpha), ``relative_error`` and ``samples`` [V]. Float16 has 11 bits
    at any brightness, more than the noise leaves; encoding to sRGB is for whoever reads.

    Raises:
        InputError: The scan cannot be used, or none of the sets asked for has anything to see.
        OutputError: A file could not be written.
    """
    # Workers share the processors.
    torch.set_num_threads(max(1, torch.get_num_threads() // order.options.workers))
    report = Report()
    prepared = _as_stored(_prepared(order.source, report))
    functions = _functions(order)
    views = _views(order, prepared, next(iter(functions.values())))
    looks = [
        _Look(shown, tf, load_rig(rig), cameras)
        for shown, cameras in views.items()
        for tf in functions
        for rig in order.options.rigs
    ]
    _trace_missing(order, prepared, functions, looks, scratch, progress)
    return _gather(order, prepared, functions, looks, scratch)


def _prepared(source: Source, report: Report) -> PreparedScan:
    if isinstance(source.scan, int):
        return PreparedScan(*torso(source.scan, source.reading.spacing))
    return prepare_scan(source.scan, source.reading, report)


def _as_stored(prepared: PreparedScan) -> PreparedScan:
    """Round HU to whole numbers, so that the pictures show exactly what the shard holds."""
    volume = prepared.volume
    if _stored_type(volume) == np.float32:
        return prepared
    return replace(prepared, volume=replace(volume, values=volume.values.round()))


def _stored_type(volume: Volume) -> type[np.int16] | type[np.float32]:
    limits = np.iinfo(np.int16)
    fits = volume.values.min() >= limits.min and volume.values.max() <= limits.max
    return np.int16 if volume.unit == "HU" and fits else np.float32


def _functions(order: CaseOrder) -> dict[str, TransferFunctions]:
    base = next(iter(order.functions.values()))
    drawn = {f"jitter-{k}": jittered(base, _rng(order, "jitter", k)) for k in range(order.options.jitter_tf)}
    return order.functions | drawn


def _views(order: CaseOrder, prepared: PreparedScan, functions: TransferFunctions) -> dict[str, Cameras]:
    """Cameras around each visible set in which there is anything to see."""
    options, views = order.options, {}
    for (shown, ids), n in zip(VISIBLE_SETS.items(), options.views, strict=True):
        if n:
            try:
                outline = optical_outline(color_scan(prepared, functions, ids, Report()))
            except EmptySceneError:  # a head has no organs; the shard says which sets are empty
                continue
            views[shown] = jittered_views(outline, n, options.size, _rng(order, "views", shown))
    if not views:
        raise EmptySceneError(
            f"nothing of {order.source.id} is visible in any set; check its labels, its unit (HU) and --tf"
        )
    return views


def _trace_missing(
    order: CaseOrder,
    prepared: PreparedScan,
    functions: dict[str, TransferFunctions],
    looks: list[_Look],
    scratch: Path,
    progress: Progress,
) -> None:
    n_views = sum(len(look.cameras) for look in looks)
    missing = [
        [view for view in range(len(look.cameras)) if not _picture(scratch, look, view).exists()] for look in looks
    ]
    done = n_views - sum(map(len, missing))
    progress(done, n_views)
    for look, views in zip(looks, missing, strict=True):
        if views:
            optical = color_scan(prepared, functions[look.tf], VISIBLE_SETS[look.shown], Report())
        for view in views:
            _trace(order, optical, look, view, _picture(scratch, look, view))
            done += 1
            progress(done, n_views)


def _trace(order: CaseOrder, optical: OpticalVolume, look: _Look, view: int, path: Path) -> None:
    options = order.options
    # One picture at a time, each with a seed of its own: it does not depend on what was traced before a kill.
    settings = replace(_settings(options), seed=_seed(order, look.name, view))
    traced = pathtrace(optical, look.cameras[view : view + 1], look.rig, settings=settings)
    rgba = np.concatenate([traced.radiance, traced.alpha[..., None]], axis=-1).astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, rgba=rgba, relative_error=traced.relative_error, samples=traced.samples)


def _settings(options: PrepareOptions) -> PathTraceSettings:
    surface = SurfaceMode() if options.surface else None
    return PathTraceSettings(samples=options.samples, target_error=options.noise, surface=surface)


def _gather(
    order: CaseOrder,
    prepared: PreparedScan,
    functions: dict[str, TransferFunctions],
    looks: list[_Look],
    scratch: Path,
) -> Product:
    options, case_id = order.options, order.source.id
    views = {look.shown: look.cameras for look in looks}
    volume, labels = prepared.volume, prepared.labels
    tensors = {
        "values": Stack.of(volume.values.astype(_stored_type(volume))),
        "labels": Stack.of(labels.values),
        "affine": Stack.of(volume.grid.affine),
    }
    for shown, cameras in views.items():
        tensors[f"{shown}/viewmats"] = Stack.of(cameras.viewmats)
        tensors[f"{shown}/Ks"] = Stack.of(cameras.Ks)
        tensors[f"{shown}/held_out"] = Stack.of(held_out(len(cameras), options.held_out_every))
    errors: dict[str, float | None] = {}
    for look in looks:
        n, size = len(look.cameras), options.size
        error, samples = (np.concatenate(list(_pieces(scratch, look, key))) for key in ("relative_error", "samples"))
        tensors[f"{look.name}/relative_error"], tensors[f"{look.name}/samples"] = Stack.of(error), Stack.of(samples)
        rgba = Stack((n, size, size, 4), np.dtype(np.float16), _pieces(scratch, look, "rgba"))
        tensors[f"{look.name}/rgba"] = rgba
        errors[look.name] = round(float(error.mean()), 4) if np.isfinite(error).all() else None
    facts = {
        "shape": list(volume.grid.shape),
        "spacing_mm": options.spacing,
        "unit": volume.unit,
        "views": {shown: len(cameras) for shown, cameras in views.items()},
        "empty_sets": [s for s, n in zip(VISIBLE_SETS, options.views, strict=True) if n and s not in views],
        "size": options.size,
        "looks": [look.name for look in looks],
    }
    shard = scratch / "shard.safetensors"
    write_shard(shard, tensors, _description(order, prepared, functions) | facts)
    previews = {f"previews/{case_id}.{look.shown}.png": _preview(scratch, look) for look in reversed(looks)}
    return Product({f"{case_id}.safetensors": shard, **previews}, facts | {"relative_error": errors})


def _description(order: CaseOrder, prepared: PreparedScan, functions: dict[str, TransferFunctions]) -> dict[str, Any]:
    options = order.options
    return {
        "shard_version": SHARD_VERSION,
        "id": order.source.id,
        "modality": prepared.volume.modality,
        "history": [*prepared.volume.history, *prepared.labels.history],
        "label_names": {str(label): name for label, name in prepared.labels.names.items()},
        "transfer_functions": {name: drawn.to_dict() for name, drawn in functions.items()},
        "rigs": {name: load_rig(name).to_dict() for name in options.rigs},
        "settings": asdict(_settings(options)) | {"seed": options.seed},
        "versions": machine.versions(),
    }


def _preview(scratch: Path, look: _Look) -> Path:
    """The first view as a PNG."""
    path = scratch / f"{look.shown}.png"
    rgba = next(_pieces(scratch, look, "rgba"))[0].astype(np.float32)
    encoded = np.concatenate([linear_to_srgb(rgba[..., :3]), rgba[..., 3:]], axis=-1)
    write_png(path, to_bytes(encoded, (0, 0, 0)))
    return path


def _picture(scratch: Path, look: _Look, view: int) -> Path:
    return scratch / look.name / f"{view:04d}.npz"


def _pieces(scratch: Path, look: _Look, key: str) -> Iterator[NDArray[Any]]:
    """What was kept of each view, one at a time: a case's pictures may be larger than memory."""
    for view in range(len(look.cameras)):
        with np.load(_picture(scratch, look, view)) as kept:
            yield kept[key]


def _rng(order: CaseOrder, *what: str | int) -> np.random.Generator:
    return np.random.default_rng(_seed(order, *what))


def _seed(order: CaseOrder, *what: str | int) -> int:
    """60 bits that are other ones for every case and every use."""
    return int(hash_data([order.options.seed, order.source.id, *what])[:15], 16)
