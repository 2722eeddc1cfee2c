"""View rays in index space: where they run, and which part of each lies in the scan."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tomosplat.geometry import Cameras, Grid
from tomosplat.render.cpu.layout import F32, F64, Scalar, f32, uint
from tomosplat.render.raymarching.kernels import BRICK, INLINE
from tomosplat.render.raymarching.sampling import Cell, cell_at, four, lane
from tomosplat.render.raymarching.settings import RaymarchSettings

#: Share of a step that a leap over empty bricks stays short, against rounding.
_CAUTION = 0.01
#: A ray that gains less than this many index units per mm runs along the slab.
_LEVEL = 1e-12


class View(NamedTuple):
    """One camera: a pixel (x, y, 1) looks along ``to_world``·(x, y, 1), which has length 1 along the camera's axis."""

    origin: F64  # [3] index
    to_world: F64  # [3, 3] mm
    to_index: F64  # [3, 3]
    planes: F64  # [P, 4]: n · index >= d is kept
    shape: tuple[int, int, int]  # voxels
    step: Scalar  # mm
    jitter: bool
    seed: Scalar


def view_of(cameras: Cameras, number: int, grid: Grid, settings: RaymarchSettings) -> View:
    """The view of one camera on a grid."""
    rotation = cameras.viewmats[number, :3, :3]
    to_world = np.ascontiguousarray(rotation.T @ np.linalg.inv(cameras.Ks[number]))
    axes = grid.affine[:3, :3]
    normals = np.array([plane.normal for plane in settings.clip], dtype=np.float64).reshape(-1, 3)
    points = np.array([plane.point for plane in settings.clip], dtype=np.float64).reshape(-1, 3)
    distances = np.einsum("pc,pc->p", normals, points - grid.origin)
    return View(
        origin=grid.to_index(cameras.positions[number]),
        to_world=to_world,
        to_index=np.ascontiguousarray(np.linalg.solve(axes, to_world)),
        planes=np.concatenate([normals @ axes, distances[:, None]], axis=1),
        shape=grid.shape,
        step=f32(settings.step_mm),
        jitter=settings.jitter,
        seed=np.uint32((settings.seed * 0x9E3779B1 + number * 0x85EBCA6B) % 2**32),
    )


class Ray(NamedTuple):
    """The part of a view ray inside the scan; positions are ``start + s · direction`` for s in mm up to ``length``."""

    start: Any  # index, a vector of four
    direction: Any  # index per mm, a vector of four
    inverse: Any  # mm per index, huge where the direction has no such component
    world: Any  # unit vector in world axes
    length: Scalar  # mm, 0 where the ray misses
    near: Scalar  # mm along the ray from the camera to the start
    cosine: Scalar  # of the angle with the camera's axis
    first: Scalar  # mm, length of the first interval
    per_step: Scalar  # 1 / mm


@njit(**INLINE)
def _times(matrix: F64, x: float, y: float) -> Any:
    return (
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2],
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2],
        matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2],
    )


@njit(**INLINE)
def _keep(near: float, far: float, height: float, slope: float) -> Any:
    """Cut near..far to where height + t · slope >= 0."""
    if slope > 0:
        return max(near, -height / slope), far
    if slope < 0:
        return near, min(far, -height / slope)
    return near, far if height >= 0 else -1.0


@njit(**INLINE)
def _slab(near: float, far: float, at: float, inverse: float, n: int) -> Any:
    """Cut near..far to where a coordinate that starts at ``at`` is within n voxels."""
    a, b = (-0.5 - at) * inverse, (n - 0.5 - at) * inverse
    return max(near, min(a, b)), min(far, max(a, b))


@njit(**INLINE)
def _invert(slope: float) -> float:
    """1/slope, finite."""
    if abs(slope) < _LEVEL:
        return 1 / _LEVEL
    return 1 / slope


@njit(**INLINE)
def _random(seed: Scalar, x: int, y: int) -> Scalar:
    """A number in (0, 1] that depends on nothing but its arguments (PCG hash; Jarzynski and Olano 2020)."""
    state = np.uint32(seed) ^ (np.uint32(x) * np.uint32(1597334677)) ^ (np.uint32(y) * np.uint32(3812015801))
    state = np.uint32(state * np.uint32(747796405) + np.uint32(2891336453))
    word = np.uint32(((state >> ((state >> np.uint32(28)) + np.uint32(4))) ^ state) * np.uint32(277803737))
    word = np.uint32((word >> np.uint32(22)) ^ word)
    return (f32(word >> np.uint32(8)) + f32(1)) * f32(2**-24)


