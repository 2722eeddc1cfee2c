"""Motion between slices: found where it is, symmetric, and left alone where nothing moves."""

import numpy as np
import pytest
from scipy import ndimage
from tests.slices.bodies import leaning

from tomosplat.slices.flow import blend_along_motion, find_motion, motion_share
from tomosplat.slices.interpolation import linear
from tomosplat.slices.motion import gaussian_weights, motion_at, shift_between, warped

RNG = np.random.default_rng(0)
TEXTURE = ndimage.gaussian_filter(RNG.random((48, 56)), 2).astype(np.float32)
TEXTURE = (TEXTURE - TEXTURE.min()) / np.ptp(TEXTURE)


def test_warping_by_whole_pixels_moves_pixels():
    shift = np.zeros((2, 48, 56), np.float32)
    shift[0], shift[1] = 2, -3
    for cubic in (False, True):
        moved = warped(TEXTURE, shift, cubic)
        np.testing.assert_allclose(moved[:-2, 3:], TEXTURE[2:, :-3], atol=1e-6)


@pytest.mark.parametrize("cubic", [False, True])
def test_warping_agrees_with_scipy_between_pixels(cubic):
    shift = RNG.uniform(-3, 3, (2, 48, 56)).astype(np.float32)
    rows, columns = np.mgrid[0:48, 0:56]
    if not cubic:
        where = [np.clip(rows + shift[0], 0, 47), np.clip(columns + shift[1], 0, 55)]
        expected = ndimage.map_coordinates(TEXTURE, where, order=1)
        np.testing.assert_allclose(warped(TEXTURE, shift), expected, atol=1e-5)
    else:  # Catmull-Rom keeps parabolas
        parabola = (0.01 * rows**2 - 0.02 * rows * columns).astype(np.float32)
        v, u = rows + shift[0], columns + shift[1]
        inner = (v > 1) & (v < 46) & (u > 1) & (u < 54)
        np.testing.assert_allclose(warped(parabola, shift, True)[inner], (0.01 * v**2 - 0.02 * v * u)[inner], atol=1e-3)


@pytest.mark.parametrize("move", [(2.0, 0.0), (-1.5, 3.0), (0.0, -4.0)])
def test_a_known_shift_is_found(move):
    moving = ndimage.shift(TEXTURE, move, order=3, mode="nearest").astype(np.float32)
    shift = shift_between(TEXTURE, moving)[:, 10:-10, 10:-10]
    for found, expected in zip(shift, move, strict=True):
        assert abs(float(np.median(found)) - expected) < 0.15


def test_the_motion_half_way_is_half_of_it_whichever_way_it_is_looked_at():
    a, b = leaning(n=5)[0][[0, 4]]
    there, back = find_motion(np.stack([a, b]))[0], find_motion(np.stack([b, a]))[0]
    np.testing.assert_array_equal(there[0], back[1])
    np.testing.assert_allclose(motion_at(there, 0.5), -motion_at(back, 0.5), atol=1e-5)


def test_what_moves_is_carried_instead_of_faded():
    values, _ = leaning()
    given, positions, at = values[::4], np.arange(0.0, 17, 4), np.array([2.0, 6, 10, 14])
    truth = values[at.astype(int)]
    faded = linear(given, positions, at)
    carried = blend_along_motion(given, positions, at, find_motion(given), faded)
    errors = [np.square(x - truth).mean() for x in (faded, carried)]
    assert errors[1] < 0.2 * errors[0]


def test_the_base_is_kept_where_motion_explains_nothing():
    a, b = np.zeros((16, 16), np.float32), np.ones((16, 16), np.float32)
    assert motion_share(a, b, a, b).max() < 0.01
    assert motion_share(a, b, a, a).min() > 0.99
    slices = RNG.random((2, 24, 24)).astype(np.float32)
    base = np.full((1, 24, 24), 0.5, np.float32)
    still = [(np.zeros((2, 24, 24), np.float32),) * 2]
    found = blend_along_motion(slices, np.array([0.0, 1]), np.array([0.5]), still, base)
    np.testing.assert_allclose(found, base, atol=0.01)


def test_weights_of_a_blur_add_up_to_one():
    assert gaussian_weights(1.0).sum() == pytest.approx(1)
    assert len(gaussian_weights(1.5)) == 11


def test_slices_of_a_few_pixels_have_motion_too():
    assert shift_between(TEXTURE[:3, :5].copy(), TEXTURE[:3, :5].copy()).shape == (2, 3, 5)
    assert np.abs(shift_between(TEXTURE, TEXTURE)).max() < 1e-3
