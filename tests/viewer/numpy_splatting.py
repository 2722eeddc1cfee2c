"""Splatting in plain numpy, float64, also orthographic and clipped: written to be read, for small pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from tomosplat.gaussians import GaussianScene, to_matrix
from tomosplat.geometry import Cameras
from tomosplat.render.projection import frustum_limits

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """The page's camera: ``rotation`` [3, 3] turns world into x right, y down, z forward."""

    position: Array
    rotation: Array
    focal: Array
    center: Array
    width: int
    height: int
    orthographic: bool = False

    @classmethod
    def of(cls, cameras: Cameras, orthographic: bool = False, focal: float | None = None) -> Camera:
        """The first of the cameras."""
        K = cameras.Ks[0]
        focals = K[[0, 1], [0, 1]] if focal is None else np.array([focal, focal])
        rotation = cameras.viewmats[0, :3, :3]
        return cls(cameras.positions[0], rotation, focals, K[:2, 2], cameras.width, cameras.height, orthographic)

    def to_page(self) -> dict[str, object]:
        """As web/src/render/camera.ts has it."""
        names = ("fx", "fy", "cx", "cy")
        return {
            "position": self.position.tolist(),
            "rotation": self.rotation.ravel().tolist(),
            **dict(zip(names, [*self.focal.tolist(), *self.center.tolist()], strict=True)),
            "width": self.width,
            "height": self.height,
            "orthographic": self.orthographic,
        }


@dataclass(frozen=True)
class Sliced:
    """Gaussians as one eye sees them: means [N, 3], opacities [N], colours [N, 3]."""

    means: Array
    opacities: Array
    colours: Array


def slice_scene(scene: GaussianScene, position: Array, forward: Array | None, directional: bool = True) -> Sliced:
    """Condition on the directions from ``position``, or all on ``forward``."""
    parts = {name: tensor.numpy() for name, tensor in scene.tensors().items()}
    means, opacities = parts["means"], parts["opacities"]
    if directional:
        x = _directions(means, position, forward) - parts["means_dir"]
        weights = np.einsum("ni,nij,nj->n", x, to_matrix(scene.precisions_dir).numpy(), x)
        opacities = opacities * np.exp(-scene.direction_weight * weights)
        means = means + np.einsum("nij,nj->ni", parts["gains"], x)
    v = _directions(means, position, forward)
    basis = np.sqrt(np.array([1, 3, 3, 3]) / (4 * np.pi)) * np.stack(
        [v[:, 0] ** 0, -v[:, 1], v[:, 2], -v[:, 0]], axis=1
    )
    colours = 0.5 + np.einsum("nk,nkc->nc", basis, parts["sh"])
    return Sliced(means, opacities, np.maximum(colours, 0))


def _directions(points: Array, position: Array, forward: Array | None) -> Array:
    if forward is not None:
        return np.broadcast_to(forward, points.shape)
    offsets = points - position
    directions: Array = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    return directions


@dataclass(frozen=True)
class Drawn:
    """A picture.

    Attributes:
        rgba: [H, W, 4], premultiplied.
        weights: [N, H, W], what each Gaussian (nearest first) adds to alpha.
        depths: [N, H, W], mean depth of each of them along each ray.
        order: [N], their indices.
    """

    rgba: Array
    weights: Array
    depths: Array
    order: NDArray[np.intp]


