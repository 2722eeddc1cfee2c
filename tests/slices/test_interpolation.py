"""Plain interpolators: exact at the slices, exact for the polynomials that they know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomosplat.errors import ShapeError
from tomosplat.slices.interpolation import PLAIN, catmull_rom, gaps_of, linear, linear_blurred, nearest, pchip, spline

RNG = np.random.default_rng(0)
POSITIONS = np.array([0.0, 1, 2, 4, 5, 8])
SLICES = RNG.random((6, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("name", PLAIN)
def test_given_slices_are_kept(name):
    np.testing.assert_allclose(PLAIN[name](SLICES, POSITIONS, POSITIONS), SLICES, atol=1e-6)


@given(places=st.lists(st.floats(0, 8), min_size=1, max_size=5))
def test_a_ramp_is_a_ramp_for_all_but_nearest(places):
    ramp = np.broadcast_to(POSITIONS[:, None, None], (6, 2, 3)).astype(np.float32)
    at = np.array(places)
    for interpolate in (linear, catmull_rom, spline, pchip, linear_blurred):
        np.testing.assert_allclose(
            interpolate(ramp, POSITIONS, at), np.broadcast_to(at[:, None, None], (len(at), 2, 3)), atol=1e-4
        )


def test_a_cubic_is_kept_by_the_spline_and_a_parabola_by_catmull_rom_inside():
    even = np.arange(6.0)
    at = np.array([1.25, 2.5, 3.75])
    cubic = (even**3 - 4 * even**2).astype(np.float32)[:, None, None]
    np.testing.assert_allclose(spline(cubic, even, at).ravel(), at**3 - 4 * at**2, atol=1e-4)
    parabola = (even**2).astype(np.float32)[:, None, None]
    np.testing.assert_allclose(catmull_rom(parabola, even, at).ravel(), at**2, atol=1e-4)


def test_nearest_takes_the_nearer_slice_and_pchip_overshoots_nothing():
    step = np.array([0.0, 0, 1, 1])[:, None, None].astype(np.float32)
    even = np.arange(4.0)
    assert nearest(step, even, np.array([1.4, 1.6])).ravel().tolist() == [0, 1]
    at = np.linspace(0, 3, 31)
    assert 0 <= pchip(step, even, at).min() <= pchip(step, even, at).max() <= 1
    assert spline(step, even, at).max() > 1


def test_nothing_is_extrapolated():
    before, way = gaps_of(POSITIONS, np.array([0.0, 3.0, 8.0]))
    assert before.tolist() == [0, 2, 4]
    assert way.tolist() == [0, 0.5, 1]
    with pytest.raises(ShapeError, match=r"within 0\.\.8"):
        gaps_of(POSITIONS, np.array([8.5]))
