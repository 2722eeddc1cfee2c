import numpy as np
import pytest
from tests.render.pathtrace.scenes import DARK, camera, exact, volume

from tomosplat.errors import InputError, ShapeError, UnitsError
from tomosplat.geometry import sphere_directions
from tomosplat.lighting import AreaLight, Environment, LightRig
from tomosplat.render import pathtrace


def test_a_map_is_laid_out_as_camera_azimuths_are() -> None:
    columns = np.arange(8, dtype=np.float32)
    sky = Environment(np.broadcast_to(columns[None, :, None], (4, 8, 3)))
    towards = sphere_directions([1, 91, 181, 271], 10.0)
    np.testing.assert_array_equal(sky.look(towards)[:, 0], [0, 2, 4, 6])
    np.testing.assert_array_equal(sky.turned(90).look(towards)[:, 0], [6, 0, 2, 4])
    rows = Environment(np.broadcast_to(np.arange(4, dtype=np.float32)[:, None, None], (4, 1, 3)))
    np.testing.assert_array_equal(rows.look([(0, 0, 1), (0, 0, -1), (1, 0, 0.1)])[:, 0], [0, 3, 1])


def test_a_gradient_goes_from_above_to_the_horizon_to_below() -> None:
    sky = Environment.gradient((1, 0, 0), (0, 1, 0), (0, 0, 1))
    ends = sky.look([(0, 0, 1), (1, 0, 0.02), (0, 0, -1), (0.6, 0, 0.8)])
    np.testing.assert_allclose(ends, [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.8, 0.2, 0)], atol=0.04)


def lit(sky: Environment | LightRig, **settings: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean radiance [3] of a small scene, and its standard error."""
    rng = np.random.default_rng(0)
    scan = volume(rng.uniform(0, 0.4, (8, 8, 8)), (0.8, 0.7, 0.6))
    out = pathtrace(scan, camera(scan), sky, settings=exact(samples=2048, **settings))
    error = np.sqrt((out.standard_error.astype(np.float64) ** 2).sum(axis=(0, 1, 2))) / out.alpha.size
    return out.radiance.mean(axis=(0, 1, 2), dtype=np.float64), error


@pytest.mark.parametrize("g", [0.0, 0.8])
def test_maps_light_as_the_sum_of_their_pixels(g: float) -> None:
    # Light is linear, so a map and the maps of its halves must agree, however differently they are sampled.
    rng = np.random.default_rng(0)
    whole = (rng.uniform(0, 1, (6, 12, 3)) ** 6 * 20).astype(np.float32)
    left, right = whole.copy(), whole.copy()
    left[:, 6:], right[:, :6] = 0, 0
    (mean, error), (a, a_error), (b, b_error) = (lit(Environment(m), phase_g=g) for m in (whole, left, right))
    assert (np.abs(mean - a - b) < 4 * np.sqrt(error**2 + a_error**2 + b_error**2)).all()
    assert (error < 0.02 * mean).all()


def test_a_map_of_one_colour_is_a_constant_sky() -> None:
    colour = (0.5, 1.0, 2.0)
    (flat, flat_error), (mapped, mapped_error) = (
        lit(sky) for sky in (Environment.constant(colour), Environment(np.full((8, 16, 3), colour, np.float32)))
    )
    assert (np.abs(flat - mapped) < 4 * np.hypot(flat_error, mapped_error)).all()


def test_a_bright_square_on_the_map_is_a_lamp() -> None:
    # A far lamp of half-size s at distance d, and the map's pixels that see it.
    lamp = AreaLight("sun", (0.0, 0.0, 40.0), 4.0, (100.0, 100.0, 100.0))
    height, width = 800, 8
    radiance = np.zeros((height, width, 3), np.float32)
    cosine = 1 / np.sqrt(1 + 4 * 0.1**2 / np.pi)
    rows = round(np.arccos(cosine) / np.pi * height)
    radiance[:rows] = 100.0
    (by_lamp, lamp_error), (by_map, map_error) = lit(LightRig("sun", DARK, (lamp,))), lit(Environment(radiance))
    assert (np.abs(by_lamp / by_map - 1) < 0.05).all()
    assert (np.hypot(lamp_error, map_error) < 0.01 * by_lamp).all()


def test_a_rig_takes_another_sky() -> None:
    scan = volume(np.full((6, 6, 6), 0.2))
    rig, sky = LightRig("dark", DARK, ()), Environment.constant((1.0, 1.0, 1.0))
    settings = exact(samples=4)
    alone = pathtrace(scan, camera(scan), sky, settings=settings)
    together = pathtrace(scan, camera(scan), rig, environment=sky, settings=settings)
    np.testing.assert_array_equal(alone.radiance, together.radiance)


def test_impossible_maps_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\[H, W, 3\].*\(4, 8\)"):
        Environment(np.ones((4, 8), np.float32))
    with pytest.raises(ShapeError, match=r"\(4, 8, 4\)"):
        Environment(np.ones((4, 8, 4), np.float32))
    for wrong in (np.nan, np.inf, -1):
        with pytest.raises(UnitsError, match="finite"):
            Environment(np.full((2, 4, 3), wrong, np.float32))
    with pytest.raises(InputError, match="2 rows"):
        Environment.gradient((1, 1, 1), (1, 1, 1), (1, 1, 1), rows=1)
