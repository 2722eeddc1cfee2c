"""Slices on the CPU, and autograd around them: ellipses of Gaussians given a plane, ellipses blended into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.geometry import SlicePlane
from tomosplat.render.cpu.layout import F32, I64, RECORD
from tomosplat.render.cpu.slice_blending import (
    LANE_NUMBERS,
    LANES,
    MOMENTS,
    add,
    add_backward,
    composite,
    composite_backward,
    prepare,
    pull_back,
)
from tomosplat.render.cpu.slice_conditioning import condition, condition_backward
from tomosplat.render.slice_problems import ellipse_problem, gaussian_problem
from tomosplat.threads import n_threads, run, split


@dataclass(frozen=True)
class _Layout:
    """Where the pictures of S slices lie in a flat plane; see ``slice_blending``.

    Attributes:
        sizes: [S] rows and columns.
        starts: [S + 1], slice i has the ellipses starts[i]..starts[i + 1].
        in_order: Blend ellipses over one another instead of adding them.
    """

    sizes: tuple[tuple[int, int], ...]
    starts: I64
    in_order: bool

    @property
    def strides(self) -> list[int]:
        """Length of the rows of each picture."""
        return [(width // LANES + 2) * LANES for _, width in self.sizes]

    @property
    def bases(self) -> list[int]:
        """Where each picture begins, and the length of all."""
        ends = np.cumsum([0, *(h * s for (h, _), s in zip(self.sizes, self.strides, strict=True))])
        return [int(end) for end in ends]

    def pictures(self, planes: Tensor) -> list[Tensor]:
        """[K + 1, H, W] of each slice, views of planes [K + 1, length]."""
        bases, strides = self.bases, self.strides
        return [
            planes[:, bases[i] : bases[i + 1]].unflatten(1, (height, strides[i]))[:, :, :width]
            for i, (height, width) in enumerate(self.sizes)
        ]

    def bands(self) -> list[tuple[int, int, int]]:
        """Slice, first row and one past the last, such that every thread has work."""
        parts = max(1, -(-2 * n_threads() // max(1, len(self.sizes))))
        return [(i, a, b) for i, (height, _) in enumerate(self.sizes) for a, b in split(height, parts)]


def condition_gaussians(
    means: Tensor, covs: Tensor, opacities: Tensor, planes: Sequence[SlicePlane]
) -> tuple[Tensor, Tensor, I64]:
    """What 3D Gaussians show of themselves in each slice; differentiable.

    Returns:
        Ellipses [M, 6] float32 (centre u, v; covariance uu, uv, vv; weight), the Gaussian [M] of each, ascending within
        a slice, and the starts [S + 1] of the slices.

    Raises:
        UnitsError: A Gaussian is not finite, or has a negative opacity or a covariance that is not positive definite.
    """
    tensors = (means, covs, opacities)
    ellipses, indices, starts = _Condition.apply(  # type: ignore[no-untyped-call]
        tuple(planes), *(tensor.to(torch.float32).contiguous() for tensor in tensors)
    )
    return ellipses, indices, starts.numpy()


def blend(
    ellipses: Tensor, values: Tensor, starts: I64, sizes: Sequence[tuple[int, int]], in_order: bool
) -> list[Tensor]:
    """Pictures [K + 1, H, W] of each slice: sums of weight times value, and what covers the pixel; differentiable.

    Slice i, of ``sizes`` [S] rows and columns, has the ellipses starts[i]..starts[i + 1], blended over one another, or
    added.

    Raises:
        UnitsError: An ellipse is not finite, or has a negative weight or a covariance that is not positive definite.
    """
    layout = _Layout(tuple(sizes), starts, in_order)
    planes = _Blend.apply(  # type: ignore[no-untyped-call]
        layout, ellipses.to(torch.float32).contiguous(), values.to(torch.float32).contiguous()
    )
    return layout.pictures(planes)


class _Condition(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: tuple[SlicePlane, ...], *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        arrays = [tensor.detach().numpy() for tensor in tensors]
        n = len(arrays[0])
        indices, ellipses, starts = [], [], [0]
        for plane in planes:
            found, drawn = np.empty(n, np.int64), np.empty((n, 6), np.float32)
            ranges = split(n, n_threads())
            rest = (plane.from_world, plane.height, plane.width, *arrays, found, drawn)
            for (first, _), (count, bad) in zip(
                ranges, run(condition, [(a, b, *rest) for a, b in ranges]), strict=True
            ):
                if bad >= 0:
                    raise gaussian_problem(bad, *(array[bad] for array in arrays))
                indices.append(found[first : first + count])
                ellipses.append(drawn[first : first + count])
            starts.append(sum(map(len, indices)))
        ctx.from_world = np.stack([plane.from_world for plane in planes]) if planes else np.empty((0, 3, 4))
        outputs = (
            torch.from_numpy(np.concatenate(ellipses)) if ellipses else torch.empty(0, 6),
            torch.from_numpy(np.concatenate(indices)) if indices else torch.empty(0, dtype=torch.int64),
            torch.tensor(starts),
        )
        ctx.mark_non_differentiable(*outputs[1:])
        ctx.save_for_backward(*tensors, *outputs[1:])
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_ellipses: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        *tensors, indices, starts = ctx.saved_tensors
        arrays = [tensor.detach().numpy() for tensor in tensors]
        gradients = [torch.zeros_like(tensor) for tensor in tensors]
        rest = (
            ctx.from_world,
            starts.numpy(),
            indices.numpy(),
            by_ellipses.contiguous().numpy(),
            *arrays,
            *(gradient.numpy() for gradient in gradients),
        )
        run(condition_backward, [(a, b, *rest) for a, b in split(len(arrays[0]), 4 * n_threads())])
        return (None, *gradients)


class _Blend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, layout: _Layout, ellipses: Tensor, values: Tensor) -> Tensor:
        drawn = ellipses.detach().numpy()
        records = np.empty(len(drawn) * int(RECORD), np.float32)
        for bad in run(prepare, [(a, b, drawn, records) for a, b in split(len(drawn), n_threads())]):
            if bad >= 0:
                raise ellipse_problem(bad, drawn[bad])
        channels, bases, strides = values.shape[1], layout.bases, layout.strides
        planes = torch.zeros(channels + 1, bases[-1])
        jobs = []
        for i, first_row, last_row in layout.bands():
            which = (first_row, last_row, int(layout.starts[i]), int(layout.starts[i + 1]))
            where = (bases[i], strides[i], layout.sizes[i][1], LANE_NUMBERS)
            jobs.append((*which, *where, records, values.detach().numpy(), planes.numpy().ravel(), bases[-1]))
        run(composite if layout.in_order else add, jobs)
        ctx.layout, ctx.records = layout, records
        ctx.save_for_backward(ellipses, values, planes)
        return planes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_planes: Tensor) -> tuple[Tensor | None, ...]:
        ellipses, values, planes = ctx.saved_tensors
        layout: _Layout = ctx.layout
        slopes = by_planes.contiguous().numpy().ravel()
        pull = _composite_backward if layout.in_order else _add_backward
        moments, by_values = pull(layout, ctx.records, values.detach().numpy(), planes.numpy().ravel(), slopes)
        gradients = torch.empty_like(ellipses)
        rest = (ellipses.detach().numpy(), moments, gradients.numpy())
        run(pull_back, [(a, b, *rest) for a, b in split(len(moments), n_threads())])
        return None, gradients, torch.from_numpy(by_values)


def _add_backward(layout: _Layout, records: F32, values: F32, planes: F32, slopes: F32) -> tuple[F32, F32]:
    """Each ellipse gathers from its pixels on its own."""
    bases, strides = layout.bases, layout.strides
    moments, by_values = np.empty((len(values), MOMENTS), np.float32), np.empty_like(values)
    jobs = []
    for i, (height, width) in enumerate(layout.sizes):
        begin, end = int(layout.starts[i]), int(layout.starts[i + 1])
        rest = (
            bases[i],
            strides[i],
            height,
            width,
            LANE_NUMBERS,
            records,
            values,
            slopes,
            bases[-1],
            moments,
            by_values,
        )
        jobs += [(begin + a, begin + b, *rest) for a, b in split(end - begin, 2 * n_threads())]
    run(add_backward, jobs)
    return moments, by_values


def _composite_backward(layout: _Layout, records: F32, values: F32, planes: F32, slopes: F32) -> tuple[F32, F32]:
    """Bands of rows are walked in order; each sums into arrays of its own, which are added in the bands' order."""
    bases, strides = layout.bases, layout.strides
    scratch = np.zeros(2 * bases[-1], np.float32)
    jobs, sums = [], []
    for i, first_row, last_row in layout.bands():
        begin, end = int(layout.starts[i]), int(layout.starts[i + 1])
        own = np.zeros((end - begin, MOMENTS), np.float32), np.zeros((end - begin, values.shape[1]), np.float32)
        sums.append((begin, end, own))
        rows = (first_row, last_row, 0, end - begin, bases[i], strides[i], layout.sizes[i][1], LANE_NUMBERS)
        mine = records[begin * int(RECORD) : end * int(RECORD)], values[begin:end]
        jobs.append((*rows, *mine, planes, slopes, bases[-1], scratch, *own))
    run(composite_backward, jobs)
    moments, by_values = np.zeros((len(values), MOMENTS), np.float32), np.zeros_like(values)
    for begin, end, (own_moments, own_values) in sums:
        moments[begin:end] += own_moments
        by_values[begin:end] += own_values
    return moments, by_values
