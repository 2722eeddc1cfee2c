"""Ray marching in plain NumPy, float64, one interval of all rays after the other: slow, and written to be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tomosplat.geometry import Cameras, Grid
from tomosplat.render.raymarching.settings import RaymarchSettings, Shading
from tomosplat.transfer import TransferFunction, TransferFunctions, extinction_of_opacity
from tomosplat.volume import LabelMap, Volume

F64: TypeAlias = NDArray[np.float64]
#: Values that stand for all between the two ends of a pre-integrated interval.
_QUADRATURE = 400


@dataclass(frozen=True)
class Rays:
    """N view rays; positions are ``origin + t · directions`` for t in ``near``..``far``, in mm.

    Attributes:
        origin: [3] mm.
        directions: [N, 3], unit.
        near: [N] mm.
        far: [N] mm; not above ``near`` where a ray misses.
        cosines: [N], of the angles with the camera's axis.
    """

    origin: F64
    directions: F64
    near: F64
    far: F64
    cosines: F64


def view_rays(cameras: Cameras, number: int, grid: Grid, settings: RaymarchSettings) -> Rays:
    """The rays of one camera, row by row, cut to the grid's voxels and the clip planes."""
    columns, rows = np.meshgrid(np.arange(cameras.width) + 0.5, np.arange(cameras.height) + 0.5)
    pixels = np.stack([columns, rows, np.ones_like(columns)], axis=-1).reshape(-1, 3)
    local = pixels @ np.linalg.inv(cameras.Ks[number]).T
    lengths = np.linalg.norm(local, axis=1)
    directions = local / lengths[:, None] @ cameras.viewmats[number, :3, :3]
    origin = cameras.positions[number]
    inverse = np.linalg.inv(grid.affine[:3, :3])
    # Every half-space keeps normal · p >= distance.
    faces = [
        (sign * row, sign * (row @ grid.origin + end))
        for row, n in zip(inverse, grid.shape, strict=True)
        for sign, end in ((1, -0.5), (-1, n - 0.5))
    ]
    planes = [(np.array(p.normal, dtype=float), np.dot(p.normal, p.point)) for p in settings.clip]
    near, far = np.zeros(len(pixels)), np.full(len(pixels), np.inf)
    for normal, distance in (*faces, *planes):
        slope, height = directions @ normal, origin @ normal - distance
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = -height / slope
        near = np.where(slope > 0, np.maximum(near, crossing), near)
        far = np.where(slope < 0, np.minimum(far, crossing), far)
        far = np.where((slope == 0) & (height < 0), -1.0, far)
    return Rays(origin, directions, near, far, 1 / lengths)


def trilinear(array: F64, indices: F64) -> F64:
    """Interpolate [I, J, K, ...] at [N, 3]; beyond the outermost centres the outermost voxels go on."""
    last = np.array(array.shape[:3]) - 1
    inside = np.clip(indices, 0, last)
    low = np.minimum(inside.astype(int), np.maximum(last - 1, 0))
    fractions = inside - low
    result = np.zeros((len(indices), *array.shape[3:]))
    for corner in np.ndindex(2, 2, 2):
        at = np.minimum(low + corner, last)
        weight = np.where(corner, fractions, 1 - fractions).prod(axis=1)
        result += weight.reshape(-1, *[1] * (array.ndim - 3)) * array[at[:, 0], at[:, 1], at[:, 2]]
    return result


def voxel_gradients(volume: Volume) -> F64:
    """Central differences [I, J, K, 3] in world axes per mm, of a scan whose outermost voxels go on."""
    padded = np.pad(volume.values.astype(np.float64), 1, mode="edge")
    centre = (slice(1, -1),) * 3
    per_index = np.stack(
        [((np.roll(padded, -1, axis) - np.roll(padded, 1, axis)) / 2)[centre] for axis in range(3)], axis=-1
    )
    return per_index @ np.linalg.inv(volume.grid.affine[:3, :3])


def emission(function: TransferFunction, values: F64) -> F64:
    """σ·rgb and σ [N, 4] in 1/mm of values [N]."""
    rgba = function(values)
    sigma = extinction_of_opacity(rgba[:, 3:])
    return np.concatenate([rgba[:, :3] * sigma, sigma], axis=1)


def mean_emission(function: TransferFunction, front: F64, back: F64, step_mm: float) -> F64:
    """Pre-integrated σ·rgb and σ [N, 4] of all values between two ends, by quadrature (Engel et al. 2001, eq. 4, 5)."""
    total, transmittance = np.zeros((len(front), 4)), np.ones(len(front))
    for w in (np.arange(_QUADRATURE) + 0.5) / _QUADRATURE:
        part = emission(function, (1 - w) * front + w * back)
        kept = np.exp(-part[:, 3] * step_mm / _QUADRATURE)
        share = np.divide(transmittance * (1 - kept), part[:, 3], out=np.zeros_like(kept), where=part[:, 3] > 0)
        total += np.concatenate([share[:, None] * part[:, :3], part[:, 3:] / _QUADRATURE], axis=1)
        transmittance *= kept
    alpha = 1 - transmittance
    scale = np.divide(total[:, 3], alpha, out=np.zeros_like(alpha), where=alpha > 0)
    return np.concatenate([total[:, :3] * scale[:, None], total[:, 3:]], axis=1)


