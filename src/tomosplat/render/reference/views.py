"""All the pictures of one call, by the reference."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import UnitsError
from tomosplat.gaussians import GaussianScene, to_matrix
from tomosplat.geometry import Cameras
from tomosplat.render.constants import COVARIANCE_ROUNDING
from tomosplat.render.reference.rasterizer import rasterize_reference
from tomosplat.report import Progress


def render_views(
    scene: GaussianScene,
    cameras: Cameras,
    visible: NDArray[np.uint8],
    depth: bool,
    groups: NDArray[np.uint8],
    progress: Progress | None,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Images, depths and coverages (see ``rasterize``)."""
    scene = scene.to(torch.float64).select(torch.from_numpy(visible)[scene.labels.long()] > 0)
    _check_values(scene)
    size = cameras.height, cameras.width
    rgba, depths, coverages = [torch.zeros(0, *size, 4)], [torch.zeros(0, *size)], [torch.zeros(0, *size, len(groups))]
    members = torch.from_numpy(groups.astype(np.float64))
    for index in range(len(cameras)):
        viewmat, K = torch.from_numpy(cameras.viewmats[index]), torch.from_numpy(cameras.Ks[index])
        blended = rasterize_reference(scene, viewmat, K, cameras.width, cameras.height)
        rgba.append(blended.rgba[None].float())
        depths.append(blended.depth[None].float())
        belongs = members[:, scene.labels[blended.order].long()].T
        coverages.append((blended.weights @ belongs)[None].float())
        if progress:
            progress(index + 1, len(cameras))
    return torch.cat(rgba), torch.cat(depths) if depth else None, torch.cat(coverages) if len(groups) else None


def _check_values(scene: GaussianScene) -> None:
    for name, tensor in scene.tensors().items():
        if not bool(torch.isfinite(tensor).all()):
            raise UnitsError(f"scene.{name} holds NaN or infinite values; remove such Gaussians (scene.select)")
    if bool((scene.opacities < 0).any()):
        raise UnitsError("scene.opacities must not be negative; remove such Gaussians (scene.select)")
    variances = torch.linalg.eigvalsh(to_matrix(scene.covs.detach()))
    if bool((variances[:, 0] < -COVARIANCE_ROUNDING * variances[:, 2]).any()):
        raise UnitsError("scene.covs must be positive semi-definite; remove other Gaussians (scene.select)")
