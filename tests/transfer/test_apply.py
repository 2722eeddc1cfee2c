import numpy as np
import pytest

from tomosplat.errors import LabelError, ShapeError, UnitsError
from tomosplat.geometry import Grid
from tomosplat.transfer import TransferFunction, TransferFunctions, apply_transfer
from tomosplat.volume import LabelMap, Volume

GROUPS = np.zeros(256, dtype=np.uint8)
GROUPS[[51, 116]] = [8, 7]  # heart, sternum


def scan(values, labels, unit="HU"):
    grid = Grid.axis_aligned((len(values), 1, 1), 1.5)
    shape = grid.shape
    volume = Volume(np.array(values, dtype=np.float32).reshape(shape), grid, unit)
    return volume, LabelMap(np.array(labels, dtype=np.uint8).reshape(shape), grid)


def test_each_voxel_gets_the_colour_and_extinction_of_its_group():
    volume, labels = scan([180, 400, 400, 5000], [116, 51, 0, 51])
    optical = apply_transfer(volume, labels, TransferFunctions.preset("seen"), GROUPS)
    # Skeleton at 180 HU: α 0.6; cardiovascular at 400: 0.7; background: 0; beyond the last point: 0.85.
    np.testing.assert_allclose(optical.extinction.ravel(), -np.log([0.4, 0.3, 1, 0.15]) / 1.5, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(optical.rgb[0, 0, 0] * 255, [255, 215, 140], rtol=1e-6)
    np.testing.assert_allclose(optical.rgb[1, 0, 0] * 255, [200, 90, 90], rtol=1e-6)
    assert optical.labels.ravel().tolist() == [116, 51, 0, 51]


def test_full_opacity_stays_finite():
    volume, labels = scan([400, 3000], [116, 116])
    optical = apply_transfer(volume, labels, TransferFunctions.preset("seen"), GROUPS)
    np.testing.assert_allclose(optical.extinction.ravel(), -np.log(0.001) / 1.5, rtol=1e-6)


def test_the_table_follows_the_function_to_half_a_unit():
    values = np.random.default_rng(0).uniform(-1200, 3200, 2000)
    volume, labels = scan(values, np.full(2000, 51))
    functions = TransferFunctions.preset("seen")
    optical = apply_transfer(volume, labels, functions, GROUPS)
    alpha = 1 - np.exp(-optical.extinction.ravel() * 1.5)
    np.testing.assert_allclose(alpha, functions.functions[8](values)[:, 3], atol=0.002 * 0.51)


def test_values_in_a_small_arbitrary_range_are_resolved():
    volume, labels = scan(np.linspace(0, 1, 50), np.full(50, 51), unit="arbitrary")
    ramp = TransferFunctions.uniform(TransferFunction([[0, 1, 1, 1, 0], [1, 1, 1, 1, 0.9]]), "ramp", "arbitrary")
    alpha = 1 - np.exp(-apply_transfer(volume, labels, ramp, GROUPS).extinction.ravel() * 1.5)
    np.testing.assert_allclose(alpha, np.linspace(0, 0.9, 50), atol=2e-4)


def test_a_volume_of_one_arbitrary_value_is_no_special_case():
    volume, labels = scan([3, 3], [51, 51], unit="arbitrary")
    ramp = TransferFunctions.uniform(TransferFunction([[0, 1, 1, 1, 0], [6, 1, 1, 1, 0.8]]), "ramp", "arbitrary")
    np.testing.assert_allclose(apply_transfer(volume, labels, ramp, GROUPS).extinction, -np.log(0.6) / 1.5, rtol=1e-5)


def test_one_imported_function_shows_all_organs_and_no_background():
    volume, labels = scan([100, 100, 100], [51, 116, 0])
    functions = TransferFunctions.uniform(TransferFunction([[100, 1, 0, 0, 0.5]]), "flat")
    optical = apply_transfer(volume, labels, functions, GROUPS)
    np.testing.assert_allclose(optical.extinction.ravel(), [np.log(2) / 1.5, np.log(2) / 1.5, 0], rtol=1e-6)


def test_organs_that_are_off_have_no_extinction_but_keep_their_label():
    volume, labels = scan([300, 300], [51, 116])
    optical = apply_transfer(volume, labels, TransferFunctions.preset("seen"), GROUPS, visible=[116])
    assert optical.extinction[0] == 0
    assert optical.extinction[1] > 0
    assert optical.labels.ravel().tolist() == [51, 116]


def test_labels_on_another_grid_are_refused():
    volume, labels = scan([0, 0], [51, 51])
    moved = LabelMap(labels.values, Grid.axis_aligned(labels.grid.shape, 1.5, (10, 0, 0)))
    with pytest.raises(LabelError, match="another grid"):
        apply_transfer(volume, moved, TransferFunctions.preset("seen"), GROUPS)


def test_values_that_are_not_in_the_functions_unit_are_refused():
    volume, labels = scan([0, 0], [51, 51], unit="arbitrary")
    with pytest.raises(UnitsError, match="HU"):
        apply_transfer(volume, labels, TransferFunctions.preset("seen"), GROUPS)


def test_a_short_group_table_is_refused():
    volume, labels = scan([0, 0], [51, 51])
    with pytest.raises(ShapeError, match="256"):
        apply_transfer(volume, labels, TransferFunctions.preset("seen"), GROUPS[:12])
