"""Where fits begin, and which views are traced first."""

import threading
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from tests.fitting.scenes import blobs
from tests.patience import PATIENCE_S, until

from tomosplat.anatomy import GROUP_OF_LABEL
from tomosplat.errors import EmptySceneError
from tomosplat.geometry import frame_points, sphere_directions
from tomosplat.lighting import load_rig
from tomosplat.pipeline.datasets.next_views import most_unseen_first
from tomosplat.pipeline.fitting.options import TracedViews
from tomosplat.pipeline.fitting.surface import surface_scene
from tomosplat.pipeline.fitting.traced_views import Tracer
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.pipeline.views import optical_outline
from tomosplat.render import PathTraceSettings, pathtrace
from tomosplat.transfer import TransferFunctions, apply_transfer
from tomosplat.volume.torso import torso


@pytest.fixture(scope="module")
def prepared():
    return PreparedScan(*torso(0, 8))


@pytest.fixture(scope="module")
def optical(prepared):
    return apply_transfer(prepared.volume, prepared.labels, TransferFunctions.preset("seen"), GROUP_OF_LABEL)


def test_a_surface_scene_stands_where_opacity_is_a_tenth_and_has_the_nearest_voxels_labels(prepared, optical) -> None:
    scene = surface_scene(prepared, optical, seed=0)
    grid = optical.grid
    opacity = torch.from_numpy(-np.expm1(-1.5 * optical.extinction))
    index = torch.from_numpy(grid.to_index(scene.means.double().numpy()))
    inside = ((index > 0) & (index < torch.tensor(grid.shape) - 1)).all(dim=1)
    size = torch.tensor(grid.shape) - 1
    places = (2 * index / size - 1).flip(1).float()
    sampled = torch.nn.functional.grid_sample(
        opacity[None, None], places[None, None, None], align_corners=True, mode="bilinear"
    )[0, 0, 0, 0]
    # A vertex lies on an edge between voxels, where trilinear interpolation is the linear one of marching cubes.
    # In a few ambiguous cells the algorithm adds a vertex in the middle.
    on_level = (sampled[inside] - 0.1).abs() < 1e-3
    assert float(on_level.float().mean()) > 0.995
    visible = optical.extinction > 0
    voxels = np.argwhere(visible)
    for n in range(0, len(scene), len(scene) // 20):
        distances = np.linalg.norm(voxels - np.rint(index[n].numpy()), axis=1)
        nearest = {int(optical.labels[tuple(v)]) for v in voxels[distances <= distances.min() + 1e-9]}
        assert int(scene.labels[n]) in nearest
    assert set(scene.label_names) == set(torch.unique(scene.labels).tolist())


def test_without_a_surface_there_is_nothing_to_begin_with(prepared, optical) -> None:
    with pytest.raises(EmptySceneError, match="no surface"):
        surface_scene(prepared, replace(optical, extinction=np.zeros_like(optical.extinction)), 0)


def test_the_second_view_is_the_one_from_behind_the_first() -> None:
    scene = blobs(2000)
    dense = replace(scene, opacities=torch.full((2000,), 0.99))
    azimuths = [0, 10, 20, 180]
    cameras = frame_points(dense.means.double().numpy(), sphere_directions(azimuths, 0), 200, 200)
    order = most_unseen_first(dense, cameras, 3)
    assert len(set(order)) == 3
    assert (order[0] == 3) != (order[1] == 3), "one of the first two is from behind"


def test_the_tracer_refines_every_view_to_the_samples_asked_for(optical, monkeypatch) -> None:
    refine, traced = threading.Event(), count()

    def held(*given, **more):
        assert next(traced) < 3 or refine.wait(PATIENCE_S)
        return pathtrace(*given, **more)

    monkeypatch.setattr("tomosplat.pipeline.fitting.traced_views.pathtrace", held)
    cameras = frame_points(optical_outline(optical), sphere_directions([0, 90, 180], 0), 24, 24)
    options = TracedViews(n_views=3, size=24, samples=64)
    with Tracer(optical, load_rig("studio"), cameras, options, 0, clean=False) as tracer:
        tracer.wait_for(3)
        first = [view.rgba.clone() for view in tracer.views]
        refine.set()
        until(lambda: tracer.samples == 3 * 64)
    truth = pathtrace(optical, cameras, load_rig("studio"), settings=PathTraceSettings(samples=1024, seed=77)).encoded()
    for index in range(3):
        early = np.square(first[index].numpy() - truth[index]).mean()
        late = np.square(tracer.views[index].rgba.numpy() - truth[index]).mean()
        assert late < 0.7 * early, "four times the samples, about a quarter of the variance"


def test_what_goes_wrong_while_tracing_is_raised_where_it_is_waited_for(optical) -> None:
    empty = replace(optical, extinction=np.zeros_like(optical.extinction))
    cameras = frame_points(optical_outline(optical), sphere_directions([0, 90], 0), 24, 24)
    tracer = Tracer(empty, load_rig("studio"), cameras, TracedViews(n_views=2), 0, clean=False)
    with tracer, pytest.raises(EmptySceneError):
        tracer.wait_for(1)
