"""The picture being painted: HU and labels, later strokes over earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.volume.torso import kernels
from tomosplat.volume.torso.field import Lattice, Window
from tomosplat.volume.torso.kernels import Array


@dataclass(frozen=True)
class Canvas:
    """HU and labels on a lattice.

    Attributes:
        lattice: Where the samples are.
        hu: [I, J, K] float32.
        labels: [I, J, K] uint8.
        voxel_mm: Edge of a voxel.
    """

    lattice: Lattice
    hu: Array
    labels: NDArray[np.uint8]
    voxel_mm: float

    @classmethod
    def of_air(cls, lattice: Lattice, voxel_mm: float) -> Canvas:
        """Return an empty room."""
        shape = (len(lattice.x), len(lattice.y), len(lattice.z))
        return cls(lattice, np.full(shape, -1000, np.float32), np.zeros(shape, np.uint8), voxel_mm)

    def paint(
        self, window: Window, distance: Array, hu: float | Array, label: int, where: NDArray[np.bool_] | None = None
    ) -> None:
        """Fill the inside of a shape; ``hu`` is one value or one per sample of the window.

        A label fills the samples inside; HU fills the share of each sample's voxel that lies inside, judged from
        the distance, so that surfaces come out smooth.
        """
        values = np.atleast_3d(np.asarray(hu, np.float32))
        allowed = np.ones((1, 1, 1), np.bool_) if where is None else np.ascontiguousarray(where)
        corner = np.array([part.start for part in window.box])
        shape = np.ascontiguousarray(distance, np.float32)
        kernels.fill(
            self.hu, self.labels, corner, shape, np.ascontiguousarray(values), allowed, np.uint8(label), self.voxel_mm
        )

    def free(self, window: Window, label: int) -> NDArray[np.bool_]:
        """Where nothing has a label yet, or has this one."""
        there = self.labels[window.box]
        return np.asarray((there == 0) | (there == label))

    def mix(self, window: Window, share: Array, hu: float, where: NDArray[np.bool_]) -> None:
        """Replace a share [I, J, K] of what is painted by ``hu``; labels stay."""
        touched = where & (share > 0)
        before = self.hu[window.box][touched]
        self.hu[window.box][touched] = before + share[touched] * (np.float32(hu) - before)


def bone(distance: Array, cortex: float = 750, marrow: float = 210, shell_mm: float = 2.2) -> Array:
    """HU of a bone by depth: a dense shell that fades into the marrow."""
    depth = np.clip(-distance / np.float32(shell_mm), 0, 1)
    return np.asarray(cortex + np.float32(marrow - cortex) * depth * depth * (3 - 2 * depth), np.float32)
