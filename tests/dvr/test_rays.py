import numpy as np
import pytest
import torch
from tests.dvr.small import GRID, jittered_rays

from tomosplat.dvr.march import March
from tomosplat.dvr.rays import camera_rays, voxel_edge
from tomosplat.errors import InputError
from tomosplat.geometry import Cameras, Grid, frame_bounds, intrinsics, look_at, sphere_directions


def straight_camera(position: tuple[float, float, float], size: int = 1) -> Cameras:
    return Cameras(look_at([position], (0, 0, 0)), intrinsics(1, size, size, 1.0), size, size)


def test_a_ray_straight_through_is_as_long_as_the_volume_in_voxel_edges() -> None:
    grid = Grid.axis_aligned((4, 4, 6), (1.5, 1.5, 2.0), (-2.25, -2.25, -5.0))
    rays = camera_rays(straight_camera((100, 0, 0)), grid, torch.float64)
    assert voxel_edge(grid) == 1.5
    assert rays.lengths.item() == pytest.approx(4, abs=1e-9)
    torch.testing.assert_close(rays.starts[0, 0, 0, 0].item(), 3.5)
    end = rays.starts + rays.lengths[..., None] * rays.directions
    assert end[0, 0, 0, 0].item() == pytest.approx(-0.5, abs=1e-9)


def test_along_the_long_edge_lengths_count_shortest_edges() -> None:
    grid = Grid.axis_aligned((4, 4, 6), (1.5, 1.5, 2.0), (-2.25, -2.25, -5.0))
    rays = camera_rays(straight_camera((0, 0, 100)), grid, torch.float64)
    assert rays.lengths.item() == pytest.approx(6 * 2.0 / 1.5, abs=1e-9)


def test_a_camera_inside_sees_what_is_before_it() -> None:
    grid = Grid.axis_aligned((4, 4, 4), 1.0, (-1.5, -1.5, -1.5))
    rays = camera_rays(straight_camera((1, 0, 0)), grid, torch.float64)
    assert rays.lengths.item() == pytest.approx(3, abs=1e-9)


def test_rays_that_miss_have_no_length_and_finite_starts() -> None:
    cameras = frame_bounds(GRID.bounds, sphere_directions([0, 40], [0, 30]), 12, 9, fov_deg=25)
    away = Cameras(cameras.viewmats, cameras.Ks * np.array([[0.2], [0.2], [1]]), 12, 9)
    rays = camera_rays(away, GRID)
    assert bool((rays.lengths == 0).any())
    assert all(bool(part.isfinite().all()) for part in (rays.starts, rays.directions, rays.lengths))


def test_jitter_is_drawn_from_its_generator_alone() -> None:
    torch.testing.assert_close(jittered_rays().offsets, jittered_rays().offsets, rtol=0, atol=0)
    assert 0 <= float(jittered_rays().offsets.min()) < float(jittered_rays().offsets.max()) < 1


def test_places_along_rays_are_where_the_camera_projects_them_from() -> None:
    cameras = frame_bounds(GRID.bounds, sphere_directions([70], [20]), 5, 4)
    rays = camera_rays(cameras, GRID, torch.float64)
    world = GRID.to_world((rays.starts + rays.directions * 2)[0].numpy())
    local = world @ cameras.viewmats[0, :3, :3].T + cameras.viewmats[0, :3, 3]
    pixels = local @ cameras.Ks[0].T
    pixels = pixels[..., :2] / pixels[..., 2:]
    expected = np.stack(np.meshgrid(np.arange(5) + 0.5, np.arange(4) + 0.5), axis=-1)
    np.testing.assert_allclose(pixels, expected, atol=1e-9)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_no_rate_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="sampling rate"):
        March(rate)
