"""What the network is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.feedforward.subjects import cloudy, primed_of

from tomosplat.anatomy import GROUP_OF_LABEL
from tomosplat.errors import InputError
from tomosplat.feedforward.encoding import CT_SCALE, IntensityScale, encode_scan
from tomosplat.feedforward.lights import LIGHT_CHANNELS, light_field, places_of
from tomosplat.geometry import Grid
from tomosplat.lighting import load_rig

OPTICAL = cloudy((10, 12, 14))
SCALE = IntensityScale(low=-900.0, high=700.0, mean=-100.0, std=400.0)


def test_channels_are_value_group_colour_and_opacity_of_a_voxel() -> None:
    channels = encode_scan(OPTICAL, SCALE, (0, 0, 0), OPTICAL.grid.shape)
    i, j, k = np.argwhere(OPTICAL.extinction > 0)[7]
    assert channels[0, i, j, k] == pytest.approx((np.clip(OPTICAL.values[i, j, k], -900, 700) + 100) / 400)
    assert channels[1, i, j, k] == pytest.approx(GROUP_OF_LABEL[OPTICAL.labels[i, j, k]] / 11)
    assert np.allclose(channels[2:5, i, j, k], OPTICAL.rgb[i, j, k])
    assert channels[5, i, j, k] == pytest.approx(1 - np.exp(-1.5 * OPTICAL.extinction[i, j, k]), rel=1e-5)


def test_what_is_hidden_has_a_value_and_no_colour() -> None:
    channels = encode_scan(OPTICAL, SCALE, (0, 0, 0), OPTICAL.grid.shape)
    hidden = OPTICAL.extinction == 0
    assert hidden.any()
    assert not channels[2:, hidden].any()
    assert channels[0, hidden].std() > 0.1


def test_a_part_is_what_the_whole_is_there_and_beyond_the_edges_there_is_air() -> None:
    whole = encode_scan(OPTICAL, SCALE, (0, 0, 0), OPTICAL.grid.shape)
    part = encode_scan(OPTICAL, SCALE, (4, 2, 6), (8, 8, 12))
    assert np.array_equal(part[:, :6, :, :8], whole[:, 4:, 2:10, 6:])
    air = part[:, 6:]
    assert np.allclose(air[0], (-900 + 100) / 400)
    assert not air[1:].any()


def test_opacity_means_the_same_at_any_spacing() -> None:
    coarse = replace(OPTICAL, grid=Grid.axis_aligned(OPTICAL.grid.shape, 3.0), extinction=OPTICAL.extinction / 2)
    shape = OPTICAL.grid.shape
    fine = encode_scan(OPTICAL, SCALE, (0, 0, 0), shape)
    assert np.allclose(encode_scan(coarse, SCALE, (0, 0, 0), shape)[5], fine[5], atol=1e-6)


def test_values_are_needed() -> None:
    with pytest.raises(InputError, match="values"):
        encode_scan(replace(OPTICAL, values=None), CT_SCALE, (0, 0, 0), (4, 4, 4))


def test_each_block_has_the_mean_light_of_its_gaussians() -> None:
    places = np.array([[0, 1, 2], [0, 1, 2], [1, 0, 0]])
    features = np.array([[1.0, 2], [3, 6], [5, 7]], dtype=np.float32)
    field = light_field(places, features, (2, 2, 3))
    assert field[:, 0, 1, 2].tolist() == [2, 4]
    assert field[:, 1, 0, 0].tolist() == [5, 7]
    assert field.sum() == 18


def test_every_gaussian_lies_in_the_block_that_it_was_made_of() -> None:
    primed = primed_of(OPTICAL)
    narrow = primed.scene.opacities > 4 / 255  # wider blocks stand for several
    index = OPTICAL.grid.to_index(primed.scene.means.numpy())
    assert (np.abs(index - (2 * primed.places + 0.5))[narrow.numpy()] <= 0.5001).mean() > 0.99


def test_light_channels_follow_the_rig() -> None:
    from tomosplat.feedforward.lights import MarchedLight
    from tomosplat.gaussians import block_moments

    blocks = block_moments(OPTICAL)
    marches = {name: MarchedLight(OPTICAL, load_rig(name)) for name in ("studio", "soft")}
    for march in marches.values():
        march(blocks)
        assert march.features.shape == (len(blocks), LIGHT_CHANNELS)
    # The lights differ, what is seen of the surroundings does not.
    studio, soft = marches["studio"].features, marches["soft"].features
    assert not np.allclose(studio[:, :4], soft[:, :4], atol=0.05)
    assert np.allclose(studio[:, 4], soft[:, 4])
    assert np.array_equal(places_of(OPTICAL.grid, blocks.means).max(axis=0), [4, 5, 6])
