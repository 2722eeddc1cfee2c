"""The reference rasteriser against closed forms, symmetries and finite differences."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.render.random_scenes import (
    DIFFERENTIABLE,
    front_camera,
    joined,
    one_gaussian,
    random_scene,
    two_cameras,
    with_gradients,
)

from tomosplat.gaussians import from_matrix, to_matrix
from tomosplat.geometry import SH_C0, SH_C1, Cameras
from tomosplat.render.reference import Blended, rasterize_reference


def render(scene, cameras, index=0, **options) -> Blended:
    viewmat, K = torch.from_numpy(cameras.viewmats[index]), torch.from_numpy(cameras.Ks[index])
    return rasterize_reference(scene, viewmat, K, cameras.width, cameras.height, **options)


def test_alpha_of_one_gaussian_is_a_low_passed_gaussian_of_its_projected_size():
    # 2 mm at 100 mm with a focal length of 100 px: 2 px, whose variance of 4 the low-pass makes 4.3.
    alpha = render(one_gaussian(), front_camera()).rgba[16, :, 3]
    offsets = torch.arange(33, dtype=torch.float64) - 16
    expected = 0.5 * torch.exp(-(offsets**2) / (2 * 4.3))
    expected[expected <= 1 / 255] = 0
    torch.testing.assert_close(alpha, expected)


def test_nearer_gaussian_covers_the_one_behind():
    red, green = torch.zeros(1, 4, 3), torch.zeros(1, 4, 3)
    red[0, 0], green[0, 0] = torch.tensor([0.5, -0.5, -0.5]) / SH_C0, torch.tensor([-0.5, 0.5, -0.5]) / SH_C0
    back = one_gaussian(sh=green.double(), means=torch.tensor([[0.0, -5, 0]], dtype=torch.float64))
    front = one_gaussian(sh=red.double(), opacities=torch.tensor([0.6], dtype=torch.float64))
    middle = render(joined(back, front), front_camera()).rgba[16, 16]
    torch.testing.assert_close(middle, torch.tensor([0.6, 0.4 * 0.5, 0, 1 - 0.4 * 0.5], dtype=torch.float64))


def test_transmittance_is_the_product_of_what_each_lets_through():
    layers = [
        one_gaussian(
            means=torch.tensor([[0.0, -y, 0]], dtype=torch.float64),
            opacities=torch.tensor([opacity], dtype=torch.float64),
        )
        for y, opacity in enumerate((0.1, 0.7, 0.3, 0.2))
    ]
    alpha = render(joined(*layers), front_camera()).rgba[16, 16, 3]
    assert float(alpha) == pytest.approx(1 - 0.9 * 0.3 * 0.7 * 0.8)


def test_alpha_is_bounded():
    opaque = one_gaussian(opacities=torch.tensor([1.0], dtype=torch.float64))
    assert float(render(opaque, front_camera()).rgba[16, 16, 3]) == pytest.approx(0.99)


def test_finished_pixels_stay_as_they_are():
    opaque = one_gaussian(opacities=torch.tensor([0.95], dtype=torch.float64))
    layers = [replace(opaque, means=torch.tensor([[0.0, -y, 0]], dtype=torch.float64)) for y in range(6)]
    # 0.05 ** 3 is still above the bound on transmittance, so a fourth layer is blended, and then no more.
    alpha = render(joined(*layers), front_camera()).rgba[16, 16, 3]
    assert float(alpha) == pytest.approx(1 - 0.05**4, abs=1e-12)


def test_what_stands_before_the_near_plane_is_not_drawn():
    too_near = one_gaussian(means=torch.tensor([[0.0, 99.5, 0]], dtype=torch.float64))
    assert render(too_near, front_camera()).rgba.abs().max() == 0
    behind = one_gaussian(means=torch.tensor([[0.0, 110, 0]], dtype=torch.float64))
    assert render(behind, front_camera()).rgba.abs().max() == 0


def test_view_direction_shifts_the_mean_and_weights_the_opacity():
    scene = one_gaussian(
        means_dir=torch.tensor([[0.0, -0.8, 0.6]], dtype=torch.float64),
        gains=torch.tensor([[[0.0, 0, 10], [0, 0, 0], [0, 0, 0]]], dtype=torch.float64),
        precisions_dir=torch.tensor([[1.0, 0, 0, 2, 0, 3]], dtype=torch.float64),
    )
    # Seen along (0, −1, 0): x = (0, −0.2, −0.6), so the mean moves by −6 mm in x, to the right seen from the front.
    alpha = render(scene, front_camera()).rgba[16, :, 3]
    weight = math.exp(-0.35 * (2 * 0.2**2 + 3 * 0.6**2))
    assert int(alpha.argmax()) == 16 + 6
    # The offset also widens the Gaussian's picture, but not what it is at its centre.
    assert float(alpha.max()) == pytest.approx(0.5 * weight, rel=1e-9)


def test_colour_follows_the_harmonics_along_the_view():
    sh = torch.zeros(1, 4, 3, dtype=torch.float64)
    sh[0, :, 0] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    sh[0, 1, 1] = -5  # would be negative: shows as black
    rgba = render(one_gaussian(sh=sh), front_camera()).rgba[16, 16]
    # Seen along (0, −1, 0), only the function of y counts, with −y = 1.
    assert float(rgba[0] / rgba[3]) == pytest.approx(0.5 + 0.1 * SH_C0 + 0.2 * SH_C1)
    assert float(rgba[1]) == 0


def test_order_of_the_gaussians_does_not_matter():
    scene, cameras = random_scene(60), two_cameras()
    shuffled = scene.select(torch.randperm(60, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(render(scene, cameras).rgba, render(shuffled, cameras).rgba)


def test_turning_scene_and_camera_together_changes_nothing():
    scene, cameras = random_scene(60), two_cameras()
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    R = torch.from_numpy(turn)
    basis = (1, 2, 3)
    # Degree-1 coefficients stand for −y, z, −x; as a vector (x, y, z) they turn like one.
    vectors = torch.stack([-scene.sh[:, 3], -scene.sh[:, 1], scene.sh[:, 2]], dim=1)
    turned_vectors = torch.einsum("ij,njc->nic", R, vectors)
    sh = scene.sh.clone()
    sh[:, basis] = torch.stack([-turned_vectors[:, 1], turned_vectors[:, 2], -turned_vectors[:, 0]], dim=1)
    turned = replace(
        scene,
        means=scene.means @ R.T,
        means_dir=scene.means_dir @ R.T,
        covs=from_matrix(R @ to_matrix(scene.covs) @ R.T),
        gains=R @ scene.gains @ R.T,
        precisions_dir=from_matrix(R @ to_matrix(scene.precisions_dir) @ R.T),
        sh=sh,
    )
    viewmats = cameras.viewmats.copy()
    viewmats[:, :3, :3] = viewmats[:, :3, :3] @ turn.T
    turned_cameras = Cameras(viewmats, cameras.Ks, cameras.width, cameras.height)
    torch.testing.assert_close(render(scene, cameras, 1).rgba, render(turned, turned_cameras, 1).rgba)


def test_shifted_principal_point_moves_the_picture():
    scene, size = random_scene(30, spread=2), 33  # all inside the frustum, whose margin moves with the centre
    camera = front_camera(size)
    moved = camera.Ks + np.array([[0, 0, 5], [0, 0, -3], [0, 0, 0]])
    picture = render(scene, camera).rgba
    shifted = render(scene, Cameras(camera.viewmats, moved, size, size)).rgba
    torch.testing.assert_close(shifted[: size - 3, 5:], picture[3:, : size - 5])


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_are_those_of_finite_differences(name):
    scene, cameras = random_scene(4, spread=5), two_cameras(6, 5)
    K = cameras.Ks / 12
    K[:, 2, 2] = 1
    cameras = Cameras(cameras.viewmats, K, 6, 5)

    def picture(values):
        return render(replace(scene, **{name: values}), cameras, smooth_cutoff=True).rgba

    leaf = getattr(with_gradients(scene), name)
    assert torch.autograd.gradcheck(picture, (leaf,), eps=1e-6, atol=1e-7, rtol=1e-5)
