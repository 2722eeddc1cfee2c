"""Training: it learns, it goes on to the bit, and gradients of the whole chain are right."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.feedforward.subjects import cloudy, primed_of
from tests.training.subjects import CROP

from tomosplat.errors import InputError
from tomosplat.feedforward.encoding import SCAN_CHANNELS, encode_scan
from tomosplat.feedforward.head import activate
from tomosplat.feedforward.lights import LIGHT_CHANNELS, light_field
from tomosplat.feedforward.model import ModelSettings
from tomosplat.geometry import fibonacci_directions, frame_points
from tomosplat.networks import Layout, UNet3D
from tomosplat.render import rasterize
from tomosplat.training.loop import Curves, scheduled, train_dense, train_pictures
from tomosplat.training.settings import TrainSettings
from tomosplat.training.state import TrainState, load_state, save_state

SMALL = TrainSettings(dense_steps=4, picture_steps=2, crop=8, seed=5)


def weights(state: TrainState) -> list[torch.Tensor]:
    return [*state.network.parameters(), *state.average.parameters()]


def test_a_training_that_was_stopped_goes_on_to_the_bit(manifest, looks, tmp_path) -> None:
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


def test_a_state_of_another_training_is_refused_and_a_longer_one_is_not(tmp_path) -> None:
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


def test_the_rate_falls_to_zero() -> None:
    rates = [scheduled(1e-3, step, 10, 0.9) for step in range(10)]
    assert rates[0] == 1e-3
    assert all(a > b > 0 for a, b in itertools.pairwise(rates))


@pytest.mark.parametrize(
    "changes", [{"crop": 12}, {"crop": 0}, {"dense_steps": -1}, {"learning_rate": 0.0}, {"ema": 1.0}]
)
def test_impossible_settings_are_refused(changes) -> None:
    with pytest.raises(InputError):
        replace(SMALL, **changes)


def test_the_second_stage_learns_from_pictures(manifest, looks) -> None:
    settings = TrainSettings(dense_steps=0, picture_steps=8, crop=CROP, picture_rate=1e-3)
    seen: list[dict[str, float]] = []
    train_pictures(TrainState.begin(settings), manifest, settings, on_step=lambda _, values: seen.append(values))
    ratios = [values["loss"] / values["primed"] for values in seen]
    assert ratios[0] == pytest.approx(1, rel=1e-4)  # an untrained network draws the primed scene
    assert np.mean(ratios[-3:]) < 0.95


@pytest.mark.parametrize("lit", [True, False], ids=["lit", "plain"])
def test_gradients_of_the_whole_chain_are_right(lit) -> None:
    """Weights → field → 6D Gaussians → picture, in double precision."""
    optical = cloudy((8, 8, 8), filled=0.02)
    primed = primed_of(optical, lit=lit)
    primed = replace(primed, scene=primed.scene.to(torch.float64))
    torch.manual_seed(0)
    network = UNet3D(Layout((2, 3), "fold", "channel"), SCAN_CHANNELS, LIGHT_CHANNELS if lit else 0).double()
    torch.nn.init.normal_(network.head.weight, std=0.1)
    scale = ModelSettings().scale
    scan = torch.from_numpy(encode_scan(optical, scale, (0, 0, 0), (8, 8, 8))).double()[None]
    light = torch.from_numpy(light_field(primed.places, primed.features, (4, 4, 4))).double()[None] if lit else None
    i, j, k = torch.from_numpy(primed.places.T)
    camera = frame_points(optical.grid.to_world([[0, 0, 0], [7, 7, 7]]), fibonacci_directions(3)[:1], 8, 8)
    names = ["encoder.0.0.weight", "up.0.weight", "decoder.0.1.weight", "head.weight", "head.bias"]

    def picture(*values: torch.Tensor) -> torch.Tensor:
        arguments = (scan, light) if lit else (scan,)
        field = torch.func.functional_call(network, dict(zip(names, values, strict=True)), arguments)[0]
        scene = activate(primed, field[:, i, j, k].T)
        rgba: torch.Tensor = rasterize(scene, camera, backend="reference").rgba
        assert rgba[..., 3].max() > 0.01
        return rgba

    chosen = tuple(network.get_parameter(name).detach().clone().requires_grad_() for name in names)
    assert torch.autograd.gradcheck(picture, chosen, fast_mode=True, atol=1e-6)
