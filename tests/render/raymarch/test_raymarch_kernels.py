"""The kernels against the reference, and against themselves."""

import itertools

import numpy as np
import pytest
import torch
from tests.render.raymarch.phantoms import OBLIQUE, SAME_GROUP, TWO_GROUPS, blobs, camera_at, labelled

from tomosplat.geometry import Cameras, Grid, intrinsics, look_at
from tomosplat.render.pathtracer.settings import ClipPlane
from tomosplat.render.raymarching import Raymarcher, RaymarchSettings, Shading, raymarch
from tomosplat.render.reference.raymarch import composite_reference
from tomosplat.volume import LabelMap, Volume
from tomosplat.volume.orientation import AxisOrder


def march(scan, camera, **settings):
    return raymarch(*scan, TWO_GROUPS, SAME_GROUP, camera, settings=RaymarchSettings(**settings))


def scene():
    scan = labelled(*blobs(), affine=OBLIQUE)
    camera = camera_at(scan[0].grid.center + np.array([60, -50, 30]), scan[0].grid.center, size=21, fov_deg=30)
    return scan, camera


@pytest.mark.parametrize(
    "settings",
    [
        {"shading": None},
        {"shading": Shading(fade=5)},
        {"shading": Shading(light=(1, 2, 3), fade=5), "visible": [0, 2]},
        {"shading": None, "classification": "preintegrated", "step_mm": 3.0},
        {"clip": (ClipPlane((10, 5, 9), (1, 1, -0.5)),), "classification": "preintegrated"},
    ],
    ids=["plain", "headlight", "light", "preintegrated", "clipped"],
)
def test_kernels_agree_with_the_reference(settings):
    scan, camera = scene()
    chosen = RaymarchSettings(**{"step_mm": 0.9, "jitter": False} | settings)
    output = raymarch(*scan, TWO_GROUPS, SAME_GROUP, camera, settings=chosen)
    fade = 25.0 if chosen.shading is None or chosen.shading.fade is None else chosen.shading.fade
    rgba, depth = composite_reference(*scan, TWO_GROUPS, SAME_GROUP, camera, 0, chosen, fade)
    assert rgba[..., 3].max() > 0.9
    # The kernel ends a ray at 1/256 of the light.
    np.testing.assert_allclose(output.rgba[0].numpy(), rgba, atol=1 / 256 + 5e-4)
    sure = rgba[..., 3] > 0.05
    np.testing.assert_allclose(output.depth[0].numpy()[sure], depth[sure], atol=0.15)


@pytest.mark.parametrize("classification", ["post", "preintegrated"])
@pytest.mark.parametrize("visible", [None, [2]])
def test_skipping_empty_space_does_not_change_a_bit(classification, visible):
    scan = labelled(*blobs((40, 30, 35)), affine=OBLIQUE)
    camera = camera_at(scan[0].grid.center + np.array([80, -60, 40]), scan[0].grid.center, size=48, fov_deg=40)
    a, b = (
        march(scan, camera, classification=classification, visible=visible, step_mm=0.7, skip_empty=skip)
        for skip in (True, False)
    )
    assert 0.05 < float((a.rgba[..., 3] > 0).float().mean()) < 1
    assert torch.equal(a.rgba, b.rgba)


def test_all_48_orders_of_the_axes_give_one_picture():
    (volume, labels), camera = scene()
    truth = march((volume, labels), camera, step_mm=0.8).rgba
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((False, True), repeat=3):
            order = AxisOrder(axes, signs)
            grid = order.grid(volume.grid)
            turned = Volume(order.apply(volume.values), grid, "HU"), LabelMap(order.apply(labels.values), grid)
            torch.testing.assert_close(march(turned, camera, step_mm=0.8).rgba, truth, atol=2e-4, rtol=0)


def test_rays_along_the_axes_end():
    scan = labelled(*blobs())
    centre = np.round(scan[0].grid.center)
    for axis, sign, on_face in itertools.product(range(3), (-1, 1), (0.0, 0.5, -0.5)):
        offset = np.roll((sign * 60.0, 0, 0), axis)
        target = centre + on_face
        viewmats = look_at([target + offset], target, up=np.roll((0.0, 0, 1), axis))
        viewmats[np.abs(viewmats) < 1e-12] = 0
        camera = Cameras(viewmats, intrinsics(1, 5, 5, 1e-9), 5, 5)
        for settings in ({}, {"mode": "mip"}, {"mode": "average"}, {"classification": "preintegrated"}):
            assert bool(march(scan, camera, **settings).rgba.isfinite().all())


def test_jitter_is_the_same_for_a_seed_and_differs_between_seeds():
    scan, camera = scene()
    first, again, other = (march(scan, camera, step_mm=2.0, seed=seed).rgba for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float((first - other).abs().mean()) < 0.02


def test_the_number_of_threads_changes_nothing():
    scan, camera = scene()
    before = torch.get_num_threads()
    pictures = []
    try:
        for n in (1, 3):
            torch.set_num_threads(n)
            pictures.append(march(scan, camera).rgba)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*pictures)


@pytest.mark.parametrize("shape", [(1, 9, 7), (9, 1, 1), (2, 2, 2), (1, 1, 1), (5, 4, 1)])
def test_thin_scans_are_drawn(shape):
    scan = labelled(np.full(shape, 200.0))
    centre = scan[0].grid.center
    camera = Cameras(look_at([centre + np.array([30, -20, 25])], centre), intrinsics(1, 32, 32, 30), 32, 32)
    for classification in ("post", "preintegrated"):
        output = march(scan, camera, classification=classification)
        assert float(output.rgba[..., 3].max()) > 0.1
        assert bool(output.rgba.isfinite().all())


@pytest.mark.parametrize("mode", ["composite", "mip"])
def test_a_prepared_scan_draws_every_view_as_if_it_were_the_only_one(mode):
    scan, camera = scene()
    settings = RaymarchSettings(mode=mode, jitter=False)
    other = camera_at(scan[0].grid.center - np.array([10, 70, 20]), scan[0].grid.center, size=21, fov_deg=30)
    marcher = Raymarcher(*scan, TWO_GROUPS, SAME_GROUP, settings=settings)
    for view in (camera, other, camera):
        alone = raymarch(*scan, TWO_GROUPS, SAME_GROUP, view, settings=settings)
        assert torch.equal(marcher.draw(view).rgba, alone.rgba)
        assert float(alone.rgba[..., 3].max()) > 0.5


def test_no_camera_gives_no_picture():
    scan, camera = scene()
    assert march(scan, camera[:0]).rgba.shape == (0, 21, 21, 4)


def test_progress_counts_cameras():
    scan, camera = scene()
    calls = []
    two = Cameras(np.tile(camera.viewmats, (2, 1, 1)), np.tile(camera.Ks, (2, 1, 1)), 21, 21)
    raymarch(*scan, TWO_GROUPS, SAME_GROUP, two, progress=lambda *done: calls.append(done))
    assert calls == [(1, 2), (2, 2)]


def test_values_in_other_units_shade_by_their_range():
    values, labels = blobs()
    grid = Grid(values.shape, np.eye(4))
    tfs = TWO_GROUPS.from_dict(TWO_GROUPS.to_dict() | {"unit": "arbitrary"})
    camera = camera_at((60, -50, 30), grid.center, size=16, fov_deg=25)
    output = raymarch(Volume(values, grid), LabelMap(labels, grid), tfs, SAME_GROUP, camera)
    assert float(output.rgba[..., 3].max()) > 0.5
