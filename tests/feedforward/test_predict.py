"""A scan of any size: tiles give what the whole gives, in the memory allowed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.feedforward.subjects import cloudy, primed_of

from tomosplat.errors import DivergedError, EmptySceneError, InputError, MemoryLimitError
from tomosplat.feedforward.encoding import SCAN_CHANNELS
from tomosplat.feedforward.head import CHANNELS
from tomosplat.feedforward.lights import LIGHT_CHANNELS
from tomosplat.feedforward.model import Model, ModelSettings
from tomosplat.feedforward.predict import half_shape, offsets_of, predict
from tomosplat.feedforward.tiles import choose_core, needed, tiles
from tomosplat.networks import PRESETS, Layout, UNet3D

COMPACT, PAPER = PRESETS["compact"], PRESETS["paper"]


#: The compact layout with fewer channels.
NARROW = Layout((4, 6, 8, 8), COMPACT.stem, COMPACT.norm)


def trained_at_random(settings: ModelSettings, layout: Layout | None = None) -> Model:
    model = Model.untrained(settings)
    if layout is not None:
        model = replace(model, network=UNet3D(layout, SCAN_CHANNELS, LIGHT_CHANNELS).eval())
    with torch.no_grad():
        rng = torch.Generator().manual_seed(1)
        model.network.head.weight.normal_(std=0.05, generator=rng)
    return model


@pytest.fixture(scope="module")
def long():
    """Longer than what a tile is shown, and no multiple of anything."""
    optical = cloudy((15, 14, 310), filled=0.1)
    return optical, primed_of(optical)


def test_tiles_give_what_the_whole_gives(long) -> None:
    optical, primed = long
    model = trained_at_random(ModelSettings(), NARROW)
    shape = half_shape(optical)
    whole = list(tiles(shape, (160, 160, 160), COMPACT))
    parts = list(tiles(shape, (40, 40, 40), COMPACT))
    assert len(whole) == 1
    assert len(parts) == 4
    assert min(part.shown_shape[2] for part in parts) < whole[0].shown_shape[2]
    at_once = offsets_of(model, optical, primed, whole, bf16=False)
    assert at_once.std() > 0.05
    assert torch.allclose(offsets_of(model, optical, primed, parts, bf16=False), at_once, atol=2e-5)


def test_tiles_that_are_shown_too_little_give_something_else(long) -> None:
    optical, primed = long
    model = trained_at_random(ModelSettings(), NARROW)
    shape = half_shape(optical)
    at_once = offsets_of(model, optical, primed, list(tiles(shape, (160, 160, 160), COMPACT)), bf16=False)
    cut = [
        replace(t, shown_low=t.low, shown_high=(8, 8, t.high[2] + -t.high[2] % 8))
        for t in tiles(shape, (40, 40, 40), COMPACT)
    ]
    assert not torch.allclose(offsets_of(model, optical, primed, cut, bf16=False), at_once, atol=1e-2)


def test_tiles_cover_every_voxel_once_and_end_where_the_whole_ends() -> None:
    shape = (50, 7, 121)
    counts = np.zeros(shape, int)
    for tile in tiles(shape, (24, 24, 24), COMPACT):
        counts[tuple(slice(a, b) for a, b in zip(tile.low, tile.high, strict=True))] += 1
        assert all(n % 8 == 0 for n in (*tile.shown_shape, *tile.shown_low))
        assert all(b <= n for b, n in zip(tile.shown_high, (56, 8, 128), strict=True))
    assert (counts == 1).all()


def test_an_untrained_model_gives_the_primed_picture(long) -> None:
    optical, primed = long
    predicted = predict(Model.untrained(ModelSettings()), optical, primed, bf16=False)
    kept = primed.scene.select(primed.scene.opacities >= 1 / 255)
    assert len(predicted.scene) == len(kept) == len(primed.scene) - predicted.n_dropped
    for name in ("means", "opacities", "sh", "labels", "illumination", "values"):
        assert torch.equal(getattr(predicted.scene, name), getattr(kept, name)), name
    assert predicted.scene.provenance["prediction"]["preset"] == "compact"


def test_what_came_out_too_faint_is_left_out_and_labels_stay() -> None:
    optical = cloudy((12, 12, 12))
    primed, model = primed_of(optical), Model.untrained(ModelSettings())
    at = sum(list(CHANNELS.values())[:3])
    with torch.no_grad():
        model.network.head.bias[at] = -4.0
    predicted = predict(model, optical, primed, bf16=False)
    odds = primed.scene.opacities / (1 - primed.scene.opacities) * np.exp(-4.0)
    keep = odds / (1 + odds) >= 1 / 255
    assert 0 < predicted.n_dropped == int((~keep).sum())
    assert torch.equal(predicted.scene.labels, primed.scene.labels[keep])
    with torch.no_grad():
        model.network.head.bias[at] = -30.0
    with pytest.raises(EmptySceneError, match="too faint"):
        predict(model, optical, primed, bf16=False)


@pytest.mark.parametrize(
    ("channel", "bias"), [("opacity", 1000.0), ("log_scales", 100.0), ("log_scales", math.nan), ("color", math.nan)]
)
def test_a_network_that_diverged_is_refused(channel, bias) -> None:
    optical, model = cloudy((12, 12, 12)), Model.untrained(ModelSettings())
    first = sum(list(CHANNELS.values())[: list(CHANNELS).index(channel)])
    with torch.no_grad():
        model.network.head.bias[first : first + CHANNELS[channel]] = bias
    with pytest.raises(DivergedError, match="the network makes"):
        predict(model, optical, primed_of(optical), bf16=False)


def test_the_paper_preset_and_the_plain_form_work_too() -> None:
    optical = cloudy((8, 8, 40), filled=0.1)
    settings = ModelSettings(preset="paper", light_channels=False, light="none")
    narrow = UNet3D(Layout((2, 4, 4, 4, 4, 4), PAPER.stem, PAPER.norm)).eval()
    model = replace(Model.untrained(settings), network=narrow)
    predicted = predict(model, optical, primed_of(optical, lit=False), bf16=False)
    assert predicted.n_tiles == 1
    assert predicted.scene.illumination is None
    with pytest.raises(InputError, match="--light none"):
        predict(model, optical, primed_of(optical), bf16=False)
    with pytest.raises(InputError, match="--light march"):
        predict(Model.untrained(ModelSettings()), optical, primed_of(optical, lit=False), bf16=False)
    with pytest.raises(InputError, match="as a whole"):
        predict(model, optical, primed_of(optical, lit=False), tile=4, bf16=False)


def test_tiles_are_as_large_as_memory_allows() -> None:
    shape = (128, 128, 128)
    assert choose_core(shape, COMPACT, 10_000_000_000, 2) == shape
    core = choose_core((512, 512, 512), COMPACT, 6_000_000_000, 2)
    assert needed(core, (512, 512, 512), COMPACT, 2) <= 6_000_000_000
    assert all(edge % 8 == 0 and edge < 512 for edge in core)
    assert choose_core(shape, COMPACT, 10_000_000_000, 4) == shape


def test_too_little_memory_is_refused_before_it_is_spent() -> None:
    with pytest.raises(MemoryLimitError, match=r"--memory"):
        choose_core((128, 128, 128), COMPACT, 400_000_000, 2)
    with pytest.raises(MemoryLimitError, match="preset compact"):
        choose_core((256, 256, 256), PAPER, 6_000_000_000, 2)


@pytest.mark.parametrize("tile", [0, -3])
def test_a_tile_has_at_least_a_voxel(tile) -> None:
    optical = cloudy((12, 12, 12))
    with pytest.raises(InputError, match="tile"):
        predict(Model.untrained(ModelSettings()), optical, primed_of(optical), tile=tile)
