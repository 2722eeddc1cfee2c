"""Training: it learns, it goes on to the bit, it keeps the best, and what it makes can be kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from tests.dvr.toy_subjects import toy_subject, toy_volume
from tests.one_thread import one_thread  # noqa: F401

from tomosplat.dvr.build import build_model
from tomosplat.dvr.checkpoints import TrainedRenderer, load_renderer, save_renderer
from tomosplat.dvr.encoded import EncodedVolume
from tomosplat.dvr.march import March
from tomosplat.dvr.memory import check_memory, training_bytes
from tomosplat.dvr.model_settings import ModelName, ModelSettings
from tomosplat.dvr.models import ViewSpace
from tomosplat.dvr.subjects import Subject, split_subjects
from tomosplat.dvr.training import train_renderer
from tomosplat.dvr.training_settings import DvrTrainSettings
from tomosplat.dvr.training_state import DvrTrainState, load_state, save_state
from tomosplat.dvr.values import ValueRange
from tomosplat.errors import FileFormatError, InputError, MemoryLimitError, ShapeError, UnitsError
from tomosplat.networks import RenderNetLayout
from tomosplat.volume import Volume

#: Learning rates and epochs with which a tiny case is learned, and the share of its pictures' mean square that is left.
#: A transfer function cannot tell the two blobs apart.
TINY: dict[ModelName, tuple[float, int, float]] = {
    "lookup": (0.3, 40, 0.75),
    "mlp": (0.05, 40, 0.75),
    "vnet4-4": (0.02, 40, 0.1),
    "vnetl16-4": (0.003, 80, 0.35),
    "vnetl16-17": (0.02, 40, 0.15),
    "dvrnet": (0.01, 80, 0.35),
    "rendernet": (0.003, 80, 0.6),
}


def tiny(name: ModelName, epochs: int | None = None, dropout: float = 0.0) -> DvrTrainSettings:
    model = ModelSettings(
        name=name,
        width=4,
        levels=None if name == "rendernet" else 2,
        depth=16,
        dropout=dropout,
        classification="pre",
        associated=True,
    )
    rate, enough, _ = TINY[name]
    return DvrTrainSettings(model=model, epochs=epochs or enough, batch=2, learning_rate=rate, low_rate=0.5, loss="mse")


@pytest.mark.parametrize("name", get_args(ModelName))
def test_every_model_learns_a_tiny_case(name: ModelName) -> None:
    torch.manual_seed(0)
    subject = toy_subject()
    values = ValueRange.of([subject.volume])
    settings = tiny(name)
    state, told = DvrTrainState.begin(settings), []
    if name == "rendernet":  # the real one has some thirty layers
        state.model = ViewSpace(RenderNetLayout(16, (4, 8, 8), 32, (32, 16, 16, 16, 8, 8, 8), 1, (1, 1), 0.0))
        state.adam = torch.optim.Adam(state.model.parameters(), lr=settings.adam_rate, betas=(0.9, 0.99))
    train_renderer(state, [subject], [subject], values, settings, on_step=lambda _, step: told.append(step))
    losses = [step["loss"] for step in told]
    assert np.mean(losses[-4:]) < TINY[name][2] * float(subject.pictures.square().mean())
    n = settings.epochs
    assert [step["epoch"] for step in told] == [step // 2 for step in range(2 * n)]
    assert told[0]["rate"] == 0.5
    assert told[-1]["rate"] == pytest.approx(0.5 + 0.5 * ((n - 1) / n) ** 2)


class StoppedError(Exception):
    pass


def test_a_training_that_was_stopped_goes_on_to_the_bit(tmp_path: Path) -> None:
    subjects = [toy_subject(n_views=3), toy_subject(n_views=3, name="other", shift=0.2)]
    values = ValueRange.of([subject.volume for subject in subjects])
    settings = tiny("dvrnet", epochs=3, dropout=0.3)
    names, file = ["toy", "other"], tmp_path / "state.safetensors"

    def stop(state: DvrTrainState, told: dict[str, float]) -> None:
        if state.step == 5:
            save_state(file, state, settings, names)
            raise StoppedError

    straight, stopped = DvrTrainState.begin(settings), DvrTrainState.begin(settings)
    train_renderer(straight, subjects, subjects[:1], values, settings)
    with pytest.raises(StoppedError):
        train_renderer(stopped, subjects, subjects[:1], values, settings, on_step=stop)
    resumed = load_state(file, settings, names)
    train_renderer(resumed, subjects, subjects[:1], values, settings)
    assert straight.step == resumed.step == 12
    assert (straight.best_ssim, straight.best_epoch) == (resumed.best_ssim, resumed.best_epoch)
    for name, tensor in straight.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    with pytest.raises(InputError, match="other settings"):
        load_state(file, replace(settings, seed=1), names)


def test_what_is_kept_is_the_best_of_the_epochs() -> None:
    subject = toy_subject()
    values, settings = ValueRange.of([subject.volume]), tiny("lookup", epochs=6)
    told, kept = [], []
    train_renderer(
        DvrTrainState.begin(settings),
        [subject],
        [subject],
        values,
        settings,
        on_step=lambda _, step: told.append(step.get("ssim", -1.0)),
        on_best=lambda state: kept.append((state.best_epoch, state.best_ssim)),
    )
    by_epoch = told[1::2]
    assert kept == [(n + 1, by_epoch[n]) for n in range(6) if by_epoch[n] > max([-1.0, *by_epoch[:n]])]


def test_pictures_are_drawn_alike_from_a_volume_kept_encoded_and_from_a_file(tmp_path: Path) -> None:
    subject = toy_subject()
    for name in ("vnetl16-17", "dvrnet", "lookup"):
        settings = tiny(name).model  # type: ignore[arg-type]
        trained = TrainedRenderer(build_model(settings, 1), settings, ValueRange.of([subject.volume]), 1.0)
        encoded = EncodedVolume(trained, subject.volume)
        kept = torch.cat([encoded.draw(subject.cameras[n : n + 1]) for n in range(4)])
        volume = trained.values.normalised(subject.volume)
        with torch.no_grad():
            anew = [
                trained.model.draw(
                    trained.model.encode(volume), subject.volume.grid, subject.cameras[n : n + 1], March(1.0, True)
                )
                for n in range(4)
            ]
        assert torch.equal(kept, torch.cat(anew))
        sha256 = save_renderer(tmp_path / "model.safetensors", trained)
        read = load_renderer(tmp_path / "model.safetensors")
        assert (read.settings, read.values, read.sha256) == (settings, trained.values, sha256)
        again = EncodedVolume(read, subject.volume)
        assert torch.equal(torch.cat([again.draw(subject.cameras[n : n + 1]) for n in range(4)]), kept)
        torch.testing.assert_close(again.draw(subject.cameras), kept)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    settings = tiny("lookup").model
    path = tmp_path / "model.safetensors"
    save_renderer(path, TrainedRenderer(build_model(settings), settings, ValueRange(0, 1, "HU"), 1.0))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="damaged or was changed"):
        load_renderer(path)
    save_state(path, DvrTrainState.begin(tiny("lookup")), tiny("lookup"), [])
    with pytest.raises(InputError, match="no checkpoint"):
        load_renderer(path)


def test_volumes_of_other_values_than_trained_are_refused() -> None:
    volume = toy_volume(8)
    values = ValueRange.of([volume])
    normalised = values.normalised(volume)
    np.testing.assert_allclose(np.percentile(normalised.numpy(), (0.5, 99.5)), (0, 1), atol=1e-6)
    with pytest.raises(UnitsError, match="HU"):
        values.normalised(Volume(volume.values, volume.grid, unit="HU"))
    with pytest.raises(UnitsError, match="was trained on"):
        values.normalised(Volume(volume.values * 255, volume.grid))
    with pytest.raises(UnitsError, match="different units"):
        ValueRange.of([volume, Volume(volume.values, volume.grid, unit="HU")])
    with pytest.raises(UnitsError, match="nothing to tell apart"):
        ValueRange.of([Volume(np.zeros_like(volume.values), volume.grid)])


def test_pictures_that_teach_nothing_are_refused() -> None:
    subject = toy_subject(n=8)
    with pytest.raises(ShapeError, match="cameras need"):
        Subject("x", subject.volume, subject.cameras, subject.pictures[:3])
    black = subject.pictures.clone()
    black[..., :3] = 0
    with pytest.raises(InputError, match="all pictures are black"):
        Subject("x", subject.volume, subject.cameras, black)
    clear = subject.pictures.clone()
    clear[..., 3] = 0
    with pytest.raises(InputError, match="all pictures are transparent"):
        Subject("x", subject.volume, subject.cameras, clear)
    with pytest.raises(InputError, match="NaN"):
        Subject("x", subject.volume, subject.cameras, subject.pictures * float("nan"))


def test_one_subject_is_split_by_views_and_several_by_subject() -> None:
    subject = toy_subject(n=8, n_views=8)
    kept, held_out = split_subjects([subject], 0.25, 0)
    assert [len(s.cameras) for s in (*kept, *held_out)] == [6, 2]
    several = [replace(subject, name=str(n)) for n in range(5)]
    kept, held_out = split_subjects(several, 0.2, 0)
    assert sorted(s.name for s in (*kept, *held_out)) == list("01234")
    assert len(held_out) == 1
    with pytest.raises(InputError, match="cannot be held out"):
        split_subjects([subject], 0.99, 0)


def test_memory_is_told_before_it_is_taken() -> None:
    settings = DvrTrainSettings(model=ModelSettings(name="vnet4-4", classification="pre"))
    again = replace(settings, model=replace(settings.model, recompute=True))
    shape, picture = (192, 192, 192), (200, 200)
    needed, needed_again = training_bytes(settings, shape, picture), training_bytes(again, shape, picture)
    assert needed_again < needed
    half, quarter = (training_bytes(settings, (n, n, n), picture) for n in (96, 48))
    assert needed - half == pytest.approx(8 * (half - quarter), rel=0.03)  # beside what weights take, by the voxel
    with pytest.raises(MemoryLimitError, match="--recompute"):
        check_memory(settings, shape, picture, limit=needed - 1)
    assert check_memory(again, shape, picture, limit=needed_again) == needed_again


@pytest.mark.parametrize("name", ["vnet4-4", "vnetl16-4", "vnetl16-17", "dvrnet"])
def test_the_papers_widths_fit_16_gb_at_256_voxels_if_recomputed(name: ModelName) -> None:
    model = ModelSettings(name=name, classification="pre", recompute=True)
    needed = training_bytes(DvrTrainSettings(model=model), (256, 256, 256), (200, 200))
    assert 2 * 4 * 32 * 256**3 < needed < 16e9  # more than 32 channels and their gradient
