"""The same voxels in another order of index axes: exact, no interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomosplat.geometry import Grid

_INDEX_TOLERANCE = 1e-2


@dataclass(frozen=True)
class AxisOrder:
    """A permutation of index axes, some of them reversed.

    Attributes:
        axes: New axis n runs along old axis ``axes[n]``,
        reversed: backwards where ``reversed[n]``.
    """

    axes: tuple[int, int, int]
    reversed: tuple[bool, bool, bool]

    @classmethod
    def between(cls, old: Grid, new: Grid) -> AxisOrder | None:
        """Return the order that makes an array on ``old`` one on ``new``; None unless both have the same voxels."""
        step = np.linalg.inv(old.affine[:3, :3]) @ new.affine[:3, :3]
        axes = tuple(int(axis) for axis in np.abs(step).argmax(axis=0))
        if sorted(axes) != [0, 1, 2]:
            return None
        reverse = tuple(bool(step[axis, n] < 0) for n, axis in enumerate(axes))
        order = cls((axes[0], axes[1], axes[2]), (reverse[0], reverse[1], reverse[2]))
        tolerance_mm = _INDEX_TOLERANCE * float(new.spacing.min())
        return order if order.grid(old).matches(new, tolerance_mm) else None

    def grid(self, old: Grid) -> Grid:
        """Return the grid of the reordered array."""
        new_to_old = np.zeros((4, 4))
        new_to_old[3, 3] = 1
        for n, (axis, backwards) in enumerate(zip(self.axes, self.reversed, strict=True)):
            new_to_old[axis, n] = -1 if backwards else 1
            new_to_old[axis, 3] = old.shape[axis] - 1 if backwards else 0
        shape = old.shape[self.axes[0]], old.shape[self.axes[1]], old.shape[self.axes[2]]
        return Grid(shape, old.affine @ new_to_old)

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return ``values`` [I, J, K] in the new order, as a view."""
        return values.transpose(self.axes)[tuple(slice(None, None, -1 if back else 1) for back in self.reversed)]
