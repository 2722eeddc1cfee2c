"""Folded Gaussians: closed forms, and fits to frames."""

import numpy as np
import pytest
import torch
from tests.slices.moving import body

from tomosplat.errors import DivergedError
from tomosplat.geometry import SlicePlane
from tomosplat.slices.fit_settings import SliceFitSettings
from tomosplat.slices.folded_density import FoldedDensity
from tomosplat.slices.folded_model import (
    ADDITIVE_RATES,
    FoldedModel,
    grid_folded,
    neighbouring_frames,
    published_rates,
    random_folded,
)
from tomosplat.slices.folded_scene import FoldedScene
from tomosplat.slices.gaussian_fit import fit_model
from tomosplat.slices.scene_files import read_slice_scene, write_slice_scene
from tomosplat.slices.targets import SliceTarget


def one_gaussian(exact):
    """At (8, 6) at time 2, moving by 1.5 τ + 0.5 τ² px along u and −τ along v, τ = 2 − t."""
    return FoldedScene(
        torch.tensor([[8.0, 6.0, 2.0, 1.0, 0.0]]),
        torch.tensor([[[1.5, -1.0], [0.5, 0.0]]]),
        torch.tensor([2.0]),
        torch.tensor([1.5]),
        torch.tensor([[0.8, 0.6]]),
        torch.tensor([[0.5, 1.0]]),
        exact,
        (14, 18),
        5,
    )


@pytest.mark.parametrize("time", [2.0, 2.7, 0.9])
@pytest.mark.parametrize("exact", [True, False])
def test_one_gaussian_is_its_closed_form(exact, time):
    tau = 2 - time
    delta = np.exp(-0.5 * (tau / 1.5) ** 2)
    center = 8 + 1.5 * tau + 0.5 * tau**2, 6 - tau
    scale, low_pass = (delta, 0.3) if exact else (1, 0.1)
    variance = np.array([4.0, 1.0]) * scale**2 + low_pass
    v, u = np.meshgrid(np.arange(14), np.arange(18), indexing="ij")
    weight = 0.8 * (1 if exact else delta)
    weight = weight * np.exp(-0.5 * ((u - center[0]) ** 2 / variance[0] + (v - center[1]) ** 2 / variance[1]))
    weight[weight <= 1 / 255] = 0
    expected = 0.6 * (weight if exact else weight / (weight + 0.02))
    shown = one_gaussian(exact).show(time, "image").values[..., 0].numpy()
    np.testing.assert_allclose(shown, expected, atol=1e-4)


def test_the_exact_form_ends_where_little_is_left():
    scene = one_gaussian(exact=True)
    assert bool(scene.shown_at(2 + 2.1 * 1.5)[0])
    assert not bool(scene.shown_at(2 + 2.2 * 1.5)[0])


def test_a_model_means_the_scene_it_was_made_of():
    scene = random_folded((20, 24), 6, 1, 7, ("image", "mask"), 50, 3)
    again = FoldedModel(scene, ("image",), published_rates(24, 6), 6.0).scene()
    for name in ("ellipses", "moves", "times", "spans", "image_head", "mask_head"):
        torch.testing.assert_close(getattr(again, name), getattr(scene, name), rtol=1e-4, atol=1e-6)


def frames(step=2):
    plane = SlicePlane(np.eye(4), 30, 34)
    pictures = torch.from_numpy(body()[::step])[..., None]
    return [SliceTarget(plane, p, (p > 0.6).float(), time=float(n)) for n, p in enumerate(pictures)]


def fitted(heads, iterations=60, between=(), degree=2):
    targets = frames()
    scene = grid_folded(targets, degree, heads, 2.0, 10_000)
    model = FoldedModel(scene, heads, ADDITIVE_RATES, 1.0)
    settings = SliceFitSettings(iterations=iterations, evaluate_every=30, semantic_weight=1.0)
    state = fit_model(model, neighbouring_frames(targets, 3, 0.25, between), targets, settings)
    return model, state


def test_both_heads_are_fitted_on_one_geometry(tmp_path):
    model, state = fitted(("image", "mask"))
    assert state.looks[-1].psnr > 26
    path = tmp_path / "scene.safetensors"
    write_slice_scene(path, model.scene())
    scene = read_slice_scene(path)
    mask = scene.show(3.0, "mask").values[..., 0] > 0.5
    truth = frames()[3].semantic[..., 0] > 0.5
    assert float((mask & truth).sum()) > 0.8 * float((mask | truth).sum())


