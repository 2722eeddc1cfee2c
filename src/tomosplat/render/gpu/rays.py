"""View rays in index space, one per lane: where they run, and which part of each lies in the scan.

The same intervals as the CPU's (``raymarching.rays``), so that pictures agree, jitter included.
"""

from __future__ import annotations

import triton
import triton.language as tl

#: Pixels across and down the part of the picture that a program draws with one warp, one ray in each lane.
WIDE = tl.constexpr(8)
TALL = tl.constexpr(4)
RAYS = tl.constexpr(32)
#: A ray that gains less than this many index units per mm runs along the slab.
_LEVEL = tl.constexpr(1e-12)
#: Share of a step that a leap over empty bricks stays short, against rounding.
_CAUTION = tl.constexpr(0.01)


@triton.jit
def pixels(tiles_x):
    """Column and row of each ray of this program."""
    tile, ray = tl.program_id(0), tl.arange(0, RAYS)
    return (tile % tiles_x) * WIDE + ray % WIDE, (tile // tiles_x) * TALL + ray // WIDE


@triton.jit
def begin_rays(view, n_planes, width, height, tiles_x, n_i, n_j, n_k, step, seed, JITTER: tl.constexpr):
    """Which rays of this program are in the picture, which pixels they have, and the rays (see ``rays_of``)."""
    column, row = pixels(tiles_x)
    inside = (column < width) & (row < height)
    ray = rays_of(view, n_planes, column, row, n_i, n_j, n_k, step, seed, JITTER)
    return inside, row.to(tl.int64) * width + column, ray


@triton.jit
def times(matrix, x, y):
    """Product of a 3x3 matrix in memory with (x, y, 1)."""
    return (
        tl.load(matrix) * x + tl.load(matrix + 1) * y + tl.load(matrix + 2),
        tl.load(matrix + 3) * x + tl.load(matrix + 4) * y + tl.load(matrix + 5),
        tl.load(matrix + 6) * x + tl.load(matrix + 7) * y + tl.load(matrix + 8),
    )


@triton.jit
def inverse_of(slope):
    """1/slope, finite."""
    level = tl.abs(slope) < _LEVEL
    return tl.where(level, 1 / _LEVEL, 1 / tl.where(level, 1.0, slope))


@triton.jit
def slab(near, far, at, inverse, n):
    """Cut near..far to where a coordinate that starts at ``at`` is within n voxels."""
    a, b = (-0.5 - at) * inverse, (n - 0.5 - at) * inverse
    return tl.maximum(near, tl.minimum(a, b)), tl.minimum(far, tl.maximum(a, b))


@triton.jit
def random(seed, x, y):
    """A number in (0, 1] that depends on nothing but its arguments (PCG hash; Jarzynski and Olano 2020)."""
    state = (x.to(tl.uint32) * 1597334677) ^ (y.to(tl.uint32) * 3812015801) ^ seed
    state = state * 747796405 + 2891336453
    word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737
    word = (word >> 22) ^ word
    return ((word >> 8).to(tl.float32) + 1) * (1 / 16777216)


@triton.jit
def rays_of(view, n_planes, column, row, n_i, n_j, n_k, step, seed, JITTER: tl.constexpr):
    """Rays of a view: 21 float64 (origin, to_world, to_index), then four for each clip plane.

    Returns start (index), direction (index per mm), unit direction in the world, length and distance from the camera
    to the start (mm), cosine of the angle with the camera's axis, and length of the first interval (mm).
    """
    x, y = column.to(tl.float64) + 0.5, row.to(tl.float64) + 0.5
    px, py, pz = tl.load(view), tl.load(view + 1), tl.load(view + 2)
    wx, wy, wz = times(view + 3, x, y)
    cosine = 1 / tl.sqrt(wx * wx + wy * wy + wz * wz)
    dx, dy, dz = times(view + 12, x, y)
    dx, dy, dz = dx * cosine, dy * cosine, dz * cosine
    near, far = slab(tl.zeros_like(dx), tl.zeros_like(dx) + float("inf"), px, inverse_of(dx), n_i)
    near, far = slab(near, far, py, inverse_of(dy), n_j)
    near, far = slab(near, far, pz, inverse_of(dz), n_k)
    plane = 0
    while plane < n_planes:
        at = view + 21 + 4 * plane
        a, b, c, d = tl.load(at), tl.load(at + 1), tl.load(at + 2), tl.load(at + 3)
        slope = a * dx + b * dy + c * dz
        height = tl.zeros_like(slope) + (a * px + b * py + c * pz - d)
        crossing = -height / tl.where(slope == 0, 1.0, slope)
        near = tl.where(slope > 0, tl.maximum(near, crossing), near)
        far = tl.where(slope < 0, tl.minimum(far, crossing), far)
        far = tl.where((slope == 0) & (height < 0), -1.0, far)
        plane += 1
    start = (
        (px + near * dx).to(tl.float32),
        (py + near * dy).to(tl.float32),
        (pz + near * dz).to(tl.float32),
    )
    first = tl.zeros_like(column).to(tl.float32) + step
    if JITTER:
        first *= random(seed, column, row)
    return (
        start,
        (dx.to(tl.float32), dy.to(tl.float32), dz.to(tl.float32)),
        ((wx * cosine).to(tl.float32), (wy * cosine).to(tl.float32), (wz * cosine).to(tl.float32)),
        tl.maximum(far - near, 0.0).to(tl.float32),
        near.to(tl.float32),
        cosine.to(tl.float32),
        first,
    )


@triton.jit
def interval(first, length, step, number):
    """Where interval ``number`` begins and ends, in mm."""
    return tl.maximum(first + (number - 1) * step, 0.0), tl.minimum(first + number * step, length)


@triton.jit
def on_axis(start, direction, s, n):
    """On one axis: lower voxel of the cell around a place, and how far the place is from there, 0..1."""
    position = tl.maximum(start + direction * s, 0.0)
    voxel = tl.minimum(position, n - 2.0).to(tl.int32)
    return voxel, tl.minimum(position - voxel, 1.0)


@triton.jit
def cell_on(start, direction, s, n_i, n_j, n_k):
    """The cell around a place on each ray: its lower voxel i, j, k, and how far the place is from there, 0..1."""
    i, fx = on_axis(start[0], direction[0], s, n_i)
    j, fy = on_axis(start[1], direction[1], s, n_j)
    k, fz = on_axis(start[2], direction[2], s, n_k)
    return i, j, k, fx, fy, fz


@triton.jit
def brick_of(cell, n_j, n_k, BRICK: tl.constexpr):
    """Index of the brick around each cell."""
    return ((cell[0] // BRICK) * tl.cdiv(n_j, BRICK) + cell[1] // BRICK) * tl.cdiv(n_k, BRICK) + cell[2] // BRICK


@triton.jit
def beyond(start, direction, voxel, reach, BRICK: tl.constexpr):
    """How far (mm) a ray goes before it leaves the bricks up to ``reach`` away on one axis."""
    inverse = inverse_of(direction)
    ahead = tl.where(inverse > 0, reach + 1, -reach)
    return ((voxel // BRICK + ahead) * BRICK - start) * inverse


@triton.jit
def next_interval(start, direction, length, first, step, number, cell, empty, BRICK: tl.constexpr):
    """The next interval, or, in an empty brick, the first whose middle is not surely within ``empty`` − 1 around it."""
    reach = empty - 1
    s = beyond(start[0], direction[0], cell[0], reach, BRICK)
    s = tl.minimum(s, beyond(start[1], direction[1], cell[1], reach, BRICK))
    s = tl.minimum(tl.minimum(s, beyond(start[2], direction[2], cell[2], reach, BRICK)), length + step)
    # Rounded up, by a conversion that truncates.
    over = ((s - first) / step + (1.5 - _CAUTION)).to(tl.int32)
    return tl.where(empty > 0, tl.maximum(number + 1, over), number + 1)
