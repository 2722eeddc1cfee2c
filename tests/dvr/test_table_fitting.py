from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.dvr.subject import ball_features, ball_values, pictures

from tomosplat.dvr.lookup import Features
from tomosplat.dvr.table_checkpoints import fingerprint, load_table_fit, save_table_fit
from tomosplat.dvr.table_fitting import Pictures, TableFit, fit_table
from tomosplat.dvr.table_settings import TableKind, TableSettings
from tomosplat.errors import DivergedError, InputError

SETTINGS = TableSettings(epochs=30, high_rate=1.0, test_rate=2.0, associated=True, entries=24, batch=2)


def features(kind: TableKind) -> Features:
    steepness = ball_values().diff(dim=0, append=ball_values()[-1:]).abs().mul(4).clamp(0, 1)
    return Features(ball_values().numpy(), steepness.numpy() if kind == "lookup2d" else None)


@pytest.mark.parametrize("kind", ["lookup", "mlp", "lookup2d"])
def test_every_kind_finds_a_transfer_function_from_its_pictures(kind: TableKind) -> None:
    fit = fit_table(features(kind), pictures(), pictures(3), replace(SETTINGS, kind=kind))
    assert fit.quality.psnr > 30
    assert fit.quality.ssim > 0.95
    assert fit.epochs[0].loss > 10 * fit.epochs[-1].loss


def test_ssim_may_be_a_part_of_the_loss_and_emission_free_of_opacity() -> None:
    settings = replace(SETTINGS, loss="mse+ssim", associated=False, epochs=20)
    fit = fit_table(ball_features(), pictures(), pictures(3), settings)
    assert fit.quality.psnr > 25


def test_sampling_grows_finer_from_epoch_to_epoch() -> None:
    fit = fit_table(ball_features(), pictures(2), pictures(1), replace(SETTINGS, epochs=4))
    assert [epoch.rate for epoch in fit.epochs] == pytest.approx(
        [0.1, 0.1 + 0.9 / 16, 0.1 + 0.9 / 4, 0.1 + 0.9 * 9 / 16]
    )


@pytest.mark.parametrize("kind", ["lookup", "mlp"])
def test_a_fit_that_goes_on_from_its_file_ends_in_the_same_bits(kind: TableKind, tmp_path: Path) -> None:
    settings, shown, path = replace(SETTINGS, kind=kind, epochs=5), pictures(4), tmp_path / "fit.checkpoint"
    of = fingerprint(ball_features(), shown, settings)
    whole = fit_table(ball_features(), shown, shown, settings)

    class KilledError(Exception):
        pass

    def die(state: TableFit) -> None:
        save_table_fit(path, state, of)
        if len(state.epochs) == 2:
            raise KilledError

    with pytest.raises(KilledError):
        fit_table(ball_features(), shown, shown, settings, on_epoch=die)
    state = load_table_fit(path, TableFit.begin(ball_features(), settings), of)
    resumed = fit_table(ball_features(), shown, shown, settings, state=state)
    assert torch.equal(whole.model(), resumed.model())
    assert torch.equal(whole.best, resumed.best)
    assert [epoch[:4] for epoch in whole.epochs] == [epoch[:4] for epoch in resumed.epochs]


def test_a_checkpoint_of_another_fit_is_refused(tmp_path: Path) -> None:
    shown, path = pictures(2), tmp_path / "fit.checkpoint"
    fit = fit_table(ball_features(), shown, shown, replace(SETTINGS, epochs=1))
    save_table_fit(path, fit, fingerprint(ball_features(), shown, SETTINGS))
    other = fingerprint(ball_features(), pictures(2, brightness=0.5), SETTINGS)
    with pytest.raises(InputError, match="another"):
        load_table_fit(path, TableFit.begin(ball_features(), SETTINGS), other)


def test_the_best_epoch_is_kept_even_if_later_ones_are_worse() -> None:
    fit = fit_table(ball_features(), pictures(), pictures(2), replace(SETTINGS, learning_rate=3.0, epochs=12))
    assert fit.quality.ssim == max(epoch.ssim for epoch in fit.epochs)


def test_entries_that_no_ray_met_are_told_apart() -> None:
    half = Features((ball_values() * 0.5).numpy())
    fit = fit_table(half, pictures(2), pictures(1), replace(SETTINGS, epochs=1))
    assert bool(fit.seen[:10].all())
    assert not bool(fit.seen[14:].any())


@pytest.mark.parametrize(("channels", "match"), [(slice(3, 4), "transparent"), (slice(0, 3), "black")])
def test_pictures_that_show_nothing_are_refused(channels: slice, match: str) -> None:
    images = pictures(2).images.clone()
    images[..., channels] = 0
    with pytest.raises(InputError, match=match):
        fit_table(ball_features(), Pictures(pictures(2).rays, images), pictures(2), SETTINGS)


def test_no_pictures_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="no pictures"):
        fit_table(ball_features(), pictures(2).first(0), pictures(2), SETTINGS)


def test_a_loss_that_is_not_finite_is_said() -> None:
    images = pictures(2).images.clone()
    images[0, 0, 0, 0] = float("nan")
    with pytest.raises(DivergedError, match="not finite"):
        fit_table(ball_features(), Pictures(pictures(2).rays, images), pictures(2), SETTINGS)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch": 0}, {"low_rate": 0.0}, {"learning_rate": -1.0}, {"entries": 1}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        TableSettings(**wrong)
