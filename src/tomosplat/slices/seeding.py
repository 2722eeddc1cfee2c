"""Where the Gaussians of a fit begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import EmptySceneError
from tomosplat.slices.fit_settings import SliceFitSettings
from tomosplat.slices.targets import SliceTarget

#: Values above this, of 0..1, are worth Gaussians; so are pixels this near to them.
_CONTENT, _REACH = 0.03, 2


@dataclass(frozen=True, eq=False)
class Seeds:
    """N Gaussians to begin with.

    Attributes:
        means: [N, 3] mm.
        covs: [N, 3, 3] mm².
        colours: [N, C].
        classes: [N] int64, the class of the pixel that each begins on; None where nothing is labelled.
    """

    means: Tensor
    covs: Tensor
    colours: Tensor
    classes: Tensor | None


def grid_seeds(targets: Sequence[SliceTarget], gaps: Sequence[float], settings: SliceFitSettings) -> Seeds:
    """A grid on every slice, where it or its neighbours show something; as bright as the pixels, as thick as the gaps.

    Args:
        targets: Given slices; those beside each other in the list are neighbours.
        gaps: How far each is from its neighbours, mm.
        settings: Pitch and sizes.

    Raises:
        EmptySceneError: No pixel of any slice is bright enough.
    """
    shown = [_content(target) for target in targets]
    near = [_with_neighbours(shown, i) for i in range(len(shown))]
    pixels = sum(int(picture.sum()) for picture in near)
    if pixels == 0:
        raise EmptySceneError(f"no pixel of the slices is brighter than {_CONTENT} of their range; is this the scan?")
    pitch = max(settings.pitch, (pixels / settings.most) ** 0.5)
    parts = [
        _on_slice(target, gap, content, pitch, settings)
        for target, gap, content in zip(targets, gaps, near, strict=True)
    ]
    means, covs, colours, classes = (torch.cat(part) for part in zip(*parts, strict=True))
    return Seeds(means, covs, colours, classes if any(t.semantic is not None for t in targets) else None)


def random_seeds(targets: Sequence[SliceTarget], settings: SliceFitSettings) -> Seeds:
    """Uniform in the box around all slices, round, of 0.02 of half its longest edge, as InnerGS has it."""
    corners = np.concatenate(
        [
            target.plane.pixel_centers()[::t_h, ::t_w].reshape(-1, 3)
            for target in targets
            for t_h, t_w in [(max(1, target.plane.height - 1), max(1, target.plane.width - 1))]
        ]
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    rng = np.random.default_rng(settings.seed)
    means = rng.uniform(low, high, (settings.most, 3))
    sigma = 0.02 * float((high - low).max()) / 2
    channels = targets[0].image.shape[2]
    return Seeds(
        torch.tensor(means, dtype=torch.float32),
        (sigma**2 * torch.eye(3)).expand(settings.most, 3, 3),
        torch.full((settings.most, channels), 0.8),
        None,
    )


def _content(target: SliceTarget) -> NDArray[np.bool_]:
    bright = (target.image.amax(dim=2) > _CONTENT).float()
    if target.semantic is not None and not target.semantic.is_floating_point():
        bright = torch.maximum(bright, (target.semantic > 0).float())
    size = 2 * _REACH + 1
    grown = torch.nn.functional.max_pool2d(bright[None, None], size, stride=1, padding=_REACH)[0, 0]
    content: NDArray[np.bool_] = (grown > 0).numpy()
    return content


def _with_neighbours(shown: Sequence[NDArray[np.bool_]], i: int) -> NDArray[np.bool_]:
    near = [shown[k] for k in (i - 1, i, i + 1) if 0 <= k < len(shown) and shown[k].shape == shown[i].shape]
    union: NDArray[np.bool_] = np.logical_or.reduce(near)
    return union


def _on_slice(
    target: SliceTarget, gap: float, content: NDArray[np.bool_], pitch: float, settings: SliceFitSettings
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    height, width = content.shape
    v, u = np.meshgrid(
        np.arange(pitch / 2 - 0.5, height, pitch), np.arange(pitch / 2 - 0.5, width, pitch), indexing="ij"
    )
    at_v = np.minimum(np.round(v).astype(int), height - 1)
    at_u = np.minimum(np.round(u).astype(int), width - 1)
    chosen = content[at_v, at_u]
    u, v, at_u, at_v = u[chosen], v[chosen], at_u[chosen], at_v[chosen]
    affine = target.plane.affine
    means = affine[:3, 3] + u[:, None] * affine[:3, 0] + v[:, None] * affine[:3, 1]
    half = np.column_stack([settings.sigma * pitch * affine[:3, :2], settings.sigma_across * gap * target.plane.normal])
    classes = torch.zeros(len(u), dtype=torch.int64)
    if target.semantic is not None and not target.semantic.is_floating_point():
        classes = target.semantic[at_v, at_u]
    return (
        torch.tensor(means, dtype=torch.float32),
        torch.tensor(half @ half.T, dtype=torch.float32).expand(len(u), 3, 3),
        target.image[at_v, at_u],
        classes,
    )
