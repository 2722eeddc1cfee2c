"""Volumes drawn through tables of emission and absorption, over one feature of a voxel or two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from tomosplat.dvr.bricks import ALL, classified_bricks
from tomosplat.dvr.kernels import beams_of, pixel_parts, sampling_of
from tomosplat.dvr.lanes import new_lanes
from tomosplat.dvr.lookup_kernels import EMPTY, MIXED, SHOWN, Scan, Table, march_table, march_table_backward
from tomosplat.dvr.march import March
from tomosplat.dvr.rays import Rays
from tomosplat.errors import ShapeError, UnitsError
from tomosplat.render.cpu.layout import F32, U8
from tomosplat.render.raymarching.bricks import value_ranges
from tomosplat.threads import run


@dataclass(frozen=True, eq=False)
class Features:
    """One or two features of every voxel, each from 0 to 1 between the ends of a table.

    Attributes:
        values: [I, J, K] float32, the feature along a table's last axis; at least two voxels on each axis.
        others: The same, along its first axis, for tables of two features.
        shown: [I, J, K] bool: voxels that are not shown have neither emission nor absorption, whatever the table
            says; where they meet others, both are weighted by the trilinear share of what is shown. None shows all.

    Raises:
        ShapeError: The shapes disagree, or an axis has less than two voxels.
    """

    values: NDArray[np.float32]
    others: NDArray[np.float32] | None = None
    shown: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or min(self.values.shape) < 2:
            raise ShapeError(f"features need a volume of at least 2x2x2 voxels, got shape {self.values.shape}")
        for other in (self.others, self.shown):
            if other is not None and other.shape != self.values.shape:
                raise ShapeError(f"features have the shapes {self.values.shape} and {other.shape}; expected one")

    def scan(self, table: Table, visible: NDArray[np.bool_] | None) -> Scan:
        """What kernels need; ``visible`` entries of a table of one feature let bricks without any be skipped."""
        shown = self.shown.view(np.uint8).ravel() if self.shown is not None else np.empty(0, np.uint8)
        bricks = self._bricks
        if visible is not None:
            lowest, highest = (edge * (table.n_second - 1) for edge in self._ranges)
            filled = classified_bricks(lowest, highest, visible)
            bricks = bricks * filled if bricks.size else filled
        return Scan(*self._coordinates_in((table.n_first, table.n_second)), shown, bricks)

    def _coordinates_in(self, shape: tuple[int, ...]) -> tuple[F32, F32]:
        """Where every voxel stands in a table [G, M], flat: along the first axis (empty if G is 1) and the last."""
        if shape not in self._coordinates:
            scaled = [
                np.clip(feature * (n - 1), 0, n - 1, dtype=np.float32).ravel()
                for feature, n in ((self.others, shape[0]), (self.values, shape[1]))
                if feature is not None and n > 1
            ]
            self._coordinates.clear()
            self._coordinates[shape] = (scaled[0] if len(scaled) == 2 else np.empty(0, np.float32), scaled[-1])
        return self._coordinates[shape]

    @cached_property
    def _coordinates(self) -> dict[tuple[int, ...], tuple[F32, F32]]:
        return {}

    @cached_property
    def _bricks(self) -> U8:
        """EMPTY, SHOWN or MIXED for each brick; none if all are shown."""
        if self.shown is None:
            return ALL
        least, most = value_ranges(self.shown.astype(np.float32), (0, 0, 0))
        return np.where(most == 0, EMPTY, np.where(least == 1, SHOWN, MIXED)).astype(np.uint8).ravel()

    @cached_property
    def _ranges(self) -> tuple[F32, F32]:
        """Lowest and highest value in every brick."""
        return value_ranges(self.values, (0, 0, 0))


def render_table(features: Features, table: Tensor, rays: Rays, march: March) -> Tensor:
    """Pictures of a volume whose voxels' features a table classifies after interpolation (post-classification).

    Memory does not depend on the number of samples: the backward pass samples the rays again, front to back. Without a
    gradient, bricks in which a table of one feature has neither emission nor absorption are skipped.

    Args:
        features: See :class:`Features`.
        table: [M, 4] over ``values``, or [G, M, 4] over ``others`` and ``values``: emission (red, green, blue) and
            absorption κ per voxel edge, not negative, of features 0 to 1 at even distances; linear in between.
        rays: See :class:`Rays`.
        march: How the rays are sampled.

    Returns:
        [C, H, W, 4] float32: accumulated colours and opacity; differentiable once, in ``table``. The order of the sums
        does not depend on the number of threads.

    Raises:
        ShapeError: The table does not have such a shape, or not as many axes as there are features.
        UnitsError: The table is not finite, or absorption is negative.
    """
    n_features = 1 if features.others is None else 2
    if table.ndim != n_features + 1 or table.shape[-1] != 4 or min(table.shape[:-1]) < 2:
        raise ShapeError(
            f"a table of {n_features} features is [..., 4] with as many axes before, got {tuple(table.shape)}"
        )
    numbers = table.detach()
    if not bool(numbers.isfinite().all()) or float(numbers[..., 3].min()) < 0:
        raise UnitsError("a table must be finite and its absorption not negative")
    image: Tensor = _Lookup.apply(table, features, rays, march)  # type: ignore[no-untyped-call]
    return image


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, features: Features, rays: Rays, march: March) -> Tensor:
        entries = _table_of(table)
        beams, sampling = beams_of(rays), sampling_of(march, features.values.shape)
        visible = None
        if entries.n_first == 1 and not ctx.needs_input_grad[0]:
            visible = (table.detach().numpy() != 0).any(axis=-1)
        scan = features.scan(entries, visible)
        image = torch.zeros((*rays.lengths.shape, 4))
        common = (beams, sampling, scan, entries, image.numpy().reshape(-1))
        run(march_table, [(*part, *common, new_lanes()) for part in pixel_parts(rays)])
        ctx.save_for_backward(table, image)
        ctx.kept = beams, sampling, scan, entries, pixel_parts(rays)
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_image: Tensor) -> tuple[Tensor | None, ...]:
        table, image = ctx.saved_tensors
        beams, sampling, scan, entries, parts = ctx.kept
        gradients = np.zeros((len(parts), table.numel()), np.float32)
        common = (beams, sampling, scan, entries, image.numpy().reshape(-1), _flat(by_image))
        jobs = zip(parts, gradients, strict=True)
        run(march_table_backward, [(*part, *common, new_lanes(), gradient) for part, gradient in jobs])
        total = torch.from_numpy(gradients.sum(axis=0, dtype=np.float64)).to(table.dtype)
        return total.reshape(table.shape), None, None, None


def _table_of(table: Tensor) -> Table:
    n_first = table.shape[0] if table.ndim == 3 else 1
    return Table(_flat(table), n_first, table.shape[-2])


def _flat(tensor: Tensor) -> F32:
    flat: F32 = tensor.detach().float().contiguous().numpy().reshape(-1)
    return flat
