"""The picture being painted: HU and labels, later strokes over earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        touched = distance < np.float32(self.voxel_mm / 2)
        if where is not None:
            touched &= where
        depth = distance[touched]
        self.labels[window.box][touched & (distance < 0)] = label
        before = self.hu[window.box][touched]
        after = hu[touched] if isinstance(hu, np.ndarray) else np.float32(hu)
        share = np.clip(np.float32(0.5) - depth / np.float32(self.voxel_mm), 0, 1)
        self.hu[window.box][touched] = before + share * (after - before)

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
