"""Splatted pictures against the truth: noise taken out, and errors blamed on whom they belong to."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tomosplat.errors import LabelError
from tomosplat.fitting.gaussians import FittedGaussians
from tomosplat.gaussians import GaussianScene
from tomosplat.lighting import LightRig
from tomosplat.pipeline.belonging import check_labels_belong
from tomosplat.pipeline.fidelity import compare_views
from tomosplat.pipeline.fidelity.compare_views import differences, gaussian_errors, measured
from tomosplat.pipeline.options import FidelityOptions, PrimingOptions
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.relight import relit
from tomosplat.pipeline.scan import PreparedScan, color_scan
from tomosplat.render import rasterize
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import LabelMap, OpticalVolume, torso

LIVER, OPTIONS = 5, FidelityOptions(n_views=4, size=64, samples=2)


@pytest.fixture(scope="module")
def prepared() -> PreparedScan:
    return PreparedScan(*torso(spacing_mm=6.0))


@pytest.fixture(scope="module")
def optical(prepared: PreparedScan) -> OpticalVolume:
    return color_scan(prepared, TransferFunctions.preset("seen"), None, Report())


@pytest.fixture(scope="module")
def scene(prepared: PreparedScan) -> GaussianScene:
    return prime_prepared(prepared, TransferFunctions.preset("seen"), None, PrimingOptions(), Report())


def test_noise_of_the_truth_adds_nothing_to_the_squared_difference() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = 0.3 + 0.4 * torch.rand(1, 200, 200, 3, generator=generator)
    splatted = truth + 0.02
    noisy = [truth + 0.1 * torch.randn(truth.shape, generator=generator) for _ in range(2)]
    squares, noise, ones = differences(splatted, *noisy).unbind(dim=-1)
    # The mean of 120,000 products of standard deviation 0.01.
    assert float(squares.mean()) == pytest.approx(0.02**2, abs=1e-4)
    assert float(noise.mean()) == pytest.approx(0.1**2 / 2, rel=0.03)
    assert float(((splatted - noisy[0]) ** 2).mean()) > 20 * 0.02**2, "which the plain difference does not hide"
    assert (ones == 1).all()


def test_what_displays_cannot_show_is_no_error() -> None:
    white, over = torch.ones(1, 2, 2, 3), torch.full((1, 2, 2, 3), 1.7)
    assert not differences(over, white, white)[..., 0].any()


def test_errors_are_roots_of_means_and_unknown_where_next_to_nothing_was_seen() -> None:
    sums = torch.tensor([[0.5, 0.1, 2.0], [0.0, 0, 0], [1e-3, 0, 1e-3], [-0.1, 0.1, 5]], dtype=torch.float64)
    found = gaussian_errors(sums)
    assert found.tolist() == pytest.approx([0.5, math.nan, math.nan, 0], nan_ok=True)


@pytest.fixture
def truth_is(monkeypatch: pytest.MonkeyPatch):
    """Let the truth be what a scene shows, so that a difference is known."""

    def replaced(true: GaussianScene) -> None:
        def traced(_optical: OpticalVolume, camera, _rig: LightRig, *_rest: object) -> Tensor:
            return rasterize(true, camera).rgba[..., :3].clamp(0, 1)

        monkeypatch.setattr(compare_views, "_traced", traced)

    return replaced


def look(scene: GaussianScene, optical: OpticalVolume, options: FidelityOptions = OPTIONS) -> GaussianScene:
    rig = LightRig.from_dict("rig", scene.shading["rig"])
    return measured(scene, optical, rig, options, Report())


def test_a_scene_that_shows_the_truth_is_trusted_wholly(truth_is, scene: GaussianScene, optical: OpticalVolume) -> None:
    truth_is(scene)
    found = look(scene, optical)
    assert found.fidelity is not None
    assert found.errors is not None
    assert found.fidelity.whole.trust == 100
    assert float(found.errors.nan_to_num().max()) < 1e-3
    assert found.errors.dtype == scene.means.dtype


def test_the_organ_that_is_wrong_is_the_one_that_is_blamed(
    truth_is, scene: GaussianScene, optical: OpticalVolume
) -> None:
    liver = scene.labels == LIVER
    only = replace(scene, opacities=torch.where(torch.isin(scene.labels, torch.tensor([1, LIVER])), scene.opacities, 0))
    truth_is(only)
    sh = only.sh.clone()
    sh[liver, 0] += 1.0
    found = look(replace(only, sh=sh), optical)
    assert found.fidelity is not None
    assert found.errors is not None
    trust = {label: organ.trust for label, organ in found.fidelity.organs.items()}
    assert trust[LIVER] < 20
    assert trust[1] > trust[LIVER] + 40
    assert float(found.errors[liver].nanmean()) > 5 * float(found.errors[scene.labels == 1].nanmean())
    unseen = ~torch.isin(scene.labels, torch.tensor([1, LIVER]))
    assert found.errors[unseen].isnan().all()
    assert {label for label, value in trust.items() if math.isnan(value)} == set(scene.labels[unseen].tolist())


def test_organs_are_the_mean_over_their_pixels(truth_is, scene: GaussianScene, optical: OpticalVolume) -> None:
    # Coverage tells the share of each organ in each pixel; nothing of the sums over Gaussians goes into it.
    truth_is(scene.select(scene.opacities > 0.3))
    found = look(scene, optical)
    assert found.fidelity is not None
    cameras = compare_views.views_around(optical, OPTIONS)
    own = rasterize(scene, cameras, coverage=[[LIVER]])
    true = torch.cat([compare_views._traced(optical, cameras[i : i + 1], None, 1, 0, False) for i in range(4)])  # type: ignore[arg-type]
    squares = (own.rgba[..., :3].clamp(0, 1) - true).square().mean(dim=-1)
    assert own.coverage is not None
    share = own.coverage[..., 0].double()
    organ = found.fidelity.organs[LIVER]
    assert organ.pixels == pytest.approx(float(share.sum()), rel=1e-3)
    assert organ.error == pytest.approx(float(((share * squares).sum() / share.sum()).sqrt()), rel=1e-3)


def test_the_same_command_gives_the_same_numbers(scene: GaussianScene, optical: OpticalVolume) -> None:
    options = replace(OPTIONS, n_views=2, size=32, raw=True)
    first, second = (look(scene, optical, options) for _ in range(2))
    assert first.errors is not None
    assert second.errors is not None
    assert torch.equal(first.errors.nan_to_num(-1), second.errors.nan_to_num(-1))
    assert first.fidelity == second.fidelity
    assert first.fidelity is not None
    assert first.fidelity.whole.noise > 0.005
    assert not first.fidelity.denoised
    assert look(scene, optical, replace(options, seed=1)).fidelity != first.fidelity


def test_labels_of_something_else_are_refused(scene: GaussianScene, prepared: PreparedScan) -> None:
    labels = prepared.labels
    check_labels_belong(scene, labels)
    others = [np.roll(labels.values, 3, axis=0), np.where(labels.values > 0, 200, 0).astype(np.uint8)]
    for values in others:
        with pytest.raises(LabelError, match="labels are not those of the scene"):
            check_labels_belong(scene, LabelMap(values, labels.grid))


def test_what_changes_a_scene_forgets_what_was_measured(scene: GaussianScene) -> None:
    known = replace(scene, errors=torch.full((len(scene),), 0.1))
    assert relit(known, [LIVER]).errors is None
    assert FittedGaussians.of(known, "6dgs").scene().errors is None
