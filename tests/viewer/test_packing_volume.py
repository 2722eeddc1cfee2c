"""Volume blobs against the voxels they were made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tomosplat.errors import InputError, LabelError
from tomosplat.geometry import Grid
from tomosplat.viewer.packing import pack_volume, unpack_volume
from tomosplat.volume import LabelMap, Unit, Volume


def scan(low: float, high: float, unit: Unit, shape: tuple[int, int, int] = (7, 5, 9)) -> tuple[Volume, LabelMap]:
    rng = np.random.default_rng(0)
    grid = Grid.axis_aligned(shape, 1.5, (-10, 20, 30))
    values = rng.uniform(low, high, shape).astype(np.float32)
    values[0, 0, 0], values[-1, -1, -1] = low, high
    return Volume(values, grid, unit), LabelMap(rng.integers(0, 118, shape).astype(np.uint8), grid)


@pytest.mark.parametrize(
    ("low", "high", "unit", "step"),
    [
        (-1024, 3071.4, "HU", 1),
        (-1024, 150_000, "HU", 151_024 / 65535),
        (0.2, 0.9, "arbitrary", 0.7 / 4095),
        (5, 5, "arbitrary", 1),
    ],
)
def test_values_come_out_within_half_a_step(low: float, high: float, unit: Unit, step: float) -> None:
    volume, labels = scan(low, high, unit)
    blob = pack_volume(volume, labels)
    values, ids = unpack_volume(blob)
    assert blob.header["value_scale"] == pytest.approx(step)
    assert blob.header["unit"] == unit
    np.testing.assert_allclose(values, volume.values, atol=step * 0.51)
    np.testing.assert_array_equal(ids, labels.values)
    np.testing.assert_array_equal(blob.header["affine"], volume.grid.affine)


def test_arrays_in_any_order_of_memory_are_packed_alike() -> None:
    volume, labels = scan(-1000, 1000, "HU")
    turned = replace(volume, values=np.asfortranarray(volume.values))
    expected = pack_volume(volume, labels).to_bytes()
    assert pack_volume(turned, replace(labels, values=np.asfortranarray(labels.values))).to_bytes() == expected


def test_large_grids_become_coarser_and_stay_in_place() -> None:
    shape = (64, 64, 64)
    volume, labels = scan(-1000, 1000, "HU", shape)
    index = np.indices(shape)
    ramp = replace(volume, values=(index[0] * 4).astype(np.float32))
    blob = pack_volume(ramp, labels, max_voxels=40_000)
    values, ids = unpack_volume(blob)
    assert ids.size == values.size <= 40_000
    assert values.size > 20_000
    centers = Grid(values.shape, np.array(blob.header["affine"])).to_world(np.array([[5, 5, 5], [20, 9, 3]]))
    expected = volume.grid.to_index(centers)[:, 0] * 4
    np.testing.assert_allclose(values[[5, 20], [5, 9], [5, 3]], expected, atol=2)


def test_labels_of_another_grid_and_absurd_limits_are_refused() -> None:
    volume, labels = scan(0, 1, "HU")
    with pytest.raises(LabelError):
        pack_volume(volume, replace(labels, grid=Grid.axis_aligned((7, 5, 9), 1.4)))
    with pytest.raises(InputError, match="max_voxels"):
        pack_volume(volume, labels, max_voxels=10)
