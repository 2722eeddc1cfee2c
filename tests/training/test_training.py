"""Training: it learns, it goes on to the bit, and gradients of the whole chain are right."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.feedforward.subjects import cloudy, primed_of
from tests.training.subjects import CROP, part_of_torso

from tomosplat.errors import InputError, OutputError
from tomosplat.feedforward import model
from tomosplat.feedforward.encoding import SCAN_CHANNELS, encode_scan
from tomosplat.feedforward.head import activate
from tomosplat.feedforward.lights import LIGHT_CHANNELS, light_field
from tomosplat.feedforward.model import ModelSettings
from tomosplat.files.curves import Curves
from tomosplat.geometry import fibonacci_directions, frame_points
from tomosplat.networks import PRESETS, Layout, UNet3D
from tomosplat.render.reference import rasterize_reference
from tomosplat.training.crops import draw_crop
from tomosplat.training.loop import scheduled, train_dense, train_pictures
from tomosplat.training.losses import dense_loss
from tomosplat.training.readout import solve_head
from tomosplat.training.settings import TrainSettings
from tomosplat.training.state import TrainState, load_state, save_state

SMALL = TrainSettings(dense_steps=4, picture_steps=2, crop=8, solve_crops=2, seed=5)


def weights(state: TrainState) -> list[torch.Tensor]:
    return [*state.network.parameters(), *state.average.parameters()]


def test_a_training_that_was_stopped_goes_on_to_the_bit(manifest, looks, tmp_path, narrow) -> None:
    straight = TrainState.begin(SMALL)
    train_dense(straight, manifest, looks, SMALL)
    train_pictures(straight, manifest, SMALL)
    assert straight.step == 6

    path = tmp_path / "state.safetensors"
    stopped = TrainState.begin(SMALL)
    for _ in range(7):  # stopped after every step

        def stop(state, values):
            save_state(path, state, SMALL)
            raise KeyboardInterrupt

        try:
            train_dense(stopped, manifest, looks, SMALL, on_step=stop)
            train_pictures(stopped, manifest, SMALL, on_step=stop)
        except KeyboardInterrupt:
            stopped = load_state(path, SMALL)
    assert stopped.step == 6
    assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(stopped), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(weights(straight), weights(TrainState.begin(SMALL)), strict=True))


def test_a_state_of_another_training_is_refused_and_a_longer_one_is_not(tmp_path, narrow) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, TrainState.begin(SMALL), SMALL)
    assert load_state(path, replace(SMALL, dense_steps=9)).step == 0
    with pytest.raises(InputError, match="other settings"):
        load_state(path, replace(SMALL, seed=6))


def test_curves_lose_the_steps_that_a_kill_undid(tmp_path) -> None:
    curves = Curves(tmp_path / "curves.jsonl")
    for step in range(1, 6):
        curves.add({"step": step, "loss": 0.5})
    with curves.path.open("a") as file:
        file.write('{"step": 6, "lo')
    curves.rewind(3)
    assert [json.loads(line)["step"] for line in curves.path.read_text().splitlines()] == [1, 2, 3]


def test_curves_that_cannot_be_written_are_a_named_error(tmp_path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        Curves(tmp_path).add({"step": 1})


def test_the_rate_falls_to_zero() -> None:
    rates = [scheduled(1e-3, step, 10, 0.9) for step in range(10)]
    assert rates[0] == 1e-3
    assert all(a > b > 0 for a, b in itertools.pairwise(rates))


@pytest.mark.parametrize(
    "changes",
    [
        {"crop": 12},
        {"crop": 0},
        {"crop": 16, "model": ModelSettings(preset="paper")},
        {"dense_steps": -1},
        {"learning_rate": 0.0},
        {"ema": 1.0},
        {"bf16": True},
    ],
)
def test_impossible_settings_are_refused(changes) -> None:
    with pytest.raises(InputError):
        replace(SMALL, **changes)


def test_the_second_stage_learns_from_pictures(manifest, narrow) -> None:
    settings = TrainSettings(dense_steps=0, picture_steps=12, crop=CROP, picture_rate=2e-2)
    seen: list[dict[str, float]] = []
    train_pictures(TrainState.begin(settings), manifest, settings, on_step=lambda _, values: seen.append(values))
    ratios = [values["loss"] / values["primed"] for values in seen]
    assert ratios[0] == pytest.approx(1, rel=1e-4)  # an untrained network draws the primed scene
    assert np.mean(ratios[-3:]) < 0.97


@pytest.mark.parametrize("lit", [True, False], ids=["lit", "plain"])
def test_gradients_of_the_whole_chain_are_right(lit) -> None:
    """Weights → field → 6D Gaussians → picture, in double precision."""
    optical = cloudy((8, 8, 8), filled=0.01)
    primed = primed_of(optical, lit=lit)
    assert 2 <= len(primed.scene) <= 8
    primed = replace(primed, scene=primed.scene.to(torch.float64))
    torch.manual_seed(0)
    network = UNet3D(Layout((2, 3), "fold", "channel"), SCAN_CHANNELS, LIGHT_CHANNELS if lit else 0).double()
    torch.nn.init.normal_(network.head.weight, std=0.1)
    scale = ModelSettings().scale
    scan = torch.from_numpy(encode_scan(optical, scale, (0, 0, 0), (8, 8, 8))).double()[None]
    light = torch.from_numpy(light_field(primed.places, primed.features, (4, 4, 4))).double()[None] if lit else None
    i, j, k = torch.from_numpy(primed.places.T)
    cameras = frame_points(optical.grid.to_world([[0, 0, 0], [7, 7, 7]]), fibonacci_directions(3)[:1], 6, 5)
    camera = torch.from_numpy(cameras.viewmats[0]), torch.from_numpy(cameras.Ks[0])
    names = ["encoder.0.0.weight", "up.0.weight", "decoder.0.1.weight", "head.weight", "head.bias"]

    def picture(*values: torch.Tensor) -> torch.Tensor:
        arguments = (scan, light) if lit else (scan,)
        field = torch.func.functional_call(network, dict(zip(names, values, strict=True)), arguments)[0]
        scene = activate(primed, field[:, i, j, k].T)
        rgba = rasterize_reference(scene, *camera, 6, 5, smooth_cutoff=True).rgba
        assert rgba[..., 3].max() > 0.01
        return rgba

    chosen = tuple(network.get_parameter(name).detach().clone().requires_grad_() for name in names)
    assert torch.autograd.gradcheck(picture, chosen, fast_mode=True, atol=1e-6)


def test_the_solved_head_is_the_least_squares_one_and_helps_on_other_crops(manifest, looks, narrow) -> None:
    settings = replace(SMALL, crop=16, seed=1, solve_crops=8)
    network = TrainState.begin(settings).network
    solve_head(network, manifest, looks, settings)
    shown = [draw_crop(manifest, looks, 16, settings.model.scale, np.random.default_rng(n)) for n in range(100, 110)]

    def loss(factor: float) -> float:
        """With that many times the head."""
        with torch.no_grad():
            fields = [factor * network(crop.scan[None], crop.light[None])[0] for crop in shown]
            return sum(float(dense_loss(field, crop)) for field, crop in zip(fields, shown, strict=True))

    assert loss(1) < 0.98 * loss(0)
    assert loss(1) < loss(3)
    assert {c for c in range(37) if network.head.weight[c].any()} == {3, 4, 5, 16, 17, 18}
    once = network.head.weight.clone()
    solve_head(network, manifest, looks, settings)
    assert torch.equal(network.head.weight, once)


@pytest.mark.slow
def test_a_tiny_run_overfits_one_torso(manifest, looks, tmp_path, monkeypatch) -> None:
    """The loss falls tenfold: what the first stage is shown, it can learn."""
    layout = replace(PRESETS["compact"], features=(16, 24, 32, 32))
    monkeypatch.setattr(model, "PRESETS", {"compact": layout})
    settings = TrainSettings(dense_steps=200, crop=16, learning_rate=1e-2, augment=False, ema=0.9)
    seen: list[float] = []

    def keep(_: TrainState, values: dict[str, float]) -> None:
        seen.append(values["loss"] / values["primed"])

    part, look = part_of_torso(tmp_path, manifest, looks[0])
    train_dense(TrainState.begin(settings), part, [look], settings, on_step=keep)
    assert seen[0] == pytest.approx(1, rel=1e-6)
    assert np.mean(seen[-5:]) < 0.1


def test_without_the_first_stage_nothing_is_asked_of_fitted_scenes(manifest, narrow) -> None:
    settings = replace(SMALL, dense_steps=0, picture_steps=1)
    state = TrainState.begin(settings)
    before = [weight.clone() for weight in state.network.parameters()]
    train_dense(state, manifest, [], settings)
    train_pictures(state, manifest, settings)
    assert state.step == 1
    assert any(not torch.equal(a, b) for a, b in zip(before, state.network.parameters(), strict=True))
