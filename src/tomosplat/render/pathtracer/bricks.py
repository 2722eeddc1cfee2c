"""Kernels that cut a volume into bricks and bound what each holds."""

from __future__ import annotations

from numba import njit

from tomosplat.render.pathtracer.kernels import ENTRY, INLINE, f32

#: Voxels along the edge of a brick, and of what it stores: interpolation reaches one voxel further.
BRICK = 8
STRIDE = BRICK + 1
BRICK_VOXELS = STRIDE**3

_FULL, _ROUND, _LARGEST = f32(65536), f32(0.5), f32(65535)


@njit(**INLINE)
def _index(brick, offset, n):  # type: ignore[no-untyped-def]
    """Index of a brick's voxel; beyond the scan's faces its outermost voxels go on."""
    return min(max(brick * BRICK + offset - 1, 0), n - 1)


@njit(**ENTRY)
def brick_maxima(extinction, maxima):  # type: ignore[no-untyped-def]
    """Largest extinction among the voxels that trilinear interpolation uses in each brick, into ``maxima``."""
    ni, nj, nk = extinction.shape
    for bi in range(maxima.shape[0]):
        for bj in range(maxima.shape[1]):
            for bk in range(maxima.shape[2]):
                largest = f32(0)
                for a in range(STRIDE):
                    for b in range(STRIDE):
                        row = extinction[_index(bi, a, ni), _index(bj, b, nj)]
                        for c in range(STRIDE):
                            largest = max(largest, row[_index(bk, c, nk)])
                maxima[bi, bj, bk] = largest


@njit(**ENTRY)
def fill_bricks(extinction, rgb, majorants, starts, albedo_table, fractions, albedos):  # type: ignore[no-untyped-def]
    """Write every filled brick's fractions of its majorant, and its albedos."""
    ni, nj, nk = extinction.shape
    scale = f32(albedo_table.size - 1)
    for bi in range(majorants.shape[0]):
        for bj in range(majorants.shape[1]):
            for bk in range(majorants.shape[2]):
                majorant = majorants[bi, bj, bk]
                if majorant == 0:
                    continue
                to = starts[bi, bj, bk]
                for a in range(STRIDE):
                    i = _index(bi, a, ni)
                    for b in range(STRIDE):
                        j = _index(bj, b, nj)
                        for c in range(STRIDE):
                            k = _index(bk, c, nk)
                            fractions[to] = min(extinction[i, j, k] / majorant * _FULL + _ROUND, _LARGEST)
                            for channel in range(3):
                                place = rgb[i, j, k, channel] * scale
                                low = min(int(place), albedo_table.size - 2)
                                below, above = albedo_table[low], albedo_table[low + 1]
                                albedos[to, channel] = below + (place - f32(low)) * (above - below) + _ROUND
                            to += 1
