"""Splatted pictures against path-traced truth, blamed on the Gaussians that made them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.gaussians import Agreement, Fidelity, GaussianScene
from tomosplat.geometry import Cameras, fibonacci_directions, frame_points
from tomosplat.lighting import LightRig
from tomosplat.pipeline.fitting.traced_views import can_denoise
from tomosplat.pipeline.options import FidelityOptions
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceSettings, blended_sums, denoise, pathtrace, rasterize
from tomosplat.report import Report
from tomosplat.volume import OpticalVolume

#: A Gaussian that adds less than this to all pixels together changes none of them visibly: it counts as not seen.
_LEAST_WEIGHT = 1 / 255


@dataclass
class ComparedViews:
    """What was added up over the views so far.

    Attributes:
        blended: [N, 3] float64, Σ wᵢ d², Σ wᵢ n² and Σ wᵢ of ``measured``.
        squares: Σ d² over all pixels.
        done: How many views.
    """

    blended: Tensor
    squares: float = 0.0
    done: int = 0

    @classmethod
    def none_of(cls, scene: GaussianScene) -> ComparedViews:
        """Before the first view."""
        return cls(torch.zeros(len(scene), 3, dtype=torch.float64))


#: Called after each view.
Keep = Callable[[ComparedViews], None]


def measured(
    scene: GaussianScene,
    optical: OpticalVolume,
    rig: LightRig,
    options: FidelityOptions,
    report: Report,
    *,
    so_far: ComparedViews | None = None,
    keep: Keep | None = None,
) -> GaussianScene:
    """The scene with how far its pictures are from path-traced truth, by Gaussian and by organ.

    In each view the truth is the mean of two pictures A and B of independent noise, and S is splatted; all are sRGB
    over black, in 0..1. At a pixel p, over RGB, d² = mean (S − A)(S − B) is the squared difference without what the
    truth's noise would add to it, and n² = mean (A − B)² / 4 is that noise. Every Gaussian takes part in p by its
    blend weight wᵢ(p): its error is √(Σ wᵢ d² / Σ wᵢ) over all pixels of all views, that of an organ the same with the
    sums over its Gaussians. Where the truth shows something and no Gaussian is, none is blamed.

    Args:
        scene: All its Gaussians are drawn.
        optical: What it is a picture of.
        rig: The light.
        options: How to compare.
        report: Takes the stage, and "psnr_db" of the whole pictures.
        so_far: Where to go on, for the same arguments; it is added to.
        keep: Told of every view.

    Raises:
        EmptySceneError: Nothing of ``optical`` is visible.
    """
    sums = so_far or ComparedViews.none_of(scene)
    cameras = views_around(optical, options)
    clean = denoises(options)
    with report.stage("compare views") as progress:
        progress(sums.done, len(cameras))
        for index in range(sums.done, len(cameras)):
            camera = cameras[index : index + 1]
            seeds = [2 * (options.seed * len(cameras) + index) + half for half in (0, 1)]
            halves = [_traced(optical, camera, rig, options.samples, seed, clean) for seed in seeds]
            fields = differences(rasterize(scene, camera).rgba[..., :3], *halves)
            sums.blended += blended_sums(scene, camera, fields)
            sums.squares += float(fields[..., 0].sum(dtype=torch.float64))
            sums.done += 1
            if keep:
                keep(sums)
            progress(sums.done, len(cameras))
    report.facts["psnr_db"] = Agreement.of_sums(len(cameras) * options.size**2, sums.squares, 0).psnr
    organs = _organs(scene.labels.numpy(), sums.blended.numpy())
    fidelity = Fidelity(options.n_views, options.size, 2 * options.samples, clean, organs)
    return replace(scene, errors=gaussian_errors(sums.blended).to(scene.means), fidelity=fidelity)


def denoises(options: FidelityOptions) -> bool:
    """Whether the truth is denoised."""
    return can_denoise() and not options.raw


def views_around(optical: OpticalVolume, options: FidelityOptions) -> Cameras:
    """Views spread evenly over a sphere, each showing everything."""
    return frame_points(optical_outline(optical), fibonacci_directions(options.n_views), options.size, options.size)


def _traced(optical: OpticalVolume, camera: Cameras, rig: LightRig, samples: int, seed: int, clean: bool) -> Tensor:
    picture = pathtrace(optical, camera, rig, settings=PathTraceSettings(samples=samples, seed=seed))
    return torch.from_numpy((denoise(picture) if clean else picture).encoded()[..., :3])


def differences(splatted: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """d², n² and 1 of ``measured`` for each pixel, of pictures [C, H, W, 3]; displays hold what is splatted in 0..1."""
    shown = splatted.clamp(0, 1)
    squares = ((shown - first) * (shown - second)).mean(dim=-1)
    noise = (first - second).square().mean(dim=-1) / 4
    return torch.stack([squares, noise, torch.ones_like(noise)], dim=-1)


def gaussian_errors(blended: Tensor) -> Tensor:
    """Errors [N] of sums [N, 3]; NaN where a Gaussian is not seen."""
    squares, _, weights = blended.unbind(dim=1)
    seen = weights >= _LEAST_WEIGHT
    return torch.where(seen, (squares.clamp_min(0) / weights.clamp_min(_LEAST_WEIGHT)).sqrt().clamp_max(1), torch.nan)


def _organs(labels: NDArray[np.uint8], blended: NDArray[np.float64]) -> dict[int, Agreement]:
    squares, noise, weights = (np.bincount(labels, column, minlength=256) for column in blended.T)
    return {
        label: Agreement.of_sums(float(weights[label]), float(squares[label]), float(noise[label]))
        for label in np.unique(labels).tolist()
    }
