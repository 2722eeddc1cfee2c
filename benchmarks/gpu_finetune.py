"""Fine-tuning on a GPU: the steps of ``tomosplat finetune``, on pictures of the scene itself. Part of ``gpu.py``."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch

from tomosplat.fitting import FitSettings, View, fit
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import fibonacci_directions, frame_bounds
from tomosplat.render import rasterize


def finetune_row(
    scene: GaussianScene, *, device: str = "cuda", size: int = 1600, n_views: int = 20, iterations: int = 300
) -> dict[str, Any]:
    """Seconds of a fit that begins with the scene thinned, looks before and after included."""
    there = replace(scene.to(device), values=None, illumination=None)
    bounds = tuple(getattr(scene.means, end)(dim=0).double().numpy() for end in ("amin", "amax"))
    cameras = frame_bounds(bounds, fibonacci_directions(n_views), size, size)
    with torch.no_grad():
        views = [View(cameras[[n]], rasterize(there, cameras[[n]]).rgba[0].clamp(0, 1)) for n in range(n_views)]
    settings = FitSettings(iterations=iterations, evaluate_every=iterations)
    thinned = replace(there, opacities=0.6 * there.opacities)
    fit(thinned, views, replace(settings, iterations=1))  # compiles
    start = time.perf_counter()
    looks = fit(thinned, views, settings).looks
    seconds = time.perf_counter() - start
    psnr = {"psnr_before": looks[0].train_psnr, "psnr_after": looks[-1].train_psnr}
    return {"what": f"{iterations} steps of fine-tuning, {n_views} views of {size}²", "s": seconds, **psnr}
