"""One case of a dataset: path-traced pictures of a scan and the network's inputs, in one shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tomosplat import threads
from tomosplat.anatomy import VISIBLE_SETS
from tomosplat.errors import EmptySceneError
from tomosplat.files.atomic import writing
from tomosplat.geometry import Cameras
from tomosplat.jobs import Product
from tomosplat.lighting import load_rig
from tomosplat.pipeline.batch.case_lists import Source
from tomosplat.pipeline.batch.pseudonyms import unnamed
from tomosplat.pipeline.datasets.case_shard import as_stored, gather
from tomosplat.pipeline.datasets.looks import CaseOrder, Look
from tomosplat.pipeline.datasets.poses import jittered_views
from tomosplat.pipeline.scan import PreparedScan, color_scan, prepare_scan
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceSettings, denoise, pathtrace
from tomosplat.report import Progress, Report
from tomosplat.transfer import TransferFunctions, jittered
from tomosplat.volume import OpticalVolume
from tomosplat.volume.torso import torso


def make_case(order: CaseOrder, scratch: Path, progress: Progress) -> Product:
    """Trace all pictures of a case that are not in ``scratch`` yet, then put all into one shard (see ``gather``).

    Raises:
        InputError: The scan cannot be used, or none of the sets asked for has anything to see.
        OutputError: A file could not be written.
    """
    threads.use(order.threads)
    prepared = as_stored(prepare_source(order.source))
    functions = _functions(order)
    views = _views(order, prepared, next(iter(functions.values())))
    looks = [
        Look(shown, tf, load_rig(rig), cameras, scratch)
        for shown, cameras in views.items()
        for tf in functions
        for rig in order.options.rigs
    ]
    _trace_missing(order, prepared, functions, looks, progress)
    return gather(order, prepared, functions, looks, scratch)


def prepare_source(source: Source) -> PreparedScan:
    """A case's scan on its working grid; errors as ``prepare_scan``, without names if the case is private."""
    if isinstance(source.scan, int):
        return PreparedScan(*torso(source.scan, source.reading.spacing))
    with unnamed(source):
        return prepare_scan(source.scan, source.reading, Report())


def _functions(order: CaseOrder) -> dict[str, TransferFunctions]:
    base = next(iter(order.functions.values()))
    drawn = {f"jitter-{k}": jittered(base, order.rng("jitter", k)) for k in range(order.options.jitter_tf)}
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
            views[shown] = jittered_views(outline, n, options.size, order.rng("views", shown))
    if not views:
        raise EmptySceneError(
            f"nothing of {order.source.id} is visible in any set; check its labels, its unit (HU) and --tf"
        )
    return views


def _trace_missing(
    order: CaseOrder,
    prepared: PreparedScan,
    functions: Mapping[str, TransferFunctions],
    looks: Sequence[Look],
    progress: Progress,
) -> None:
    n_views = sum(len(look.cameras) for look in looks)
    missing = [look.missing() for look in looks]
    done = n_views - sum(map(len, missing))
    progress(done, n_views)
    for look, views in zip(looks, missing, strict=True):
        if views:
            optical = color_scan(prepared, functions[look.tf], VISIBLE_SETS[look.shown], Report())
        for view in views:
            # One picture at a time, each with a seed of its own: it does not depend on what was traced before a kill.
            settings = replace(order.settings(), seed=order.seed(look.name, view))
            trace_view(optical, look, view, settings, clean=order.options.denoise)
            done += 1
            progress(done, n_views)


def trace_view(
    optical: OpticalVolume, look: Look, view: int, settings: PathTraceSettings, *, clean: bool = False
) -> None:
    """Trace one view of a look and keep it where ``look.picture`` says, whole or not at all.

    With ``clean`` the picture is denoised; its relative error remains that of what was traced.

    Raises:
        DependencyError: Denoising is asked for, but not installed.
        OutputError: The file could not be written.
    """
    traced = pathtrace(optical, look.cameras[view : view + 1], look.rig, settings=settings)
    shown = denoise(traced) if clean else traced
    rgba = np.concatenate([shown.radiance, shown.alpha[..., None]], axis=-1).astype(np.float16)
    path = look.picture(view)
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, rgba=rgba, relative_error=traced.relative_error, samples=traced.samples)
