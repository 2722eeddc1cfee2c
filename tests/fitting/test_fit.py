from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.fitting.scenes import blobs, faded, seen

from tomosplat.errors import DivergedError, InputError
from tomosplat.fitting import (
    DensityControl,
    FitSettings,
    LearningRates,
    View,
    fit,
    load_checkpoint,
    mean_psnr,
    save_checkpoint,
)

SHORT = FitSettings(iterations=60, evaluate_every=20)


@pytest.mark.parametrize("model", ["6dgs", "3dgs"])
def test_a_fit_brings_back_what_was_taken_away(model) -> None:
    truth = blobs()
    views, held_out = seen(truth, 8), seen(truth, 3, turn=1.0)
    state = fit(faded(truth), views, replace(SHORT, model=model), held_out=held_out)
    first, last = state.looks[0], state.looks[-1]
    assert last.held_out_psnr > first.held_out_psnr + 6
    assert last.train_psnr > first.train_psnr + 6
    assert last.loss < state.looks[1].loss


def test_labels_values_and_names_stay_with_their_gaussians_through_density_control() -> None:
    truth = blobs()
    control = DensityControl(every=10, densify=True, begin=10, end=0.7, prune_below=0.1)
    start = replace(faded(truth), opacities=truth.opacities.clone().index_fill_(0, torch.arange(10), 0.05))
    state = fit(start, seen(truth, 6), replace(SHORT, density=control))
    scene = state.result()
    counts = np.bincount(state.gaussians.origin.numpy(), minlength=len(truth))
    assert (counts > 1).any(), "none was cloned or split"
    assert (counts == 0).any(), "none was pruned"
    assert scene.values is not None
    torch.testing.assert_close(scene.labels, (scene.values.long() % 5).to(torch.uint8) + 1)
    assert scene.label_names == truth.label_names
    assert len(state.gaussians.momentum) == len(state.gaussians.counts) == len(scene)


def test_a_mask_hides_what_it_leaves_out() -> None:
    truth = blobs()
    views = seen(truth, 6)
    spoilt = [
        View(v.camera, torch.where(v.rgba.new_ones(1) * _left(v)[..., None] > 0, 1 - v.rgba, v.rgba), ~_left(v))
        for v in views
    ]
    state = fit(faded(truth), spoilt, SHORT)
    right = [View(v.camera, v.rgba, ~_left(v)) for v in views]
    assert mean_psnr(state.gaussians.leaf_scene(), right) > mean_psnr(faded(truth), right) + 5


def _left(view: View) -> torch.Tensor:
    left = torch.zeros(view.rgba.shape[:2], dtype=torch.bool)
    left[:, :10] = True
    return left


def test_a_fit_that_was_stopped_goes_on_to_the_same_bits(tmp_path) -> None:
    truth = blobs()
    views, held_out = seen(truth, 5), seen(truth, 2, turn=1.0)
    settings = replace(SHORT, density=DensityControl(every=10, densify=True, begin=10, end=0.9, fade_every=30))
    path = tmp_path / "fit.checkpoint"
    whole = fit(faded(truth), views, settings, held_out=held_out)

    class KilledError(Exception):
        pass

    def save_and_die(state):
        save_checkpoint(path, state, settings)
        if state.iteration == 40:
            raise KilledError

    with pytest.raises(KilledError):
        fit(faded(truth), views, settings, held_out=held_out, on_look=save_and_die)
    state = load_checkpoint(path, faded(truth), settings)
    assert state.iteration == 40
    resumed = fit(faded(truth), views, settings, held_out=held_out, state=state)
    for name, tensor in whole.result().tensors().items():
        torch.testing.assert_close(getattr(resumed.result(), name), tensor, rtol=0, atol=0)
    assert resumed.looks[-1] == whole.looks[-1]


def test_a_checkpoint_of_another_fit_is_refused(tmp_path) -> None:
    truth = blobs()
    save_checkpoint(tmp_path / "c", fit(faded(truth), seen(truth, 2), replace(SHORT, iterations=1)), SHORT)
    with pytest.raises(InputError, match="another"):
        load_checkpoint(tmp_path / "c", truth, SHORT)


def test_a_fit_that_only_gets_worse_stops_early_and_returns_its_best() -> None:
    truth = blobs()
    views, held_out = seen(faded(truth), 4), seen(truth, 2, turn=1.0)
    settings = replace(SHORT, iterations=400, evaluate_every=10, patience=2)
    state = fit(truth, views, settings, held_out=held_out)
    assert state.iteration < 400
    best = state.result()
    assert mean_psnr(replace(best, values=None), held_out) == pytest.approx(
        max(look.held_out_psnr for look in state.looks), rel=0.02
    )


def test_values_that_run_away_are_reported_by_name_and_the_last_good_scene_is_there() -> None:
    truth = blobs()
    kept = []
    settings = replace(SHORT, rates=LearningRates(log_scales=40.0))
    with pytest.raises(DivergedError, match="log_scales"):
        fit(faded(truth), seen(truth, 4), settings, on_look=lambda state: kept.append(state.result()))
    assert all(bool(tensor.isfinite().all()) for tensor in kept[-1].tensors().values())


def test_views_that_cannot_be_fitted_are_refused() -> None:
    truth = blobs()
    views = seen(truth, 3)
    with pytest.raises(InputError, match="at least 2 views"):
        fit(truth, views[:1], SHORT)
    with pytest.raises(InputError, match="black"):
        View(views[0].camera, torch.zeros_like(views[0].rgba))
    elsewhere = replace(truth, means=truth.means + torch.tensor([60.0, 0, 0]))
    with pytest.raises(InputError, match="do not show this scene"):
        fit(elsewhere, views, SHORT)


def test_new_views_are_taken_up_while_the_fit_runs() -> None:
    truth = blobs()
    growing = seen(truth, 2)
    more = seen(truth, 8, turn=0.3)
    state = fit(
        faded(truth),
        growing,
        replace(SHORT, evaluate_every=1),
        on_look=lambda state: growing.extend(more) if state.iteration == 5 else None,
    )
    assert max(state.deck, default=0) > 1 or len(state.deck) < 10
    assert mean_psnr(state.gaussians.leaf_scene(), more) > mean_psnr(faded(truth), more) + 5


def test_a_reset_fades_what_was_seen_and_spares_what_was_not() -> None:
    truth = blobs()
    hidden = replace(truth, means=truth.means.clone().index_fill_(0, torch.tensor([3]), 1e4))
    control = DensityControl(every=10, densify=True, begin=1000, fade_every=20, prune_below=0.001)
    state = fit(hidden, seen(truth, 4), replace(SHORT, iterations=41, density=control))
    opacities = state.result().opacities
    assert float(opacities[3]) == pytest.approx(float(truth.opacities[3]), abs=1e-5)
    assert float(opacities.median()) < 0.5 * float(truth.opacities.median())