def lit(colours: F64, gradients: F64, directions: F64, shading: Shading, fade: float) -> F64:
    """Colours [N, 3] under the light (see :class:`Shading`)."""
    squared = (gradients**2).sum(axis=1)
    normals = gradients / np.sqrt(np.maximum(squared, 1e-30))[:, None]
    normals *= -np.sign((normals * directions).sum(axis=1))[:, None]
    to_light = -directions
    if shading.light is not None:
        to_light = np.broadcast_to(np.array(shading.light) / np.linalg.norm(shading.light), directions.shape)
    half = to_light - directions
    half = half / np.maximum(np.linalg.norm(half, axis=1), 1e-15)[:, None]
    diffuse = np.maximum((normals * to_light).sum(axis=1), 0)
    highlight = np.maximum((normals * half).sum(axis=1), 0) ** shading.shininess
    m = squared / np.maximum(squared + fade**2, 1e-30)
    shaded = colours * (1 + m * (shading.ambient + shading.diffuse * diffuse - 1))[:, None]
    result: F64 = np.minimum(shaded + (m * shading.specular * highlight)[:, None], 1)
    return result


def composite_reference(
    volume: Volume,
    labels: LabelMap,
    functions: TransferFunctions,
    group_of_label: NDArray[np.uint8],
    cameras: Cameras,
    number: int,
    settings: RaymarchSettings,
    fade: float,
) -> tuple[F64, F64]:
    """Picture [H, W, 4] and depth [H, W] of one camera, without jitter, skipping and early termination."""
    rays = view_rays(cameras, number, volume.grid, settings)
    values, gradients = volume.values.astype(np.float64), voxel_gradients(volume)
    groups = group_of_label[labels.values]
    if settings.visible is not None:
        groups = np.where(np.isin(labels.values, settings.visible), groups, 256)
    memberships = [(f, (groups == group).astype(np.float64)) for group, f in functions.functions.items()]
    transmittance, rgb, weighted = np.ones(len(rays.near)), np.zeros((len(rays.near), 3)), np.zeros(len(rays.near))
    for begin, end in _intervals(rays, settings.step_mm):
        middle = (begin + end) / 2
        place = _indices(rays, middle, volume.grid)
        if settings.classification == "post":
            classify = _post(trilinear(values, place))
        else:
            ends = [trilinear(values, _indices(rays, t, volume.grid)) for t in (begin, end)]
            classify = _preintegrated(ends, settings.step_mm)
        emitted = np.zeros((len(middle), 4))
        for function, membership in memberships:
            emitted += trilinear(membership, place)[:, None] * classify(function)
        sigma = emitted[:, 3]
        colours = emitted[:, :3] / np.maximum(sigma, 1e-30)[:, None]
        if settings.shading is not None:
            colours = lit(colours, trilinear(gradients, place), rays.directions, settings.shading, fade)
        kept = np.exp(-sigma * np.maximum(end - begin, 0))
        weight = transmittance * (1 - kept)
        rgb += weight[:, None] * colours
        weighted += weight * middle
        transmittance *= kept
    alpha = 1 - transmittance
    depth = np.where(alpha > 0, weighted / np.maximum(alpha, 1e-30), np.nan) * rays.cosines
    size = cameras.height, cameras.width
    return np.concatenate([rgb, alpha[:, None]], axis=1).reshape(*size, 4), depth.reshape(size)


def _intervals(rays: Rays, step_mm: float) -> Sequence[tuple[F64, F64]]:
    """Where interval 0, 1, ... of every ray begins and ends; rays that are over get empty ones."""
    n = int(np.ceil(np.maximum(rays.far - rays.near, 0).max() / step_mm))
    last = np.maximum(rays.near, rays.far)
    return [
        (np.minimum(rays.near + k * step_mm, last), np.minimum(rays.near + (k + 1) * step_mm, last)) for k in range(n)
    ]


def _indices(rays: Rays, t: F64, grid: Grid) -> F64:
    return grid.to_index(rays.origin + t[:, None] * rays.directions)


def _post(values: F64) -> Callable[[TransferFunction], F64]:
    return lambda function: emission(function, values)


def _preintegrated(ends: Sequence[F64], step_mm: float) -> Callable[[TransferFunction], F64]:
    return lambda function: mean_emission(function, ends[0], ends[1], step_mm)
