"""Small optical volumes."""

from collections.abc import Callable

import numpy as np
import pytest

from tomosplat.geometry import Grid
from tomosplat.volume.volume import OpticalVolume

MakeVolume = Callable[..., OpticalVolume]


@pytest.fixture(scope="session")
def make_volume() -> MakeVolume:
    """Return a maker of volumes on 1.5 mm voxels from extinctions [I, J, K]; labels 1 and grey unless given."""

    def make(extinction: np.ndarray, labels: np.ndarray | None = None, rgb: np.ndarray | None = None) -> OpticalVolume:
        shape = extinction.shape
        return OpticalVolume(
            extinction.astype(np.float32),
            np.full((*shape, 3), 0.5, np.float32) if rgb is None else rgb.astype(np.float32),
            np.ones(shape, np.uint8) if labels is None else labels.astype(np.uint8),
            Grid.axis_aligned(shape, 1.5, (-30, 10, 100)),
        )

    return make
