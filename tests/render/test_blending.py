"""Sums of fields over what each Gaussian covers, against the reference's weights pixel by pixel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.render.random_scenes import one_gaussian, random_scene, two_cameras
from torch import Tensor

from tomosplat.errors import ShapeError
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import SH_C0, Cameras
from tomosplat.render import blended_sums
from tomosplat.render.reference import rasterize_reference


def fields_of(cameras: Cameras) -> Tensor:
    """Random numbers of both signs that float32 holds, and ones."""
    generator = torch.Generator().manual_seed(3)
    size = (len(cameras), cameras.height, cameras.width, 2)
    fields = torch.randn(*size, generator=generator).double()
    return torch.cat([fields, torch.ones(*size[:3], 1, dtype=torch.float64)], dim=-1)


def summed_directly(scene: GaussianScene, cameras: Cameras, fields: Tensor) -> Tensor:
    """Σ over pixels and cameras of weight · field, as it is written."""
    sums = torch.zeros(len(scene), 3, dtype=torch.float64)
    for index in range(len(cameras)):
        viewmat, K = torch.from_numpy(cameras.viewmats[index]), torch.from_numpy(cameras.Ks[index])
        blended = rasterize_reference(scene, viewmat, K, cameras.width, cameras.height)
        sums.index_add_(0, blended.order, torch.einsum("hwn,hwk->nk", blended.weights, fields[index]))
    return sums


@pytest.mark.parametrize(("backend", "tolerance"), [("reference", 1e-10), ("cpu", 1e-3)])
def test_one_backward_pass_gives_the_sums_of_weight_times_field(backend: Any, tolerance: float) -> None:
    scene, cameras = random_scene(120), two_cameras()
    fields = fields_of(cameras)
    expected = summed_directly(scene, cameras, fields)
    found = blended_sums(scene if backend == "reference" else scene.to(torch.float32), cameras, fields, backend=backend)
    assert found.dtype == torch.float64
    assert (expected[:, 2] > 1).sum() > 60
    # Of random fields little may be left: what counts is the weight that the sum runs over.
    assert ((found - expected).abs() <= tolerance * (expected[:, 2:] + 1)).all()


def test_what_is_black_or_brighter_than_white_is_summed_over_too() -> None:
    scene, cameras = random_scene(60), two_cameras()
    fields = fields_of(cameras)
    sh = torch.zeros_like(scene.sh)
    for base in (-2.0, 4.0):
        sh[:, 0] = base / SH_C0
        found = blended_sums(replace(scene, sh=sh), cameras, fields, backend="reference")
        torch.testing.assert_close(found, summed_directly(scene, cameras, fields))


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_gaussians_that_no_view_shows_get_nothing(backend: Any) -> None:
    away = one_gaussian(means=torch.tensor([[0.0, 900, 0]], dtype=torch.float64)).to(torch.float32)
    cameras = two_cameras()
    ones = torch.ones(2, cameras.height, cameras.width, 3)
    assert not blended_sums(away, cameras, ones, backend=backend).any()


def test_fields_of_another_size_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"fields must be \(2, 50, 70, 3\).*got \(2, 50, 70, 4\)"):
        blended_sums(random_scene(5), two_cameras(), torch.zeros(2, 50, 70, 4))
