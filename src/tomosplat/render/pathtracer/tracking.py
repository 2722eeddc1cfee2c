"""Free flight and transmittance through the bricks.

Delta tracking (Woodcock 1965) and ratio tracking (Novák et al. 2014) against each brick's own majorant, brick by brick
(Amanatides and Woo 1987; Szirmay-Kalos et al. 2011).

Extinction between voxels is trilinear. At a tentative collision the kernels do not interpolate: they pick one of the
eight voxels with its trilinear weight. As acceptance is linear in extinction, collisions fall exactly as with the
interpolated value, for one memory access instead of eight; and as the voxel that was accepted is picked with its
weight times its extinction, its colour is the colour of premultiplied interpolation, so empty voxels never darken it.
"""

from __future__ import annotations

import math

from numba import njit

from tomosplat.render.pathtracer.bricks import BRICK, STRIDE
from tomosplat.render.pathtracer.kernels import INLINE, f32, u64
from tomosplat.render.pathtracer.rng import STEP, high_unit, mix
from tomosplat.render.pathtracer.vectors import add, dot, row

_ZERO, _ONE, _HALF = f32(0), f32(1), f32(0.5)
_BRICK = f32(BRICK)
#: Stands for 1 / 0: a ray along an axis never reaches the other axes' planes.
_FAR, _TINY = f32(1e30), f32(1e-20)
_BYTE, _LOW16 = u64(0xFF), u64(0xFFFF)
_S16, _S24, _S32 = u64(16), u64(24), u64(32)
_UNIT8, _UNIT8_HALF, _UNIT16 = f32(1 / 256), f32(0.5 / 256), f32(1 / 65536)
#: Transmittance below which ratio tracking plays roulette.
_FAINT = f32(0.1)


@njit(**INLINE)
def _inverse(d):  # type: ignore[no-untyped-def]
    return (
        _ONE / d[0] if abs(d[0]) > _TINY else _FAR,
        _ONE / d[1] if abs(d[1]) > _TINY else _FAR,
        _ONE / d[2] if abs(d[2]) > _TINY else _FAR,
    )


@njit(**INLINE)
def _between(low, high, p, inverse, t0, t1):  # type: ignore[no-untyped-def]
    """Shorten a span of a ray to what lies between two planes across an axis."""
    a, b = (low - p) * inverse, (high - p) * inverse
    return max(t0, min(a, b)), min(t1, max(a, b))


@njit(**INLINE)
def _span(top, planes, p, d, inverse, t_max):  # type: ignore[no-untyped-def]
    """Where a ray is inside the scan and on the kept side of every clip plane: (from, to), empty if to <= from."""
    t0, t1 = _between(_HALF, top[0], p[0], inverse[0], _ZERO, t_max)
    t0, t1 = _between(_HALF, top[1], p[1], inverse[1], t0, t1)
    t0, t1 = _between(_HALF, top[2], p[2], inverse[2], t0, t1)
    for n in range(planes.shape[0]):
        height, slope = dot(row(planes, n), p) - planes[n, 3], dot(row(planes, n), d)
        if abs(slope) < _TINY:
            t1 = t1 if height >= 0 else _ZERO
        elif slope > 0:
            t0 = max(t0, -height / slope)
        else:
            t1 = min(t1, -height / slope)
    return t0, t1


@njit(**INLINE)
def _enter(p, d, inverse, t, n):  # type: ignore[no-untyped-def]
    """Along one axis: first brick, which way to the next, mm to it from the ray's start, mm through a whole one."""
    brick = min(max(int((p + t * d) / _BRICK), 0), n - 1)
    forward = inverse > 0
    border = f32(brick + forward) * _BRICK
    return brick, 1 if forward else -1, (border - p) * inverse, abs(_BRICK * inverse)


@njit(**INLINE)
def _pick(word, x, y, z, start):  # type: ignore[no-untyped-def]
    """One of the eight voxels around a place in a brick, picked by three bytes of ``word`` with trilinear weight."""
    i = int(x + f32((word >> _S16) & _BYTE) * _UNIT8 + _UNIT8_HALF)
    j = int(y + f32((word >> _S24) & _BYTE) * _UNIT8 + _UNIT8_HALF)
    k = int(z + f32((word >> _S32) & _BYTE) * _UNIT8 + _UNIT8_HALF)
    # Rounding may put a place that lies on a brick's face just outside.
    i, j, k = min(max(i, 0), BRICK), min(max(j, 0), BRICK), min(max(k, 0), BRICK)
    return start + (i * STRIDE + j) * STRIDE + k


@njit(**INLINE)
def fly(medium, planes, p, d, t_max, ratio, counter):  # type: ignore[no-untyped-def]
    """Track a ray to its first collision (delta tracking) or through everything (ratio tracking).

    Args:
        medium: Bricks.
        planes: [P, 4] clip planes in voxels: what has n · q >= c is kept.
        p: Start, in voxels.
        d: Direction, in voxels per mm.
        t_max: Where to stop, mm.
        ratio: Whether to track transmittance instead of a collision.
        counter: Random counter.

    Returns:
        (t, cell, transmittance, counter): distance in mm and voxel of the collision, −1 if there is none.
    """
    passed = _ONE
    inverse = _inverse(d)
    t, t_end = _span(medium.top, planes, p, d, inverse, t_max)
    if not t < t_end:
        return _ZERO, -1, passed, counter
    majorants, starts, fractions = medium.majorants, medium.starts, medium.fractions
    ni, nj, nk = medium.n_bricks[0], medium.n_bricks[1], medium.n_bricks[2]
    bi, step_i, to_i, across_i = _enter(p[0], d[0], inverse[0], t, ni)
    bj, step_j, to_j, across_j = _enter(p[1], d[1], inverse[1], t, nj)
    bk, step_k, to_k, across_k = _enter(p[2], d[2], inverse[2], t, nk)
    counter += STEP
    # Optical depth, against majorants, to the next tentative collision.
    depth = -math.log(high_unit(mix(counter)))
    # No ray crosses more bricks than this, so rounding can never make it run for ever.
    for _ in range(ni + nj + nk):
        brick = (bi * nj + bj) * nk + bk
        majorant = majorants[brick]
        t_exit = min(min(to_i, to_j), min(to_k, t_end))
        if majorant > 0:
            local = p[0] - f32(bi) * _BRICK, p[1] - f32(bj) * _BRICK, p[2] - f32(bk) * _BRICK
            start, mean_free_path = starts[brick], _ONE / majorant
            while True:
                t_next = t + depth * mean_free_path
                if not t_next < t_exit:
                    depth -= (t_exit - t) * majorant
                    break
                t = t_next
                counter += STEP
                word = mix(counter)
                x, y, z = add(local, d, t)
                cell = _pick(word, x, y, z, start)
                if ratio:
                    passed *= _ONE - f32(fractions[cell]) * _UNIT16
                    if passed < _FAINT:
                        if f32(word & _LOW16) * _UNIT16 * _FAINT >= passed:
                            return t, cell, _ZERO, counter
                        passed = _FAINT
                elif (word & _LOW16) < fractions[cell]:
                    return t, cell, passed, counter
                depth = -math.log(high_unit(word))
        t = t_exit
        if t >= t_end:
            break
        if to_i <= to_j and to_i <= to_k:
            bi, to_i = bi + step_i, to_i + across_i
        elif to_j <= to_k:
            bj, to_j = bj + step_j, to_j + across_j
        else:
            bk, to_k = bk + step_k, to_k + across_k
        if not (0 <= bi < ni and 0 <= bj < nj and 0 <= bk < nk):
            break
    return _ZERO, -1, passed, counter
