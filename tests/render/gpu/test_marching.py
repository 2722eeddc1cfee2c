"""The GPU's ray marcher against the reference: pictures, depth, and gradients of voxels and tables."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.render.closeness import assert_gradient_close
from tests.render.raymarch.phantoms import OBLIQUE, SAME_GROUP, TWO_GROUPS, blobs, camera_at, labelled

from tomosplat.errors import BackendUnavailableError, EmptySceneError, InputError, MemoryLimitError
from tomosplat.render.pathtracer.settings import ClipPlane
from tomosplat.render.raymarching import RaymarchSettings, Shading, raymarch
from tomosplat.render.reference.march import march_reference
from tomosplat.render.reference.raymarch import composite_reference, view_rays

PLAIN = RaymarchSettings(step_mm=2.5, jitter=False, shading=None, skip_empty=False)


def scene(size=6):
    """A view of which some rays miss, and one program's rays leave the picture on two sides."""
    scan = labelled(*blobs(), affine=OBLIQUE)
    return scan, camera_at(scan[0].grid.center + np.array([60, -50, 30]), scan[0].grid.center, size=size, fov_deg=30)


def compositor(scan, settings, device):
    from tomosplat.render.gpu.scans import GpuCompositor

    shown = np.zeros(256, np.uint8)
    shown[list(range(256) if settings.visible is None else settings.visible)] = 1
    return GpuCompositor(*scan, TWO_GROUPS, SAME_GROUP, shown, settings, device)


@pytest.mark.parametrize(
    ("size", "settings"),
    [
        (9, {"shading": None}),
        (6, {"shading": Shading(fade=5)}),
        (6, {"shading": Shading(light=(1, 2, 3), fade=5, specular=3.0, shininess=2.0), "visible": [0, 2]}),
        (6, {"clip": (ClipPlane((10, 5, 9), (1, 1, -0.5)),), "skip_empty": False}),
        (6, {"classification": "preintegrated", "step_mm": 4.0, "shading": Shading(fade=5)}),
    ],
    ids=["plain", "headlight", "light", "clipped", "preintegrated"],
)
def test_pictures_are_the_references(device, size, settings):
    scan, camera = scene(size)
    chosen = RaymarchSettings(**{"step_mm": 2.5, "jitter": False} | settings)
    rgba, depth = compositor(scan, chosen, device).draw(camera, None)
    fade = 25.0 if chosen.shading is None or chosen.shading.fade is None else chosen.shading.fade
    expected, expected_depth = composite_reference(*scan, TWO_GROUPS, SAME_GROUP, camera, 0, chosen, fade)
    assert expected[..., 3].max() > 0.5
    # The kernel ends a ray at 1/256 of the light.
    np.testing.assert_allclose(rgba[0].cpu().numpy(), expected, atol=1 / 256 + 5e-4)
    sure = expected[..., 3] > 0.05
    np.testing.assert_allclose(depth[0].cpu().numpy()[sure], expected_depth[sure], atol=0.15)
    assert bool(depth[0].cpu()[expected[..., 3] == 0].isnan().all())


def test_jitter_is_the_cpus(device):
    scan, camera = scene()
    settings = RaymarchSettings(step_mm=3.0, shading=Shading(fade=5), seed=7)
    found, _ = compositor(scan, settings, device).draw(camera, None)
    expected = raymarch(*scan, TWO_GROUPS, SAME_GROUP, camera, settings=settings).rgba
    torch.testing.assert_close(found.cpu(), expected, atol=5e-4, rtol=0)


def test_skipping_empty_space_changes_nothing(device):
    scan = labelled(*blobs((28, 22, 24)), affine=OBLIQUE)
    camera = camera_at(scan[0].grid.center + np.array([80, -60, 40]), scan[0].grid.center, size=6, fov_deg=28)
    settings = RaymarchSettings(step_mm=3.0, shading=None, visible=[2])
    a, b = (
        compositor(scan, replace(settings, skip_empty=skip), device).draw(camera, None)[0] for skip in (True, False)
    )
    assert float(a[..., 3].max()) > 0.1
    torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(1, 9, 7), (1, 1, 1)])
def test_thin_scans_are_drawn(device, shape):
    scan = labelled(np.full(shape, 200.0))
    camera = camera_at(scan[0].grid.center + np.array([30, -20, 25]), scan[0].grid.center, size=8, fov_deg=15)
    rgba, _ = compositor(scan, RaymarchSettings(), device).draw(camera, None)
    assert float(rgba[..., 3].max()) > 0.1
    assert bool(rgba.isfinite().all())


def thin_scan(device):
    """Two rows that share voxels, so thin that no ray ends early, and its double in float64."""
    from tomosplat.render.gpu.volumes import ScanTensors

    (volume, labels), _ = scene()
    emission = 0.05 * torch.rand(3, 20, 4, generator=torch.Generator().manual_seed(2))
    emission[0] = 0
    emission[1, :, 3] *= 0.01  # bright, but hardly opaque: series take the place of quotients
    scan = ScanTensors(
        values=torch.from_numpy(volume.values.copy()).to(device).requires_grad_(),
        rows=torch.from_numpy(labels.values).to(device),
        emission=emission.to(device).requires_grad_(),
        low=-20.0,
        per_unit=19 / 250,  # values above 230 are beyond the last entry
        grid=volume.grid,
    )
    return scan, scan.values.detach().cpu().double(), scan.emission.detach().cpu().double()


