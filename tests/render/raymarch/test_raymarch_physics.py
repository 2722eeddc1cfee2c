"""What must come out by pen and paper."""

import numpy as np
import pytest
import torch
from tests.render.raymarch.phantoms import SAME_GROUP, camera_at, functions, labelled

from tomosplat.render.pathtracer.settings import ClipPlane
from tomosplat.render.raymarching import RaymarchSettings, Shading, raymarch

GREY = functions([0, 0.2, 0.5, 0.9, 0.3])
SIGMA = -np.log(0.7) / 1.5


def march(scan, tfs, camera, **settings):
    return raymarch(*scan, tfs, SAME_GROUP, camera, settings=RaymarchSettings(**{"shading": None} | settings))


def central(output):
    return output.rgba[0, output.rgba.shape[1] // 2, output.rgba.shape[2] // 2].double().numpy()


@pytest.mark.parametrize("jitter", [False, True])
@pytest.mark.parametrize("step", [0.1, 0.3, 0.77, 2.0, 100.0])
@pytest.mark.parametrize("classification", ["post", "preintegrated"])
def test_a_slab_absorbs_by_beer_and_lambert_at_any_step(step, jitter, classification):
    scan = labelled(np.full((8, 5, 8), 40))
    camera = camera_at((3.5, -50, 3.5), (3.5, 2, 3.5))
    output = march(scan, GREY, camera, step_mm=step, jitter=jitter, classification=classification)
    alpha = 1 - np.exp(-SIGMA * 5)
    np.testing.assert_allclose(central(output), alpha * np.array([0.2, 0.5, 0.9, 1]), atol=1e-5)


def test_oblique_rays_travel_further_through_a_slab():
    scan = labelled(np.full((9, 3, 9), 40))
    output = march(scan, GREY, camera_at((4, -30, 4), (4, 1, 4), size=31, fov_deg=15), step_mm=0.2)
    offsets = (np.arange(31) + 0.5 - 15.5) / (31 / 2 / np.tan(np.radians(7.5)))
    length = 3 * np.sqrt(1 + offsets[:, None] ** 2 + offsets**2)
    np.testing.assert_allclose(output.rgba[0, ..., 3].double(), 1 - np.exp(-SIGMA * length), atol=1e-5)


def test_half_the_step_changes_nothing_in_a_homogeneous_medium():
    camera = camera_at((30, -40, 25), (5, 5, 5), size=24)
    scan = labelled(np.full((11, 10, 12), 40))
    coarse, fine = (march(scan, GREY, camera, step_mm=step).rgba for step in (0.8, 0.4))
    torch.testing.assert_close(coarse, fine, atol=1e-5, rtol=0)


def test_preintegration_sees_a_thin_peak_that_post_classification_misses():
    ramp = np.broadcast_to(100 * np.arange(11.0)[None, :, None], (5, 11, 5))
    peak = functions([480, 1, 0, 0, 0], [490, 1, 0, 0, 0.9], [500, 1, 0, 0, 0])
    camera = camera_at((2, -50, 2), (2, 5, 2))
    post, whole = (
        march(labelled(ramp), peak, camera, step_mm=2.0, jitter=False, classification=kind)
        for kind in ("post", "preintegrated")
    )
    values = np.linspace(480, 500, 20001)
    opacity = 0.9 * np.minimum(values - 480, 500 - values) / 10
    depth = np.trapezoid(-np.log1p(-opacity) / 1.5, values) / 100  # the value grows by 100 in one mm
    assert central(post)[3] == 0
    np.testing.assert_allclose(central(whole), (1 - np.exp(-depth)) * np.array([1, 0, 0, 1]), atol=2e-4)


def test_depth_is_the_mean_distance_along_the_axis_of_what_is_seen():
    values = np.zeros((5, 40, 5))
    values[:, 20:] = 40
    shell = functions([39, 1, 1, 1, 0], [39.5, 1, 1, 1, 0.99])
    output = march(labelled(values), shell, camera_at((2, -100, 2), (2, 20, 2), fov_deg=1), step_mm=0.01)
    assert float(output.depth[0, 4, 4]) == pytest.approx(119.98 + 1.5 / -np.log(0.01), abs=0.05)


def test_rays_that_miss_are_exactly_empty():
    output = march(labelled(np.full((4, 4, 4), 40)), GREY, camera_at((2, -60, 2), (2, 2, 2), size=40, fov_deg=40))
    corner = output.rgba[0, :10]
    assert not bool(corner.any())
    assert bool(output.depth[0, :10].isnan().all())


def test_a_camera_inside_sees_only_what_is_before_it():
    scan = labelled(np.full((9, 21, 9), 40))
    output = march(scan, GREY, camera_at((4, 10, 4), (4, 20, 4)), step_mm=0.3)
    assert central(output)[3] == pytest.approx(1 - np.exp(-SIGMA * 10.5), abs=1e-5)
    behind = march(scan, GREY, camera_at((4, 30, 4), (4, 40, 4)))
    assert not bool(behind.rgba.any())


def test_clip_planes_cut_where_they_say_between_voxels():
    scan = labelled(np.full((9, 9, 9), 40))
    clip = (ClipPlane((4, 3.3, 4), (0, -2, 0)), ClipPlane((4, 1.1, 4), (0, 0.5, 0)))
    output = march(scan, GREY, camera_at((4, -40, 4), (4, 4, 4)), clip=clip)
    assert central(output)[3] == pytest.approx(1 - np.exp(-SIGMA * 2.2), abs=1e-5)


def test_groups_meet_as_memberships_of_one_value():
    values, labels = np.full((6, 4, 4), 40), np.ones((6, 4, 4))
    labels[3:] = 2
    tfs = functions([0, 1, 0, 0, 0.3], g2=[[0, 0, 0, 1, 0.8]])
    sigmas = -np.log1p(-np.array([0.3, 0.8])) / 1.5
    for x, share in ((2.0, 0), (2.25, 0.25), (2.5, 0.5), (3.0, 1)):
        camera = camera_at((x, -40, 1.5), (x, 1.5, 1.5))
        mixed = (1 - share) * sigmas[0], share * sigmas[1]
        alpha = 1 - np.exp(-4 * sum(mixed))
        expected = alpha * np.array([mixed[0], 0, mixed[1], sum(mixed)]) / sum(mixed)
        np.testing.assert_allclose(central(march(labelled(values, labels), tfs, camera)), expected, atol=1e-5)


def test_hidden_labels_add_nothing():
    values, labels = np.full((6, 8, 6), 40), np.ones((6, 8, 6))
    labels[:, 4:] = 2
    tfs = functions([0, 1, 0, 0, 0.3], g2=[[0, 0, 0, 1, 0.8]])
    output = march(labelled(values, labels), tfs, camera_at((2.5, -40, 2.5), (2.5, 3, 2.5)), visible=[2], step_mm=0.01)
    # Membership rises from 0 to 1 between the last hidden centre and the first shown one.
    assert central(output)[3] == pytest.approx(1 - np.exp(np.log(0.2) / 1.5 * 4), abs=1e-5)
    assert central(output)[0] == 0


@pytest.mark.parametrize("light", [None, (1.0, -2.0, 0.5)])
def test_a_sphere_is_shaded_by_its_analytic_normals(light):
    axis = np.arange(41) - 20
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    affine = np.eye(4)
    affine[:3, 3] = -20
    scan = labelled(1000 - 50 * distance, affine=affine)
    shell = functions([399.9, 0.6, 0.6, 0.6, 0], [400, 0.6, 0.6, 0.6, 0.999])  # a surface of radius 12
    shading = Shading(ambient=0.1, diffuse=0.8, specular=0.2, shininess=10, light=light, fade=0)
    camera = camera_at((0, -200, 0), (0, 0, 0), size=41, fov_deg=9)
    output = march(scan, shell, camera, shading=shading, step_mm=0.01, jitter=False)
    offsets = (np.arange(41) + 0.5 - 20.5) / (41 / 2 / np.tan(np.radians(4.5)))
    x, down = np.meshgrid(offsets, offsets)
    rays = np.stack([x, np.ones_like(x), -down], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    half_chord = 12**2 - 200**2 * (1 - rays[..., 1] ** 2)
    hit = half_chord > 9  # not at the very rim
    points = np.array([0, -200, 0]) + (200 * rays[..., 1] - np.sqrt(np.maximum(half_chord, 0)))[..., None] * rays
    normals = points / 12
    to_light = -rays if light is None else np.broadcast_to(np.array(light) / np.linalg.norm(light), rays.shape)
    half = to_light - rays
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    expected = 0.6 * (0.1 + 0.8 * np.maximum((normals * to_light).sum(-1), 0))
    expected += 0.2 * np.maximum((normals * half).sum(-1), 0) ** 10
    assert hit.sum() > 200
    np.testing.assert_allclose(output.rgba[0, ..., 0].numpy()[hit], np.minimum(expected, 1)[hit], atol=0.02)


def test_shading_fades_where_there_is_no_surface():
    scan = labelled(np.full((6, 6, 6), 40.0))
    camera = camera_at((2.5, -40, 2.5), (2.5, 2.5, 2.5))
    shaded = march(scan, GREY, camera, shading=Shading(ambient=0, diffuse=0))
    torch.testing.assert_close(shaded.rgba, march(scan, GREY, camera).rgba)
