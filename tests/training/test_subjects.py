"""Subjects of the second stage: what the network is shown of them, and what it changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tomosplat.errors import EmptySceneError
from tomosplat.feedforward.encoding import encode_scan
from tomosplat.render import rasterize
from tomosplat.training import pictures
from tomosplat.training.looks import Look, case_of
from tomosplat.training.pictures import draw_cube, predicted_picture_loss, predicted_scene, window_of
from tomosplat.training.settings import TrainSettings
from tomosplat.training.state import TrainState
from tomosplat.training.subjects import Subject, Subjects

SETTINGS = TrainSettings(dense_steps=0, picture_steps=1, crop=8, augment=False)


@pytest.fixture(scope="module")
def subject(manifest) -> Subject:
    subjects = Subjects(manifest, SETTINGS.model.scale, lit=True)
    drawn = (subjects.draw(np.random.default_rng(seed)) for seed in range(20))
    return next(subject for subject in drawn if subject.name.startswith("all"))


@pytest.mark.parametrize("low", [(0, 0, 0), (3, 2, 5), (14, 9, 12)], ids=["inside", "odd", "beyond the edge"])
def test_a_part_is_what_the_network_is_shown_of_that_place(manifest, subject, low) -> None:
    shard = manifest.open("torso-0")
    optical = Look.of("torso-0", shard, "all/seen/studio").optical(*case_of(shard))
    i, j, k = (2 * n for n in low)
    expected = encode_scan(optical, SETTINGS.model.scale, (i, j, k), (32, 32, 32))
    np.testing.assert_allclose(subject.part(low, 16, SETTINGS.model.scale), expected, atol=2e-3)  # float16


def test_only_what_lies_in_the_cube_is_changed(subject, narrow) -> None:
    network = TrainState.begin(SETTINGS).network
    with torch.no_grad():
        network.head.bias.fill_(0.1)  # type: ignore[union-attr, operator]
    low = draw_cube(subject, SETTINGS.crop, np.random.default_rng(1))
    scene = predicted_scene(network, subject, low, np.random.default_rng(1), SETTINGS)
    places = subject.primed.places
    inside = ((places >= low) & (places < np.array(low) + SETTINGS.crop)).all(axis=1)
    changed = (scene.opacities != subject.primed.scene.opacities).detach().numpy()
    assert 0 < inside.sum() < len(inside)
    np.testing.assert_array_equal(changed, inside)


def test_a_cube_of_air_is_a_named_error(subject, narrow) -> None:
    network = TrainState.begin(SETTINGS).network
    with pytest.raises(EmptySceneError, match="no Gaussian lies in the cube"):
        predicted_scene(network, subject, (1000, 0, 0), np.random.default_rng(1), SETTINGS)


def test_each_step_looks_at_several_pictures(subject, narrow, monkeypatch) -> None:
    network = TrainState.begin(SETTINGS).network
    asked: list[int] = []
    monkeypatch.setattr(
        Subject, "view", lambda self, index, view=Subject.view: asked.append(index) or view(self, index)
    )
    loss, primed = predicted_picture_loss(network, subject, np.random.default_rng(2), SETTINGS)
    assert sorted(asked) == subject.shown.tolist()  # two pictures of four that may be asked for
    assert float(loss.detach()) == pytest.approx(primed, rel=1e-4)


def test_a_window_is_that_part_of_the_picture(subject, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "_MARGIN", 2)
    view = subject.view(0)
    means = subject.primed.scene.means.double().numpy()
    near = means[np.linalg.norm(means - means.mean(axis=0), axis=1) < 30]
    part = window_of(view, near)
    assert part.camera.width < view.camera.width
    left, top = (view.camera.Ks[0, :2, 2] - part.camera.Ks[0, :2, 2]).astype(int)
    whole, cut = (rasterize(subject.primed.scene, one.camera).rgba[0] for one in (view, part))
    where = (slice(top, top + part.camera.height), slice(left, left + part.camera.width))
    torch.testing.assert_close(cut, whole[where], atol=2e-4, rtol=0)  # slopes are held within the window
    torch.testing.assert_close(part.rgba, view.rgba[where], atol=0, rtol=0)
