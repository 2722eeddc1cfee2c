"""The models: what they draw of any volume at any size, and their gradients."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from tests.dvr.toy_subjects import toy_cameras, toy_volume
from tests.one_thread import one_thread  # noqa: F401
from torch import Tensor

from tomosplat.dvr.build import build_model
from tomosplat.dvr.levels import coarser_cameras, coarser_grid, padded_cameras, places_along_rays
from tomosplat.dvr.march import March
from tomosplat.dvr.model_settings import ModelName, ModelSettings
from tomosplat.dvr.models import LearnedRenderer
from tomosplat.errors import InputError
from tomosplat.geometry import Cameras, Grid

MODELS = get_args(ModelName)
NETWORKS = ("vnet4-4", "vnetl16-4", "vnetl16-17", "dvrnet", "rendernet")


def settings(name: ModelName, classification: str = "pre", associated: bool = True) -> ModelSettings:
    return ModelSettings(
        name=name,
        width=2,
        levels=None if name == "rendernet" else 2,
        depth=8,
        dropout=0.0,
        classification=classification,  # type: ignore[arg-type]
        associated=associated,
    )


def model_of(name: ModelName, classification: str = "pre", associated: bool = True) -> LearnedRenderer:
    """Weights of networks away from where they begin, which has kinks (RenderNet's slopes)."""
    model = build_model(settings(name, classification, associated), seed=3).eval()
    generator = torch.Generator().manual_seed(0)
    if name in NETWORKS:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.rand(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize("name", MODELS)
def test_volumes_and_pictures_of_any_size_are_drawn(name: ModelName) -> None:
    volume = torch.rand((5, 7, 6), generator=torch.Generator().manual_seed(0))
    grid = Grid.axis_aligned((5, 7, 6), (1.0, 2.0, 1.5))
    cameras = toy_cameras(toy_volume(8), 2)
    cameras = Cameras(cameras.viewmats, cameras.Ks, 13, 9)
    model = model_of(name)
    with torch.no_grad():
        pictures = model.draw(model.encode(volume), grid, cameras, March(1.0, True))
        width, height = (16, 16) if name == "rendernet" else (14, 10)
        padded = Cameras(cameras.viewmats, cameras.Ks, width, height)
        wider = model.draw(model.encode(volume), grid, padded, March(1.0, True))
    assert pictures.shape == (2, 9, 13, 4)
    assert bool(pictures.isfinite().all())
    torch.testing.assert_close(pictures, wider[:, :9, :13], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_a_picture_is_the_same_in_training_and_in_use_alone_and_beside_others(name: ModelName) -> None:
    volume = toy_volume(8)
    cameras = toy_cameras(volume)
    model = model_of(name).train()
    encoded = model.encode(torch.from_numpy(volume.values))
    together = model.draw(encoded, volume.grid, cameras[:3], March(1.0, True))
    model.eval()
    encoded = model.encode(torch.from_numpy(volume.values))
    alone = model.draw(encoded, volume.grid, cameras[1:2], March(1.0, True))
    torch.testing.assert_close(alone[0], together[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["lookup", "mlp", "vnet4-4", "vnetl16-4"])
@torch.no_grad()
def test_emission_that_is_not_associated_begins_thin(name: ModelName) -> None:
    volume = toy_volume(48)
    model = build_model(settings(name, associated=False))
    pictures = model.draw(model.encode(torch.from_numpy(volume.values)), volume.grid, toy_cameras(volume), March())
    assert 0.05 < float(pictures[..., :3].max()) < 3


def test_a_dvrnet_draws_volumes_whose_coarsest_level_is_a_voxel_wide() -> None:
    model = build_model(ModelSettings(name="dvrnet", width=2, dropout=0.0, classification="pre")).eval()
    volume = toy_volume(8)
    encoded = model.encode(torch.from_numpy(volume.values))
    assert bool(model.draw(encoded, volume.grid, toy_cameras(volume), March()).isfinite().all())


@pytest.mark.parametrize("name", ["vnetl16-4", "vnetl16-17", "dvrnet"])
def test_mapping_voxels_is_near_mapping_samples_where_features_are_smooth(name: ModelName) -> None:
    volume = toy_volume(12)
    cameras = toy_cameras(volume)
    drawn = []
    for classification in ("pre", "post"):
        model = model_of(name, classification)
        with torch.no_grad():
            encoded = model.encode(torch.from_numpy(volume.values))
            drawn.append(model.draw(encoded, volume.grid, cameras, March(1.0, True)))
    torch.testing.assert_close(drawn[0], drawn[1], rtol=0, atol=0.05)
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize("associated", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_finite_differences(name: ModelName, associated: bool) -> None:
    model = model_of(name, associated=associated).double()
    values = torch.rand((4, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    grid = Grid.axis_aligned((4, 4, 4), 2.0)
    cameras = toy_cameras(toy_volume(4), 1, 8)
    names = [name for name, _ in model.named_parameters()]
    names = [*names[:: max(1, len(names) // 4)], names[-1]]
    weights = [model.get_parameter(name) for name in names]
    values.requires_grad_()

    def call(volume: Tensor, *replaced: Tensor) -> Tensor:
        with torch.no_grad():
            originals = [weight.clone() for weight in weights]
        for name, weight in zip(names, replaced, strict=True):
            _set(model, name, weight)
        result = model.draw(model.encode(volume), grid, cameras, March(1.0, associated))
        for name, weight in zip(names, originals, strict=True):
            _set(model, name, weight)
        return result

    assert torch.autograd.gradcheck(call, (values, *weights), fast_mode=True)


def _set(model: torch.nn.Module, name: str, value: Tensor) -> None:
    owner, _, attribute = name.rpartition(".")
    module = model.get_submodule(owner)
    module._parameters.pop(attribute, None)
    setattr(module, attribute, value)


def test_at_first_light_passes_through_the_volume() -> None:
    volume = toy_volume(16)
    for name in ("vnet4-4", "vnetl16-4", "vnetl16-17", "dvrnet"):
        model = build_model(settings(name)).eval()
        with torch.no_grad():
            encoded = model.encode(torch.from_numpy(volume.values))
            alpha = model.draw(encoded, volume.grid, toy_cameras(volume), March(1.0, True))[..., 3]
        assert 0.05 < float(alpha[:, 6:10, 6:10].mean()) < 0.9


def test_coarser_grids_and_cameras_see_the_same_places() -> None:
    grid = Grid.axis_aligned((5, 8, 9), (1.0, 2.0, 3.0), (10.0, 20.0, 30.0))
    coarse = coarser_grid(grid, 2)
    assert coarse.shape == (3, 4, 5)
    block = grid.to_world(np.stack(np.meshgrid([2, 3], [4, 5], [6, 7], indexing="ij"), axis=-1).reshape(-1, 3))
    np.testing.assert_allclose(coarse.to_world([1, 2, 3]), block.mean(axis=0))
    cameras = toy_cameras(toy_volume(8), 2, 13)
    padded = padded_cameras(cameras, 8)
    assert (padded.width, padded.height) == (16, 16)
    small = coarser_cameras(padded, 4)
    point = np.array([1.0, 2.0, 3.0])
    pixels = []
    for seen in (cameras, small):
        local = seen.viewmats[0, :3, :3] @ point + seen.viewmats[0, :3, 3]
        pixels.append((seen.Ks[0] @ local)[:2] / local[2])
    np.testing.assert_allclose(pixels[0] / 4, pixels[1])


def test_places_lie_on_the_pixels_rays_at_common_depths_and_pass_the_whole_volume() -> None:
    volume = toy_volume(8)
    cameras = toy_cameras(volume, 2, 5)
    places = volume.grid.to_world(places_along_rays(cameras, volume.grid, 12))
    local = np.einsum("cij,chwnj->chwni", cameras.viewmats[:, :3, :3], places)
    local += cameras.viewmats[:, None, None, None, :3, 3]
    np.testing.assert_allclose(local[..., 2], np.broadcast_to(local[:, :1, :1, :, 2], local.shape[:-1]))
    pixels = np.einsum("cij,chwnj->chwni", cameras.Ks, local)
    pixels = pixels[..., :2] / pixels[..., 2:]
    expected = np.stack(np.meshgrid(np.arange(5) + 0.5, np.arange(5) + 0.5), axis=-1)
    np.testing.assert_allclose(pixels, np.broadcast_to(expected[None, :, :, None], pixels.shape))
    reach = np.linalg.norm(places[:, 2, 2] - volume.grid.center, axis=-1)
    assert (reach[:, [0, -1]] > 8).all()
    assert (reach.min(axis=1) < 2).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "vnet"}, "no model"),
        ({"width": 0}, "width"),
        ({"levels": 6}, "between 2 and 5"),
        ({"dropout": 1}, "dropout"),
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        ModelSettings(**{"name": "dvrnet", **change})  # type: ignore[arg-type]
