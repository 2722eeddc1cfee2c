"""Slices on the GPU, and autograd around them: ellipses of Gaussians given a plane, ellipses blended into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.geometry import SlicePlane
from tomosplat.render.cpu.layout import I64
from tomosplat.render.gpu import layout
from tomosplat.render.gpu.binning import TileLists, check_room, list_tiles, sort_by_depth, tile_grid
from tomosplat.render.gpu.compositing import WARPS
from tomosplat.render.gpu.launching import launch
from tomosplat.render.gpu.slice_blending import blend as blend_tiles
from tomosplat.render.gpu.slice_blending import blend_backward, prepare, pull_back
from tomosplat.render.gpu.slice_conditioning import condition, condition_backward, find_shown
from tomosplat.render.slice_problems import ellipse_problem, gaussian_problem

#: Gaussians, or ellipses, that one program works on.
_BLOCK = 128
#: Channels that one program blends at most: with four, a tile's sums fill a quarter of the registers.
_CHANNELS = 4


def condition_gaussians(
    means: Tensor, covs: Tensor, opacities: Tensor, planes: Sequence[SlicePlane]
) -> tuple[Tensor, Tensor, I64]:
    """What 3D Gaussians show of themselves in each slice; differentiable. As ``cpu.slices.condition_gaussians``."""
    tensors = (means, covs, opacities)
    ellipses, indices, starts = _Condition.apply(  # type: ignore[no-untyped-call]
        tuple(planes), *(tensor.to(torch.float32).contiguous() for tensor in tensors)
    )
    return ellipses, indices, starts.numpy()


def blend(
    ellipses: Tensor, values: Tensor, starts: I64, sizes: Sequence[tuple[int, int]], in_order: bool
) -> list[Tensor]:
    """Pictures [K + 1, H, W] of each slice: sums of weight times value, and what covers the pixel; differentiable.

    As ``cpu.slices.blend``.
    """
    ellipses, values = ellipses.to(torch.float32).contiguous(), values.to(torch.float32).contiguous()
    pictures = []
    for size, (first, last) in zip(sizes, pairwise(starts.tolist()), strict=True):
        picture = _Blend.apply(size, in_order, first, ellipses[first:last], values[first:last])  # type: ignore[no-untyped-call]
        pictures.append(picture)
    return pictures


class _Condition(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: tuple[SlicePlane, ...], *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (means, covs, opacities), device, n = tensors, tensors[0].device, len(tensors[0])
        matrices = np.stack([plane.from_world for plane in planes]) if planes else np.empty((0, 3, 4))
        from_world = torch.from_numpy(matrices).to(device)
        sizes = torch.tensor([(plane.height, plane.width) for plane in planes], dtype=torch.int32, device=device)
        shown = torch.empty(len(planes), n, dtype=torch.uint8, device=device)
        bad = torch.full((1,), n, dtype=torch.int32, device=device)
        blocks = -(-n // _BLOCK)
        arrays = (from_world, sizes, *(tensor.detach() for tensor in tensors), shown, bad)
        launch(find_shown, len(planes) * blocks, *arrays, n, blocks, BLOCK=_BLOCK)
        if int(bad) < n:
            raise gaussian_problem(int(bad), means[int(bad)], covs[int(bad)], float(opacities[int(bad)]))
        slices, indices = shown.nonzero().to(torch.int32).unbind(dim=1)
        slices, indices = slices.contiguous(), indices.contiguous()
        ellipses = torch.empty(len(indices), 6, device=device)
        pairs = (from_world, slices, indices)
        launch(condition, -(-len(indices) // _BLOCK), *pairs, *arrays[2:5], ellipses, len(indices), BLOCK=_BLOCK)
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), shown.sum(dim=1, dtype=torch.int64).cumsum(0).cpu()])
        outputs = ellipses, indices.long(), starts
        ctx.mark_non_differentiable(*outputs[1:])
        ctx.save_for_backward(*tensors, *pairs)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_ellipses: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        *tensors, from_world, slices, indices = ctx.saved_tensors
        gradients = [torch.zeros_like(tensor) for tensor in tensors]
        arrays = (*(tensor.detach() for tensor in tensors), *gradients)
        pairs = (from_world, slices, indices, by_ellipses.contiguous())
        launch(condition_backward, -(-len(indices) // _BLOCK), *pairs, *arrays, len(indices), BLOCK=_BLOCK)
        return (None, *gradients)


@dataclass(frozen=True)
class _Slice:
    """What a picture leaves for its backward pass: records, lists of tiles, and how its programs divide it."""

    records: Tensor
    lists: TileLists
    programs: int
    numbers: tuple[int, ...]
    options: dict[str, Any]


class _Blend(torch.autograd.Function):
    """One picture of some ellipses, the first of which is ellipse ``first`` of the call."""

    @staticmethod
    def forward(
        ctx: Any, size: tuple[int, int], in_order: bool, first: int, ellipses: Tensor, values: Tensor
    ) -> Tensor:
        (height, width), channels = size, values.shape[1]
        records, lists = _bin(ellipses.detach(), first, size)
        part = min(_CHANNELS, triton.next_power_of_2(max(channels, 1)))
        parts = max(1, -(-channels // part))
        tiles_x, tiles_y = tile_grid(width, height)
        ctx.picture = picture = _Slice(
            records,
            lists,
            tiles_x * tiles_y * parts,
            (channels, parts, width, height, tiles_x),
            {"IN_ORDER": in_order, "PART": part, "num_warps": WARPS},
        )
        planes = torch.empty(channels + 1, height, width, device=values.device)
        arrays = (records, *lists, values.detach(), planes)
        launch(blend_tiles, picture.programs, *arrays, *picture.numbers, **picture.options)
        ctx.save_for_backward(ellipses, values, planes)
        return planes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_planes: Tensor) -> tuple[Tensor | None, ...]:
        ellipses, values, planes = ctx.saved_tensors
        picture: _Slice = ctx.picture
        m = len(ellipses)
        moments = torch.zeros(m, layout.MOMENTS.value, device=ellipses.device)
        by_ellipses, by_values = torch.empty_like(ellipses), torch.zeros_like(values)
        arrays = (picture.records, *picture.lists, values.detach(), planes.detach(), by_planes.contiguous())
        launch(blend_backward, picture.programs, *arrays, moments, by_values, *picture.numbers, **picture.options)
        launch(pull_back, -(-m // _BLOCK), ellipses.detach(), moments, by_ellipses, m, BLOCK=_BLOCK)
        return None, None, None, by_ellipses, by_values


def _bin(ellipses: Tensor, first: int, size: tuple[int, int]) -> tuple[Tensor, TileLists]:
    """Records of ellipses, and those of each tile in the order given."""
    m, device = len(ellipses), ellipses.device
    tiles = tile_grid(size[1], size[0])
    records = torch.empty(m, layout.RECORD.value, device=device)
    outlines = torch.empty(layout.N_OUTLINE, m, device=device)
    depths, tile_counts = torch.empty(m, device=device), torch.empty(m, dtype=torch.int32, device=device)
    bad = torch.full((1,), m, dtype=torch.int32, device=device)
    written = (records, outlines, depths, tile_counts, bad)
    launch(prepare, -(-m // _BLOCK), ellipses, *written, m, *tiles, BLOCK=_BLOCK)
    queue = sort_by_depth(depths, tile_counts)
    capacity, first_bad = torch.cat([queue.ends[-1:], bad]).tolist() if m else (0, 0)
    if first_bad < m:
        raise ellipse_problem(first + first_bad, ellipses[first_bad])
    check_room(capacity, device)
    return records, list_tiles(records, outlines, tile_counts, queue, capacity, *tiles, exact=True)
