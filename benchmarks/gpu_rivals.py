"""What the GPU's kernels are timed against, on the same scenes: gsplat, and plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from rasterize_torch import Tiles, composite, tiles_of
from tomosplat.gaussians import GaussianScene, to_matrix
from tomosplat.geometry import Cameras
from tomosplat.render.cpu.backend import best_lanes
from tomosplat.render.cpu.frame import Parameters, draw
from tomosplat.render.projection import camera_row

Run = Callable[[], object]


def load_gsplat() -> tuple[Any, str]:
    """Load gsplat's rasteriser, or None and why it cannot be had; this compiles its CUDA code if nothing did before."""
    try:
        import gsplat
        from gsplat.cuda._backend import _C

        if _C is None:
            return None, "gsplat found no CUDA toolkit to compile its kernels with"
    except Exception as error:  # it raises what its compiler raised
        return None, f"gsplat cannot be imported: {type(error).__name__}: {str(error).splitlines()[0]}"
    return gsplat.rasterization, gsplat.__version__


def gsplat_runs(rasterization: Any, scene: GaussianScene, cameras: Cameras, gradient: Tensor) -> tuple[Run, Run]:
    """A picture, and a picture with gradients, of the same Gaussians in 3D.

    It is spared the conditioning on direction, and draws what is left: means, covariances as it likes them best
    (quaternions and scales), opacities and harmonics of degree 1.
    """
    variances, axes = np.linalg.eigh(to_matrix(scene.covs).cpu().double().numpy())
    axes[:, :, 0] *= np.sign(np.linalg.det(axes))[:, None]
    quaternions = Rotation.from_matrix(axes).as_quat()[:, (3, 0, 1, 2)]
    scales = np.sqrt(np.maximum(variances, 0))
    leaves = [
        scene.means,
        torch.from_numpy(quaternions).float().cuda(),
        torch.from_numpy(scales).float().cuda(),
        scene.opacities,
        scene.sh,
    ]
    leaves = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    viewmats, Ks = (torch.from_numpy(m).float().cuda() for m in (cameras.viewmats, cameras.Ks))

    def picture() -> tuple[Tensor, Tensor]:
        rgb, alpha, _ = rasterization(
            *leaves, viewmats, Ks, cameras.width, cameras.height, sh_degree=1, packed=False, near_plane=1.0
        )
        return rgb, alpha

    def forward() -> object:
        with torch.no_grad():
            return picture()

    def both() -> object:
        rgb, alpha = picture()
        return torch.autograd.grad((torch.cat([rgb, alpha], dim=-1) * gradient).sum(), leaves)

    return forward, both


def torch_runs(scene: GaussianScene, cameras: Cameras, device: torch.device) -> tuple[Run, Run]:
    """Compositing in plain PyTorch, tile by tile, on lists that are made for it; gradients of the records only."""
    names = ("means", "means_dir", "covs", "gains", "precisions_dir", "opacities", "sh", "labels")
    parameters = Parameters(scene.direction_weight, *(getattr(scene, name).cpu().numpy() for name in names))
    picture = np.empty((cameras.height, cameras.width, 4), np.float32)
    frame = draw(parameters, np.ones(256, np.uint8), camera_row(cameras, 0), True, best_lanes(), picture)
    tiles = tiles_of(frame, cameras.width)
    tiles = Tiles(tiles.records.to(device), [t.to(device) for t in tiles.lists], [t.to(device) for t in tiles.pixels])

    def forward() -> None:
        with torch.no_grad():
            for indices, pixels in zip(tiles.lists, tiles.pixels, strict=True):
                composite(tiles.records[indices], pixels)

    def both() -> None:
        gradients = torch.zeros_like(tiles.records)
        for indices, pixels in zip(tiles.lists, tiles.pixels, strict=True):
            leaf = tiles.records[indices].requires_grad_()
            gradients.index_add_(0, indices, torch.autograd.grad(composite(leaf, pixels).sum(), leaf)[0])

    return forward, both
