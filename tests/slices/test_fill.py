"""The default method on bodies that are known, and the pieces that it is made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.slices.bodies import leaning, leaning_stack

from tomosplat.errors import ShapeError
from tomosplat.networks import LineNetwork
from tomosplat.report import Report
from tomosplat.slices import fill as filling
from tomosplat.slices.fill import fill
from tomosplat.slices.interpolation import linear
from tomosplat.slices.line_learning import Gap, four_around, residuals, teach

STACK = leaning_stack()
GIVEN = STACK.subset(np.arange(0, 17, 4))
AT = np.array([1.0, 2, 3, 5, 6, 7, 9, 10, 11])


@pytest.fixture(autouse=True)
def taught_briefly(monkeypatch):
    monkeypatch.setitem(filling.STEPS, "default", 60)


def error(values):
    return float(np.square(values - STACK.values[AT.astype(int)]).mean())


def test_it_beats_linear_interpolation_on_a_body_that_moves():
    filled = fill(GIVEN, AT, Report())
    assert error(filled.values) < 0.3 * error(linear(GIVEN.values, GIVEN.positions, AT))
    assert filled.labels.shape == filled.values.shape
    (weights,) = filled.facts["weights"]
    assert weights["slices_left_out"] == 3
    assert 0 <= weights["network"] <= 1
    assert 0.35 <= weights["motion"] <= 0.85


def test_given_slices_come_back_as_they_are():
    filled = fill(GIVEN, GIVEN.positions, Report())
    np.testing.assert_allclose(filled.values, GIVEN.values, atol=1e-5)
    np.testing.assert_array_equal(filled.labels, GIVEN.labels)


def test_values_keep_their_unit_and_outliers():
    values = GIVEN.values * 2000 - 1000
    values[0, 0, 0] = 30000
    filled = fill(replace(GIVEN, values=values), np.array([0.0, 2.0]), Report(), "draft")
    assert filled.values[0, 0, 0] == pytest.approx(30000, rel=1e-4)
    usual = fill(GIVEN, np.array([2.0]), Report(), "draft").values[0]
    assert np.abs(filled.values[1] - (usual * 2000 - 1000)).mean() < 40


def test_uneven_gaps_are_filled_each_with_its_own_weights():
    uneven = STACK.subset([0, 2, 4, 6, 9, 12, 15, 16])
    filled = fill(uneven, np.array([1.0, 3, 7, 8, 10, 15.0]), Report())
    assert [entry["gap"] for entry in filled.facts["weights"]] == [2, 3]
    with pytest.raises(ShapeError, match="within"):
        fill(uneven, np.array([17.0]), Report())


def test_two_slices_suffice():
    filled = fill(STACK.subset([6, 10]), np.array([8.0]), Report())
    assert filled.facts["weights"][0]["slices_left_out"] == 0
    assert np.isfinite(filled.values).all()


def test_the_same_slices_give_the_same_result():
    one, other = (fill(GIVEN, AT[:3], Report()).values for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_gap_knows_its_places_as_whole_samples():
    gap = Gap.of(np.array([0.25, 0.5, 0.75]), 8.0, 2.0, (1.0, 2.0))
    assert (gap.samples, gap.places, gap.pixels, gap.thickness) == (4, (1, 2, 3), (8, 4), (2, 1))
    assert Gap.of(np.array([1 / 3]), 3.0, 1.0, (1.0, 1.0)).samples == 6
    assert Gap.of(np.array([0.1234567]), 3.0, 1.0, (1.0, 1.0)) is None


def test_an_untaught_network_is_linear_interpolation():
    network = LineNetwork(3)
    assert float(network(torch.rand(2, 4, 9), False).detach().abs().max()) == 0
    with pytest.raises(ShapeError, match="seen must be"):
        network(torch.rand(2, 3, 9), False)


def test_a_network_learns_what_lies_between_samples_of_waves():
    rows, columns = np.mgrid[0:48, 0:48]
    waves = np.stack([np.sin(0.7 * rows + p) * np.cos(0.6 * columns + p) for p in np.arange(4)]).astype(np.float32)
    gap = Gap.of(np.array([0.5]), 4.0, 1.0, (1.0, 1.0))
    network = teach(waves, gap, 150)
    # Slices that follow one another as its rows do.
    body = np.stack([np.sin(0.7 * z) * np.cos(0.6 * columns) for z in range(13)]).astype(np.float32)
    seen = four_around(body[::4], np.arange(0.0, 13, 4), 1)
    base = (seen[1] + seen[2]) / 2
    found = base + residuals(network, seen)[0]
    assert np.square(found - body[6]).mean() < 0.3 * np.square(base - body[6]).mean()


def test_teaching_leaves_the_global_random_state_alone_and_needs_room():
    gap = Gap.of(np.array([0.5]), 2.0, 1.0, (1.0, 1.0))
    state = torch.get_rng_state()
    values = leaning(n=3)[0]
    teach(values, gap, 2)
    assert torch.equal(torch.get_rng_state(), state)
    assert teach(values[:, :5, :5], gap, 2) is None