@njit(**INLINE)
def ray_of(view: View, column: int, row: int) -> Ray:
    """The ray of a pixel, in float64 until it has entered the scan."""
    x, y = column + 0.5, row + 0.5
    px, py, pz = view.origin[0], view.origin[1], view.origin[2]
    wx, wy, wz = _times(view.to_world, x, y)
    cosine = 1 / math.sqrt(wx * wx + wy * wy + wz * wz)
    dx, dy, dz = _times(view.to_index, x, y)
    dx, dy, dz = dx * cosine, dy * cosine, dz * cosine
    ix, iy, iz = _invert(dx), _invert(dy), _invert(dz)
    near, far = _slab(0.0, np.inf, px, ix, view.shape[0])
    near, far = _slab(near, far, py, iy, view.shape[1])
    near, far = _slab(near, far, pz, iz, view.shape[2])
    for p in range(view.planes.shape[0]):
        a, b, c, d = view.planes[p, 0], view.planes[p, 1], view.planes[p, 2], view.planes[p, 3]
        near, far = _keep(near, far, a * px + b * py + c * pz - d, a * dx + b * dy + c * dz)
    first = view.step
    if view.jitter:
        first *= _random(view.seed, column, row)
    return Ray(
        four(f32(px + near * dx), f32(py + near * dy), f32(pz + near * dz)),
        four(f32(dx), f32(dy), f32(dz)),
        (f32(ix), f32(iy), f32(iz)),
        (f32(wx * cosine), f32(wy * cosine), f32(wz * cosine)),
        f32(max(far - near, 0.0)),
        f32(near),
        f32(cosine),
        first,
        f32(1) / view.step,
    )


@njit(**INLINE)
def interval(ray: Ray, step: Scalar, number: int) -> Any:
    """Where an interval of a ray begins and ends, in mm."""
    begin, end = ray.first + f32(number - 1) * step, ray.first + f32(number) * step
    return max(begin, f32(0)), min(end, ray.length)


@njit(**INLINE)
def cell_of(ray: Ray, shape: tuple[int, int, int], s: Scalar) -> Scalar:
    """The cell around a place on a ray."""
    return cell_at(shape, ray.start + ray.direction * s)


@njit(**INLINE)
def brick_of(cell: Cell) -> Any:
    """Indices of the brick around a cell."""
    return uint(cell.i) // BRICK, uint(cell.j) // BRICK, uint(cell.k) // BRICK


@njit(**INLINE)
def _exit(at: Scalar, inverse: Scalar, brick: Scalar, reach: int) -> Scalar:
    """How far a ray goes before it leaves the bricks up to ``reach`` away on one axis."""
    ahead = reach + 1 if inverse > f32(0) else -reach
    return (f32((int(brick) + ahead) * int(BRICK)) - at) * inverse


@njit(**INLINE)
def leap(ray: Ray, step: Scalar, number: int, brick: Any, empty: int) -> Scalar:
    """Number of the first interval whose middle is not surely within ``empty`` − 1 bricks around an empty brick."""
    reach = int(empty) - 1
    s = _exit(lane(ray.start, 0), ray.inverse[0], brick[0], reach)
    s = min(s, _exit(lane(ray.start, 1), ray.inverse[1], brick[1], reach))
    s = min(s, _exit(lane(ray.start, 2), ray.inverse[2], brick[2], reach))
    s = min(s, ray.length + step)
    return max(number + 1, first_beyond(ray, s))


@njit(**INLINE)
def first_beyond(ray: Ray, s: Scalar) -> Scalar:
    """Number of the first interval whose middle is not surely before ``s``."""
    # Rounded up, by a conversion that truncates.
    return int((s - ray.first) * ray.per_step + f32(1.5 - _CAUTION))


@njit(**INLINE)
def part_between(ray: Ray, depths: F32) -> Any:
    """First interval and where to stop on a ray that meets what is visible only between two ``depths``."""
    per_depth = f32(1) / ray.cosine
    near = depths[0] * per_depth - ray.near
    # The middle of the first interval, which is shorter, does not follow the rule of the others.
    return first_beyond(ray, near) if near > ray.first else 0, min(depths[1] * per_depth - ray.near, ray.length)
