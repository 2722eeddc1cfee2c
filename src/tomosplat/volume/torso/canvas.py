"""The picture being painted: HU and labels, later strokes over earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomosplat.volume.torso.field import Array, Lattice, Window


@dataclass(frozen=True)
class Canvas:
    """HU and labels on a lattice.

    Attributes:
        lattice: Where the samples are.
        hu: [I, J, K] float32.
        labels: [I, J, K] uint8.
    """

    lattice: Lattice
    hu: Array
    labels: NDArray[np.uint8]

    @classmethod
    def of_air(cls, lattice: Lattice) -> Canvas:
        """Return an empty room."""
        shape = (len(lattice.x), len(lattice.y), len(lattice.z))
        return cls(lattice, np.full(shape, -1000, np.float32), np.zeros(shape, np.uint8))

    def paint(
        self, window: Window, distance: Array, hu: float | Array, label: int, where: NDArray[np.bool_] | None = None
    ) -> None:
        """Fill the inside of a shape; ``hu`` is one value or one per sample of the window."""
        inside = distance < 0
        if where is not None:
            inside &= where
        self.labels[window.box][inside] = label
        self.hu[window.box][inside] = hu[inside] if isinstance(hu, np.ndarray) else np.float32(hu)


def bone(distance: Array, cortex: float = 750, marrow: float = 210, shell_mm: float = 2.2) -> Array:
    """HU of a bone by depth: a dense shell that fades into the marrow."""
    depth = np.clip(-distance / np.float32(shell_mm), 0, 1)
    return np.asarray(cortex + np.float32(marrow - cortex) * depth * depth * (3 - 2 * depth), np.float32)
