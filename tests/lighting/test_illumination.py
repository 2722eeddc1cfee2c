"""Light as the Gaussians take it."""

import numpy as np
import pytest

from tomosplat.errors import ShapeError
from tomosplat.lighting import LightRig, load_rig, march_light, march_rays

from .conftest import MakeVolume

AMBIENT = LightRig("ambient", (1, 1, 1), ())


def test_matter_under_a_surface_is_lit_as_the_surface_is(make_volume: MakeVolume) -> None:
    extinction = np.zeros((24, 24, 24))
    extinction[4:20, 4:20, 4:20] = 3.0
    optical = make_volume(extinction)
    surface, below = [0, 0, 10.5], [0, 0, 7.5]
    points, normals = np.array([surface, below]), np.array([[0, 0, 1.0], [0, 0, 0]])
    alone = march_rays(optical, AMBIENT, points, normals).radiance[:, 0]
    shared = march_light(optical, AMBIENT, points, normals)[:, 0]
    assert alone[1] < 0.05 * alone[0]
    assert shared[1] > 0.9 * shared[0]
    assert shared[0] == pytest.approx(alone[0], rel=0.05)


def test_distant_points_keep_their_own_light(make_volume: MakeVolume) -> None:
    optical = make_volume(np.zeros((40, 40, 40)))
    points = np.array([[-20.0, 0, 0], [20, 0, 0]])
    rig = load_rig("studio")
    np.testing.assert_allclose(march_light(optical, rig, points), march_rays(optical, rig, points).radiance, rtol=1e-5)


def test_no_points_give_no_light(make_volume: MakeVolume) -> None:
    assert march_light(make_volume(np.zeros((4, 4, 4))), AMBIENT, np.zeros((0, 3))).shape == (0, 3)


def test_points_outside_the_grid_are_refused(make_volume: MakeVolume) -> None:
    with pytest.raises(ShapeError, match="inside the grid"):
        march_light(make_volume(np.zeros((4, 4, 4))), AMBIENT, [[0, 0, 99.0]])