def test_gradients_of_voxels_and_tables_are_the_references(device):
    from tomosplat.render.gpu.volumes import march_views

    _, camera = scene()
    scan, *doubles = thin_scan(device)
    values, emission = (double.requires_grad_() for double in doubles)
    rays = view_rays(camera, 0, scan.grid, PLAIN)
    expected = march_reference(
        values, scan.rows.cpu(), emission, scan.low, scan.per_unit, rays, scan.grid, PLAIN.step_mm
    ).reshape(1, 6, 6, 4)
    rgba, _ = march_views(scan, camera, PLAIN)
    torch.testing.assert_close(rgba.detach().cpu().double(), expected.detach(), rtol=1e-4, atol=1e-5)
    weights = torch.randn(rgba.shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad((rgba * weights.to(device)).sum(), [scan.values, scan.emission])
    truth = torch.autograd.grad((expected * weights).sum(), [values, emission])
    assert_gradient_close(found[0].cpu().reshape(-1), truth[0].reshape(-1))
    assert_gradient_close(found[1][1:].cpu(), truth[1][1:])
    assert float(found[1][0].abs().max()) == 0


def test_reference_is_the_other_reference():
    scan, camera = scene(6)
    settings = replace(PLAIN, step_mm=1.0)
    expected, _ = composite_reference(*scan, TWO_GROUPS, SAME_GROUP, camera, 0, settings, 1.0)
    values = torch.linspace(-200, 500, 70001, dtype=torch.float64)
    tables = torch.zeros(3, len(values), 4, dtype=torch.float64)
    for group, function in TWO_GROUPS.functions.items():
        from tomosplat.render.reference.raymarch import emission

        tables[group] = torch.from_numpy(emission(function, values.numpy()))
    rays = view_rays(camera, 0, scan[0].grid, settings)
    scan_values, rows = torch.from_numpy(scan[0].values).double(), torch.from_numpy(scan[1].values)
    found = march_reference(scan_values, rows, tables, -200.0, 100.0, rays, scan[0].grid, 1.0)
    np.testing.assert_allclose(found.reshape(6, 6, 4).numpy(), expected, atol=1e-6)


def projector(scan, settings, device):
    from tomosplat.render.gpu.scans import GpuProjector

    return GpuProjector(*scan, np.isin(np.arange(256), settings.visible).astype(np.uint8), settings, device)


@pytest.mark.parametrize("mode", ["mip", "average"])
@pytest.mark.parametrize("skip_empty", [True, False])
def test_highest_and_mean_values_are_the_cpus(device, mode, skip_empty):
    """Of labels in the grid's middle, behind a plane, some rays meeting none; jitter included."""
    scan, camera = scene(8)
    clip = (ClipPlane((10, 5, 9), (1, 1, -0.5)),)
    settings = RaymarchSettings(mode=mode, step_mm=2.0, skip_empty=skip_empty, visible=[0, 2], clip=clip, seed=3)
    values, depth = projector(scan, settings, device).draw(camera, None)
    expected = raymarch(*scan, TWO_GROUPS, SAME_GROUP, camera, settings=settings)
    assert 0 < int(expected.values.isnan().sum()) < expected.values.numel()
    torch.testing.assert_close(values.cpu(), expected.values, atol=0.02, rtol=0, equal_nan=True)
    if mode == "mip":
        torch.testing.assert_close(depth.cpu(), expected.depth, atol=1e-3, rtol=0, equal_nan=True)


def test_what_cannot_be_drawn_or_differentiated_is_refused(device, monkeypatch):
    from tomosplat.render.gpu import scans, volumes

    scan, camera = scene()
    with pytest.raises(EmptySceneError):
        projector(scan, RaymarchSettings(mode="mip", visible=[9]), device)
    with pytest.raises(EmptySceneError):
        compositor(scan, RaymarchSettings(visible=[9]), device)
    tensors, *_ = thin_scan(device)
    for spoilt in (replace(tensors, bricks=tensors.rows), replace(tensors, pairs=tensors.emission)):
        with pytest.raises(InputError, match=r"'post' and skip_empty=False"):
            volumes.march_views(spoilt, camera, PLAIN)
    monkeypatch.setattr(scans, "free_memory", lambda _: 1000)
    with pytest.raises(MemoryLimitError, match="the scan needs"):
        compositor(scan, RaymarchSettings(), device)


def test_a_gpu_that_is_asked_for_and_absent_is_an_error(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    scan, camera = scene()
    with pytest.raises(BackendUnavailableError, match="not possible here"):
        raymarch(*scan, TWO_GROUPS, SAME_GROUP, camera, device="cuda")


@pytest.mark.parametrize("mode", ["composite", "mip"])
def test_the_device_chooses_who_draws(device, mode):
    if device.type != "cuda":
        pytest.skip("only a GPU's scan is drawn by the GPU")
    scan, camera = scene()
    settings = RaymarchSettings(mode=mode)
    found = raymarch(*scan, TWO_GROUPS, SAME_GROUP, camera, settings=settings, device=device)
    assert found.rgba.is_cuda
    expected = raymarch(*scan, TWO_GROUPS, SAME_GROUP, camera, settings=settings)
    torch.testing.assert_close(found.rgba.cpu(), expected.rgba, atol=1e-3, rtol=0)