def draw(
    scene: GaussianScene,
    camera: Camera,
    planes: Array | None = None,
    directional: bool = True,
    pixels: Array | None = None,
) -> Drawn:
    """Blend the scene front to back, at all pixels or some [H, W, 2]; ``planes`` [P, 4] keep normal · p + offset >= 0.

    A clipped Gaussian keeps the share that lies on the kept part of the ray. Given a pixel, its depth is normal: mean
    and variance follow from the joint distribution of depth and pixel.
    """
    sliced = slice_scene(scene, camera.position, camera.rotation[2] if camera.orthographic else None, directional)
    local = (sliced.means - camera.position) @ camera.rotation.T
    order = np.argsort(local[:, 2], kind="stable")
    if not camera.orthographic:
        order = order[local[order, 2] >= 1]
    if pixels is None:
        pixels = pixel_centres(camera)
    enters, leaves = spans(camera, pixels, planes)
    covs = camera.rotation @ to_matrix(scene.covs).numpy() @ camera.rotation.T
    passing = np.ones(pixels.shape[:-1])
    rgb = np.zeros((*passing.shape, 3))
    weights, depths = [], []
    for i in order:
        J, at = _linearised(local[i], camera)
        joint = np.vstack([J, [0, 0, 1]]) @ covs[i] @ np.vstack([J, [0, 0, 1]]).T + np.diag([0.3, 0.3, 0])
        precision = np.linalg.inv(joint[:2, :2])
        d = pixels - at
        alpha = sliced.opacities[i] * np.exp(-0.5 * np.einsum("hwi,ij,hwj->hw", d, precision, d))
        depth = local[i, 2] + d @ (precision @ joint[:2, 2])
        if planes is not None:
            deviation = np.sqrt(joint[2, 2] - joint[2, :2] @ precision @ joint[:2, 2])
            share = norm.cdf((leaves - depth) / deviation) - norm.cdf((enters - depth) / deviation)
            alpha = alpha * np.maximum(share, 0)
        alpha = np.minimum(alpha, 0.99)
        weight = np.where((alpha > 1 / 255) & (passing > 1e-4), alpha, 0) * passing
        passing = passing - weight
        rgb += weight[..., None] * sliced.colours[i]
        weights.append(weight)
        depths.append(depth)
    return Drawn(np.dstack([rgb, 1 - passing]), np.array(weights), np.array(depths), order)


def pixel_centres(camera: Camera) -> Array:
    """[H, W, 2] px."""
    rows, columns = np.mgrid[: camera.height, : camera.width]
    centres: Array = np.stack([columns, rows], axis=-1) + 0.5
    return centres


def rays(camera: Camera, pixels: Array) -> tuple[Array, Array]:
    """Where the rays of pixels [..., 2] start and how they go on per mm of depth, in camera axes [..., 3]."""
    aside = (pixels - camera.center) / camera.focal
    zero, one = np.zeros_like(aside[..., :1]), np.ones_like(aside[..., :1])
    if camera.orthographic:
        return np.concatenate([aside, zero], axis=-1), np.concatenate([0 * aside, one], axis=-1)
    return np.zeros((*aside.shape[:-1], 3)), np.concatenate([aside, one], axis=-1)


def spans(camera: Camera, pixels: Array, planes: Array | None) -> tuple[Array, Array]:
    """Depths at which the rays of pixels enter and leave what the planes keep."""
    starts, steps = rays(camera, pixels)
    enters, leaves = np.full(pixels.shape[:-1], -np.inf), np.full(pixels.shape[:-1], np.inf)
    for *normal, offset in () if planes is None else planes:
        n = camera.rotation @ np.array(normal)
        here, slope = starts @ n + np.dot(normal, camera.position) + offset, steps @ n
        with np.errstate(divide="ignore"):
            crossing = -here / slope
        enters = np.where(slope > 0, np.maximum(enters, crossing), enters)
        leaves = np.where(slope < 0, np.minimum(leaves, crossing), leaves)
    return enters, leaves


def _linearised(p: Array, camera: Camera) -> tuple[Array, Array]:
    """The Jacobian of the image point [2, 3] in camera axes, and the image point."""
    if camera.orthographic:
        return np.hstack([np.diag(camera.focal), np.zeros((2, 1))]), camera.focal * p[:2] + camera.center
    limits = [
        frustum_limits(*args) for args in zip(camera.focal, camera.center, (camera.width, camera.height), strict=True)
    ]
    held = [np.clip(p[axis] / p[2], *limits[axis]) for axis in range(2)]
    J = np.hstack([np.eye(2), -np.array(held)[:, None]]) * camera.focal[:, None] / p[2]
    return J, camera.focal * p[:2] / p[2] + camera.center