def test_a_frozen_model_changes_its_head_alone():
    targets = frames()
    scene = grid_folded(targets, 2, ("image", "mask"), 2.0, 10_000)
    model = FoldedModel(scene, ("mask",), ADDITIVE_RATES, 1.0, frozen=True)
    masks = [SliceTarget(t.plane, t.semantic, time=t.time) for t in targets]
    settings = SliceFitSettings(iterations=5, ssim_weight=0)
    fit_model(model, neighbouring_frames(masks, 3, 0.0), masks, settings)
    after = model.scene()
    for name in ("ellipses", "moves", "times", "spans", "image_head"):
        torch.testing.assert_close(getattr(after, name), getattr(scene, name), rtol=1e-6, atol=1e-6)
    assert not torch.allclose(after.mask_head, scene.mask_head)


def test_neighbours_and_what_lies_between_them_are_shown():
    targets = frames()
    choose = neighbouring_frames(targets, 3, 0.25)
    rng = np.random.default_rng(0)
    for done in (0.0, 0.9):
        given, between = choose(rng, done)
        times = [t.time for t in given]
        assert times == list(range(int(times[0]), int(times[0]) + len(times)))
        assert 2 <= len(times) <= 3
        assert len(between) == (0 if done == 0 else len(given) - 1)
    assert all(int(times[0]) + i + 0.2 <= t.time <= int(times[0]) + i + 0.8 for i, t in enumerate(between))
    assert all(t.plain and t.weight == 0.25 for t in between)


def test_the_published_form_learns_and_counts_its_spans():
    targets = frames()
    scene = random_folded((30, 34), len(targets), 1, 7, ("image",), 3000, 0)
    model = FoldedModel(scene, ("image",), published_rates(34, len(targets)), float(len(targets)))
    model.span_weight = 0.25
    # Half the spans are shorter than a frame, which costs how much they lack.
    spans = scene.spans / len(targets)
    short = spans < 1 / len(targets)
    assert float(model.penalty().detach()) == pytest.approx(
        0.25 * float((1 / len(targets) - spans)[short].mean()), rel=1e-4
    )
    settings = SliceFitSettings(iterations=30, l1_weight=2, ssim_weight=0.25, flat=1.0)
    state = fit_model(model, neighbouring_frames(targets, 3, 0.25), targets, settings)
    assert state.looks[-1].psnr > state.looks[0].psnr + 1


def test_density_control_adds_where_it_is_pulled_and_removes_what_is_faint():
    targets = frames()
    scene = random_folded((30, 34), len(targets), 1, 7, ("image",), 400, 0)
    model = FoldedModel(scene, ("image",), published_rates(34, len(targets)), float(len(targets)))
    settings = SliceFitSettings(iterations=2)
    state = fit_model(model, neighbouring_frames(targets, 3, 0.0), targets, settings)
    with torch.no_grad():
        model.pulls[:] = 0
        model.pulls[3] = torch.tensor([1.0, 0, 1])  # large: split
        model.log_scales[3] = 1.0
        model.pulls[5] = torch.tensor([1.0, 0, 1])  # small: cloned
        model.log_scales[5] = -2.0
        model.pulls[7] = torch.tensor([0, 1.0, 1])  # pulled in time: cloned
        model.opacity_logits["image"][9] = -6.0  # faint: removed
    model.zero_grad()  # what was set above is all that pulls
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    state.iteration = 600
    FoldedDensity(model, 3000)(state)
    assert len(model.times) == 400 - 1 + 2 - 1 + 2
    kept = [n for n in range(400) if n not in (3, 9)]
    torch.testing.assert_close(model.positions[:398].detach(), before["positions"][kept])
    torch.testing.assert_close(model.positions[398:400].detach(), before["positions"][[5, 7]])
    torch.testing.assert_close(model.log_scales[400:].detach(), torch.full((2, 2), 1.0) - np.log(1.6))
    assert not torch.equal(model.positions[400], model.positions[401])
    assert not model.pulls.any()
    memory = state.optimiser.state[model.positions]
    assert len(memory["exp_avg"]) == 402
    assert not memory["exp_avg"][398:].any()
    fit_model(model, neighbouring_frames(targets, 3, 0.0), targets, SliceFitSettings(iterations=602), state=state)
    state.iteration = 1500
    FoldedDensity(model, 3000)(state)
    assert float(torch.sigmoid(model.opacity_logits["image"].detach()).max()) > 0.05
    state.iteration = 0
    FoldedDensity(model, 3000)(state)
    assert float(torch.sigmoid(model.opacity_logits["image"].detach()).max()) < 0.0101


def test_a_fit_that_runs_away_names_the_parameter():
    targets = frames()
    model = FoldedModel(grid_folded(targets, 2, ("image",), 2.0, 10_000), ("image",), ADDITIVE_RATES, 1.0)
    with torch.no_grad():
        model.moves[:, 0] = torch.inf
    with pytest.raises(DivergedError, match="moves"):
        fit_model(model, neighbouring_frames(targets, 3, 0.0), targets, SliceFitSettings(iterations=3))
