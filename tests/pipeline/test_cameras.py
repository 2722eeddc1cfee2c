import numpy as np
import pytest

from tomosplat.pipeline.cameras import camera_directions
from tomosplat.pipeline.options import CameraSetOptions


def test_hospital_views_look_at_the_six_sides_of_the_patient() -> None:
    directions = camera_directions(CameraSetOptions(arrangement="hospital"))
    anterior, posterior, left, right, cranial, caudal = directions
    np.testing.assert_allclose(anterior, [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(left, [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(cranial, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose([anterior + posterior, left + right, cranial + caudal], 0, atol=1e-12)


def test_an_orbit_goes_once_around_at_one_height() -> None:
    directions = camera_directions(CameraSetOptions(arrangement="orbit", n=8, elevation=30))
    np.testing.assert_allclose(directions[:, 2], 0.5)
    np.testing.assert_allclose(directions[:, :2].sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 7, 40])
def test_a_sphere_has_as_many_views_as_asked_for(n: int) -> None:
    directions = camera_directions(CameraSetOptions(n=n))
    assert directions.shape == (n, 3)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
