"""Depth and coverage: a second walk over the lists of a finished picture, so that the picture itself pays nothing."""

from __future__ import annotations

import triton
import triton.language as tl

from tomosplat.render.gpu.compositing import (
    covered,
    fresh_transmittance,
    load_record,
    log2_alpha,
    pixel_columns_rows,
    place,
)
from tomosplat.render.gpu.layout import DEPTH, RECORD, TILE


@triton.jit
def collect_depth(records, starts, gaussians, n_blended, depth, width, height, tiles_x):
    """Write depth [H, W] of a tile: mean by weight, NaN where nothing was hit."""
    tile = tl.program_id(0)
    left, top, x, y = place(tile, tiles_x)
    columns, rows = pixel_columns_rows(left, top)
    transmittance = fresh_transmittance(left, top, width, height)
    total = tl.zeros((TILE, TILE), tl.float32)
    weighted = tl.zeros((TILE, TILE), tl.float32)
    k = tl.load(starts + tile)
    end = k + tl.load(n_blended + tile)
    while k < end:
        gaussian = tl.load(gaussians + k)
        _, _, log_alpha = log2_alpha(load_record(records, gaussian), left, top, x, y)
        drawn, alpha = covered(log_alpha, transmittance)
        weight = tl.where(drawn, alpha * transmittance, 0.0)
        transmittance -= weight
        total += weight
        weighted += weight * tl.load(records + gaussian * RECORD + DEPTH)
        k += 1
    mean = tl.where(total > 0, weighted / tl.where(total > 0, total, 1.0), float("nan"))
    inside = (columns < width) & (rows < height)
    tl.store(depth + rows.to(tl.int64) * width + columns, mean, mask=inside)


@triton.jit
def collect_coverage(
    records,
    starts,
    gaussians,
    n_blended,
    labels,
    groups,
    coverage,
    n_groups,
    width,
    height,
    tiles_x,
    PART: tl.constexpr,
):
    """Write PART groups of coverage [H, W, L] of a tile; ``groups`` [L, 256] tells who belongs."""
    tile = tl.program_id(0) // tl.cdiv(n_groups, PART)
    group = (tl.program_id(0) % tl.cdiv(n_groups, PART)) * PART + tl.arange(0, PART)
    left, top, x, y = place(tile, tiles_x)
    columns, rows = pixel_columns_rows(left, top)
    transmittance = fresh_transmittance(left, top, width, height)
    total = tl.zeros((TILE, TILE, PART), tl.float32)
    k = tl.load(starts + tile)
    end = k + tl.load(n_blended + tile)
    while k < end:
        gaussian = tl.load(gaussians + k)
        _, _, log_alpha = log2_alpha(load_record(records, gaussian), left, top, x, y)
        drawn, alpha = covered(log_alpha, transmittance)
        weight = tl.where(drawn, alpha * transmittance, 0.0)
        transmittance -= weight
        label = tl.load(labels + gaussian).to(tl.int32)
        member = tl.load(groups + group * 256 + label, mask=group < n_groups, other=0).to(tl.float32)
        total += weight[:, :, None] * member[None, None, :]
        k += 1
    inside = ((columns < width) & (rows < height))[:, :, None] & (group < n_groups)[None, None, :]
    pixel = (rows.to(tl.int64) * width + columns)[:, :, None] * n_groups
    tl.store(coverage + pixel + group[None, None, :], total, mask=inside)
