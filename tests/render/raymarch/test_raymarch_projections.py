"""Highest and mean values."""

import numpy as np
import pytest
import torch
from tests.render.raymarch.phantoms import SAME_GROUP, TWO_GROUPS, blobs, camera_at, labelled

from tomosplat.render.raymarching import RaymarchSettings, raymarch


def project(scan, camera, **settings):
    return raymarch(*scan, TWO_GROUPS, SAME_GROUP, camera, settings=RaymarchSettings(**settings))


def test_mip_finds_a_known_voxel_and_how_deep_it_lies():
    values = np.full((9, 9, 9), -50.0)
    values[4, 6, 4] = 1234
    output = project(labelled(values), camera_at((4, -40, 4), (4, 4, 4)), mode="mip", step_mm=0.05)
    assert float(output.values[0, 4, 4]) == pytest.approx(1234, abs=40)
    assert float(output.depth[0, 4, 4]) == pytest.approx(46, abs=0.05)
    assert float(output.rgba[0, 4, 4, 0]) == pytest.approx(1, abs=0.04)
    assert output.rgba[0, 4, 4, 3] == 1


def test_the_average_of_a_ramp_is_its_middle_whatever_the_step():
    ramp = np.broadcast_to(10 * np.arange(21.0)[None, :, None], (5, 21, 5))
    for step in (0.5, 1.0, 7.0):
        output = project(labelled(ramp), camera_at((2, -40, 2), (2, 5, 2)), mode="average", step_mm=step)
        # Half a voxel at either end is flat, which is symmetric.
        assert float(output.values[0, 4, 4]) == pytest.approx(100, abs=0.6 * step)
        assert output.depth is None


def test_a_window_maps_values_to_grey_and_leaves_misses_empty():
    output = project(
        labelled(np.full((5, 5, 5), 40.0)), camera_at((2, -40, 2), (2, 2, 2), 20, 30), mode="mip", window=(-60, 140)
    )
    met = output.values.isfinite()
    assert 0 < int(met.sum()) < met.numel()
    assert bool((output.rgba[met] == torch.tensor([0.5, 0.5, 0.5, 1])).all())
    assert not bool(output.rgba[~met].any())


@pytest.mark.parametrize("mode", ["mip", "average"])
def test_hidden_labels_do_not_count(mode):
    values = np.full((5, 20, 5), 40.0)
    values[:, :10] = 500
    labels = np.where(values > 100, 1, 2)
    output = project(labelled(values, labels), camera_at((2, -40, 2), (2, 5, 2)), mode=mode, visible=[2], step_mm=0.1)
    assert float(output.values[0, 4, 4]) < (280 if mode == "mip" else 60)


@pytest.mark.parametrize("mode", ["mip", "average"])
@pytest.mark.parametrize("visible", [None, [1]])
def test_skipping_does_not_change_the_values(mode, visible):
    scan = labelled(*blobs((40, 30, 35)))
    camera = camera_at((80, -60, 50), (20, 15, 17), size=40, fov_deg=30)
    a, b = (project(scan, camera, mode=mode, visible=visible, skip_empty=skip).values for skip in (True, False))
    torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("mode", ["mip", "average"])
def test_one_bright_voxel_does_not_darken_the_others(mode):
    values = np.full((20, 20, 20), 40.0)
    values[:10] = -1000
    values[15, 10, 10] = 30000
    camera = camera_at((10, -60, 10), (10, 10, 10), size=15, fov_deg=14)
    grey = project(labelled(values), camera, mode=mode).rgba[0, 3, :, 0]
    assert float(grey[0]) == pytest.approx(0, abs=1e-3)
    assert float(grey[-1]) == pytest.approx(1, abs=1e-3)
