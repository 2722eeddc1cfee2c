"""What is refused, and by which name."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.render.raymarch.phantoms import SAME_GROUP, TWO_GROUPS, blobs, camera_at, functions, labelled

from tomosplat import machine
from tomosplat.errors import (
    EmptySceneError,
    GeometryError,
    InputError,
    LabelError,
    MemoryLimitError,
    ShapeError,
    UnitsError,
)
from tomosplat.geometry import Cameras, Grid
from tomosplat.render.raymarching import RaymarchSettings, Shading, raymarch
from tomosplat.volume import LabelMap, Volume

CAMERA = camera_at((60, -50, 30), (9, 7, 6))


@pytest.mark.parametrize("step", [0, -1, math.nan, math.inf])
def test_impossible_steps(step):
    with pytest.raises(InputError, match="step_mm"):
        RaymarchSettings(step_mm=step)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"mode": "minip"}, "mode"),
        ({"classification": "pre"}, "classification"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"window": (5, 5)}, "window"),
        ({"window": (0, math.nan)}, "window"),
    ],
)
def test_settings_out_of_range(change, name):
    with pytest.raises(InputError, match=name):
        RaymarchSettings(**change)


@pytest.mark.parametrize(
    "change",
    [{"ambient": -0.1}, {"diffuse": math.nan}, {"shininess": math.inf}, {"fade": -1}, {"light": (0, 0, 0)}],
)
def test_impossible_light(change):
    with pytest.raises(InputError, match=next(iter(change))):
        Shading(**change)


def test_nan_is_refused_before_any_ray():
    values = np.zeros((4, 4, 4), np.float32)
    values[1, 2, 3] = np.nan
    with pytest.raises(UnitsError, match="1 of 64"):
        labelled(values)


def test_scans_that_do_not_fit_together():
    volume, labels = labelled(*blobs())
    other = LabelMap(labels.values, Grid(labels.grid.shape, np.diag([2.0, 1, 1, 1])))
    with pytest.raises(LabelError, match="another grid"):
        raymarch(volume, other, TWO_GROUPS, SAME_GROUP, CAMERA)
    with pytest.raises(UnitsError, match="HU"):
        raymarch(Volume(volume.values, volume.grid), labels, TWO_GROUPS, SAME_GROUP, CAMERA)
    with pytest.raises(ShapeError, match="group_of_label"):
        raymarch(volume, labels, TWO_GROUPS, SAME_GROUP[:12], CAMERA)


def test_labels_that_cannot_be():
    with pytest.raises(LabelError, match="256"):
        raymarch(*labelled(*blobs()), TWO_GROUPS, SAME_GROUP, CAMERA, settings=RaymarchSettings(visible=[1, 256]))


@pytest.mark.parametrize("mode", ["composite", "mip", "average"])
def test_nothing_to_see(mode):
    settings = RaymarchSettings(mode=mode, visible=[77])
    with pytest.raises(EmptySceneError):
        raymarch(*labelled(*blobs()), TWO_GROUPS, SAME_GROUP, CAMERA, settings=settings)


def test_functions_that_show_no_value_of_the_scan():
    with pytest.raises(EmptySceneError):
        raymarch(*labelled(*blobs()), functions([2000, 1, 1, 1, 0], [2001, 1, 1, 1, 1]), SAME_GROUP, CAMERA)


def test_cameras_that_are_no_pinholes():
    Ks = CAMERA.Ks.copy()
    Ks[0, 2, 0] = 0.01
    with pytest.raises(GeometryError, match="K ="):
        raymarch(*labelled(*blobs()), TWO_GROUPS, SAME_GROUP, Cameras(CAMERA.viewmats, Ks, 9, 9))


def test_pictures_larger_than_memory(monkeypatch):
    monkeypatch.setattr(machine, "available_memory", lambda: 1000)
    with pytest.raises(MemoryLimitError, match="GB"):
        raymarch(*labelled(*blobs()), TWO_GROUPS, SAME_GROUP, replace(CAMERA, width=64))
