"""Checkpoints: what is read is what was written, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tomosplat.errors import DivergedError, FileFormatError, InputError
from tomosplat.feedforward.encoding import IntensityScale
from tomosplat.feedforward.model import Model, ModelSettings, load_model, save_model, shipped_path
from tomosplat.files.shards import Shard, Stack, write_shard

SETTINGS = ModelSettings(scale=IntensityScale(-900.0, 900.0, -10.0, 300.0))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    sha256 = save_model(path, replace(Model.untrained(SETTINGS, seed=3), about={"steps": 5}))
    return path, sha256


def rewritten(path, target, *, tensors=None, **changes):
    shard = Shard(path)
    arrays = {name: np.array(shard[name]) for name in shard.names} | (tensors or {})
    write_shard(target, {name: Stack.of(array) for name, array in arrays.items()}, shard.description | changes)
    return target


def test_a_model_comes_back_in_half_precision_with_all_that_is_known_of_it(checkpoint) -> None:
    path, sha256 = checkpoint
    model, made = load_model(path), Model.untrained(SETTINGS, seed=3)
    assert model.settings == SETTINGS
    assert model.sha256 == sha256
    assert model.about == {"steps": 5}
    assert not model.network.training
    for name, tensor in made.network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], tensor.half().float()), name
    assert path.stat().st_size < 12_000_000


def test_the_same_weights_have_the_same_hash_and_other_settings_another(tmp_path, checkpoint) -> None:
    _, sha256 = checkpoint
    assert save_model(tmp_path / "a.safetensors", Model.untrained(SETTINGS, seed=3)) == sha256
    other = replace(SETTINGS, scale=IntensityScale(-900.0, 900.0, -11.0, 300.0))
    assert save_model(tmp_path / "b.safetensors", Model.untrained(other, seed=3)) != sha256


def test_weights_that_half_precision_cannot_hold_are_not_written(tmp_path) -> None:
    model = Model.untrained(SETTINGS)
    with torch.no_grad():
        model.network.head.bias[0] = 1e5
    with pytest.raises(DivergedError, match=r"head\.bias"):
        save_model(tmp_path / "x.safetensors", model)
    assert list(tmp_path.iterdir()) == []


def test_another_version_is_refused(tmp_path, checkpoint) -> None:
    path = rewritten(checkpoint[0], tmp_path / "v9.safetensors", checkpoint_version=9)
    with pytest.raises(InputError, match=r"version 2 .found 9"):
        load_model(path)


def test_changed_weights_are_refused(tmp_path, checkpoint) -> None:
    path = rewritten(checkpoint[0], tmp_path / "x.safetensors", tensors={"head.bias": np.ones(37, np.float16)})
    with pytest.raises(FileFormatError, match="damaged or was changed"):
        load_model(path)


def test_another_hash_is_refused(tmp_path, checkpoint) -> None:
    path = rewritten(checkpoint[0], tmp_path / "x.safetensors", sha256="0" * 64)
    with pytest.raises(FileFormatError, match="0000"):
        load_model(path)


@pytest.mark.parametrize("settings", [{"preset": "compact"}, {"preset": "huge"}, 3], ids=["some", "unknown", "number"])
def test_malformed_settings_are_refused(tmp_path, checkpoint, settings) -> None:
    path = rewritten(checkpoint[0], tmp_path / "x.safetensors", settings=settings)
    with pytest.raises((FileFormatError, InputError)):
        load_model(path)


def test_files_of_another_kind_are_refused(tmp_path) -> None:
    text = tmp_path / "notes.safetensors"
    text.write_text("not weights")
    with pytest.raises(FileFormatError):
        load_model(text)
    with pytest.raises(InputError, match="absent"):
        load_model(tmp_path / "absent.safetensors")


def test_light_channels_without_light_are_refused() -> None:
    with pytest.raises(InputError, match="light channels"):
        ModelSettings(light="none")


def test_what_is_shipped_can_be_read() -> None:
    path = shipped_path()
    if path is None:
        pytest.skip("this package comes without weights")
    model = load_model(path)
    assert model.settings.preset == "compact"
    assert path.stat().st_size <= 12_000_000
