"""The benchmark's scene: a thick ellipsoidal shell with five organs inside, in the two forms that are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat.gaussians import GaussianScene, from_matrix
from tomosplat.geometry import SH_C0, Cameras, intrinsics, look_at, sphere_directions

_BODY = ((0, 0, 0), (56, 40, 60))
_ORGANS = (
    ((-22, 0, 10), (15, 20, 26)),
    ((22, 0, 10), (15, 20, 26)),
    ((0, 22, 0), (9, 9, 58)),
    ((5, -8, -28), (26, 18, 16)),
    ((0, -6, 12), (12, 12, 14)),
)


@dataclass(frozen=True)
class Splats:
    """Gaussians as 3DGS has them: float32, one colour from everywhere."""

    means: NDArray[np.float32]
    scales: NDArray[np.float32]
    quaternions: NDArray[np.float32]
    opacities: NDArray[np.float32]
    colours: NDArray[np.float32]


def make_splats(n: int, seed: int = 0) -> Splats:
    """About two Gaussians for each voxel of tissue in a 128³ grid, in the order of the grid, sizes 0.3 to 1.5 voxel."""
    rng = np.random.default_rng(seed)
    axis = np.arange(128) - 63.5
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    shell = _inside(points, *_BODY) & ~_inside(points, _BODY[0], tuple(0.84 * r for r in _BODY[1]))
    tissue = points[np.logical_or.reduce([shell, *(_inside(points, *organ) for organ in _ORGANS)])]
    chosen = tissue[np.sort(rng.permutation(len(tissue))[np.arange(n) % len(tissue)])]
    quaternions = rng.normal(size=(n, 4))
    return Splats(
        means=(chosen + rng.uniform(-0.5, 0.5, (n, 3))).astype(np.float32),
        scales=np.clip(np.exp(rng.normal(np.log(0.5), 0.4, (n, 3))), 0.3, 1.5).astype(np.float32),
        quaternions=(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).astype(np.float32),
        opacities=rng.uniform(0.05, 0.9, n).astype(np.float32),
        colours=rng.uniform(0, 1, (n, 3)).astype(np.float32),
    )


def _inside(points: NDArray[np.float64], center: tuple[float, ...], radii: tuple[float, ...]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (((points - np.array(center)) / np.array(radii)) ** 2).sum(axis=1) < 1
    return inside


def make_scene(splats: Splats, seed: int = 1) -> GaussianScene:
    """The same Gaussians in 6D, with a mild view dependence that hardly changes how many pixels they cover."""
    rng = np.random.default_rng(seed)
    n = len(splats.means)
    factors = torch.from_numpy(_rotations(splats.quaternions) * splats.scales[:, None, :])
    factors_dir = torch.from_numpy(rng.normal(size=(n, 3, 3)) * 0.1)
    directions = rng.normal(size=(n, 3))
    sh = rng.normal(size=(n, 4, 3)) * 0.05
    sh[:, 0] = (splats.colours - 0.5) / SH_C0
    return GaussianScene(
        means=torch.from_numpy(splats.means),
        means_dir=torch.from_numpy(directions / np.linalg.norm(directions, axis=1, keepdims=True)).float(),
        covs=from_matrix(factors @ factors.mT).float(),
        gains=torch.from_numpy(rng.normal(size=(n, 3, 3)) * 0.02).float(),
        precisions_dir=from_matrix(factors_dir @ factors_dir.mT).float(),
        opacities=torch.from_numpy(splats.opacities),
        sh=torch.from_numpy(sh).float(),
        labels=torch.ones(n, dtype=torch.uint8),
    )


def _rotations(quaternions: NDArray[np.float32]) -> NDArray[np.float64]:
    """Matrices [N, 3, 3] of unit quaternions (w, x, y, z)."""
    w, xyz = quaternions[:, :1].astype(np.float64), quaternions[:, 1:].astype(np.float64)
    cross = np.zeros((len(xyz), 3, 3))
    cross[:, (2, 0, 1), (1, 2, 0)] = xyz
    cross[:, (1, 2, 0), (2, 0, 1)] = -xyz
    scalar = (w**2 - (xyz**2).sum(axis=1, keepdims=True))[:, :, None]
    rotations: NDArray[np.float64] = (
        scalar * np.eye(3) + 2 * xyz[:, :, None] * xyz[:, None, :] + 2 * w[:, :, None] * cross
    )
    return rotations


def make_camera(size: int) -> Cameras:
    """One camera that frames the body."""
    position = 330 * sphere_directions(-55, 14)
    return Cameras(look_at(position, (0, 0, 0)), intrinsics(1, size, size, 22.4), size, size)
