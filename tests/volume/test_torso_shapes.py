"""The shapes that the torso is built of measure millimetres and agree with geometry."""

import numpy as np
import pytest

from tomosplat.volume.torso.branching import grow
from tomosplat.volume.torso.canvas import Canvas
from tomosplat.volume.torso.curves import sheet, tube
from tomosplat.volume.torso.field import FAR, Lattice, ellipsoid, sample_smooth, smooth_intersection, smooth_union
from tomosplat.volume.torso.noise import Noise
from tomosplat.volume.torso.profile import CAVITY


def lattice(step: float = 1.0, reach: float = 20.0) -> Lattice:
    axis = np.arange(-reach, reach + step / 2, step, dtype=np.float32)
    return Lattice(axis, axis, axis)


def radius(window) -> np.ndarray:
    return np.sqrt(window.x**2 + window.y**2 + window.z**2)


def test_sphere_is_exact():
    window = lattice().whole()
    np.testing.assert_allclose(ellipsoid(window, (0, 0, 0), (8, 8, 8)), radius(window) - 8, atol=1e-4)


def test_ellipsoid_vanishes_on_its_surface():
    window = lattice(0.5).whole()
    distance = ellipsoid(window, (0, 0, 0), (12, 6, 3))
    # A surface sample of the analytic ellipsoid is never further away than half a cell's diagonal.
    value = (window.x / 12) ** 2 + (window.y / 6) ** 2 + (window.z / 3) ** 2
    assert np.array_equal(distance < 0, value < 1)


def test_straight_tube_is_exact_within_its_reach_and_far_beyond():
    window = lattice().whole()
    distance = tube([(-10, 0, 0), (10, 0, 0)], 4).distance(window)
    inside_ends = np.abs(window.x) <= 10
    exact = np.sqrt(window.y**2 + window.z**2) - 4 + 0 * window.x
    near = inside_ends & (np.abs(exact) < 3)
    np.testing.assert_allclose(distance[near], exact[near], atol=1e-3)
    # The reach is kept box by box, whose corners lie 1.41 times as far.
    assert (distance[exact > 6] == FAR).all()


def test_flat_tube_has_the_axes_that_were_asked_for():
    window = lattice(0.5).whole()
    inside = tube([(-10, 0, 0), (10, 0, 0)], [[6, 2], [6, 2]], up=(0, 0, 1)).distance(window)[40] < 0
    y, z = np.nonzero(inside)
    assert np.ptp(z) * 0.5 == pytest.approx(12, abs=1.1)
    assert np.ptp(y) * 0.5 == pytest.approx(4, abs=1.1)


def test_sheet_is_as_thick_as_asked_and_has_no_holes():
    grid = [[(x, y, 0) for y in (-12, 0, 12)] for x in (-12, 0, 12)]
    plate = sheet(grid, np.full((3, 3), 3.0))
    window = lattice().whole()
    distance = window.far()
    plate.stamp(window, distance)
    middle = (distance < 0)[10:31, 10:31]
    assert (middle.sum(axis=2) == 5).all()


def test_smooth_union_adds_a_fillet_and_smooth_intersection_rounds():
    a, b = np.full((1, 1, 1), 1.0, np.float32), np.full((1, 1, 1), 1.0, np.float32)
    assert smooth_union(a, b, 4).item() == pytest.approx(0)
    assert smooth_intersection(a, b, 4).item() == pytest.approx(2)
    assert smooth_union(a, b + 9, 4).item() == pytest.approx(1)


def test_cavity_points_lie_on_the_cavity():
    points = CAVITY.point(np.linspace(0.1, 3, 9), 400.0)
    for x, y, z in points:
        place = Lattice(*(np.array([c], np.float32) for c in (x, y, z)))
        assert CAVITY.distance(place.whole()).item() == pytest.approx(0, abs=0.1)


def test_fine_lattices_interpolate_smooth_shapes_closely():
    fine = lattice(1.25, 60)

    def ball(where: Lattice) -> np.ndarray:
        return ellipsoid(where.whole(), (1, 2, 3), (50, 50, 50))

    near = np.abs(ball(fine)) < 4
    assert np.abs(sample_smooth(ball, fine) - ball(fine))[near].max() < 0.05


def test_partial_volume_keeps_the_mass_of_a_ball_and_labels_stay_crisp():
    where = lattice(1.5)
    canvas = Canvas.of_air(where, 1.5)
    canvas.paint(where.whole(), ellipsoid(where.whole(), (0.3, 0.2, 0.1), (9, 9, 9)), 0, 5)
    volume = 4 / 3 * np.pi * 9**3
    assert ((canvas.hu + 1000) / 1000).sum() * 1.5**3 == pytest.approx(volume, rel=0.02)
    assert (canvas.labels == 5).sum() * 1.5**3 == pytest.approx(volume, rel=0.03)
    assert ((canvas.hu > -1000) & (canvas.hu < 0)).any()


def test_noise_is_the_same_at_any_spacing():
    noise = Noise.draw(6.0, np.random.default_rng(1))
    coarse, fine = noise.at(lattice(2.0).whole()), noise.at(lattice(1.0).whole())
    np.testing.assert_allclose(fine[::2, ::2, ::2], coarse, atol=1e-4)
    assert 0.6 < fine.std() < 1.4


def test_tree_reaches_every_target_and_follows_murrays_law():
    targets = np.random.default_rng(2).uniform(-50, 50, (60, 3))
    tree = grow(np.zeros(3), targets, 0.7)
    tips = {tuple(end) for end in tree.ends[:, 1]}
    assert all(tuple(target) in tips for target in targets)
    for end, mother in zip(tree.ends[:, 1], tree.radii, strict=True):
        daughters = tree.radii[(tree.ends[:, 0] == end).all(axis=1)]
        if len(daughters):
            assert (daughters**3).sum() == pytest.approx(mother**3)
