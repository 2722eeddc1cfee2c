"""Small optical volumes."""

from collections.abc import Callable

import numpy as np
import pytest

from tomosplat.geometry import Grid
from tomosplat.volume.volume import OpticalVolume

MakeVolume = Callable[[np.ndarray], OpticalVolume]


@pytest.fixture(scope="session")
def make_volume() -> MakeVolume:
    """Return a maker of white volumes, 1.5 mm voxels centred on the world's origin, from extinctions [I, J, K]."""

    def make(extinction: np.ndarray) -> OpticalVolume:
        shape = extinction.shape
        origin = -(np.array(shape) - 1) / 2 * 1.5
        return OpticalVolume(
            extinction.astype(np.float32),
            np.ones((*shape, 3), np.float32),
            np.ones(shape, np.uint8),
            Grid.axis_aligned(shape, 1.5, origin),
        )

    return make
