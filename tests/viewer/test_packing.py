"""Blobs against the scenes they were made from, and against the words of docs/viewer-format.md."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.render.random_scenes import one_gaussian, random_scene
from tests.viewer.packed_scenes import ORGANS, lit_scene, measured_scene

from tomosplat.anatomy import GROUP_OF_LABEL
from tomosplat.errors import EmptySceneError, InputError, UnitsError
from tomosplat.gaussians import GaussianScene, to_matrix
from tomosplat.geometry import frame_points, sphere_directions
from tomosplat.lighting import load_rig
from tomosplat.render import rasterize
from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.packing import Blob, pack_gaussians, unpack_gaussians
from tomosplat.viewer.packing.numbers import (
    cholesky,
    from_int8,
    from_octahedral,
    from_rgb9e5,
    to_int8,
    to_octahedral,
    to_rgb9e5,
    uncholesky,
)


def paired(scene: GaussianScene, blob: Blob) -> tuple[GaussianScene, GaussianScene]:
    """What went in and what came out, Gaussian by Gaussian: found again by its mean."""
    back = unpack_gaussians(blob)
    nearest = torch.cdist(back.means, scene.means).argmin(dim=1)
    assert len(torch.unique(nearest)) == len(scene)
    return scene.select(nearest), back


def test_what_comes_out_is_what_went_in_up_to_rounding() -> None:
    scene, back = paired(s := lit_scene(), pack_gaussians(s, title="t", chunk_size=64))
    assert back.values is not None
    assert back.illumination is not None
    extent = scene.means.amax(dim=0) - scene.means.amin(dim=0)
    assert ((back.means - scene.means).abs() <= extent / 65535 / 2 * 1.0001).all()
    assert ((back.opacities - scene.opacities).abs() <= 0.5001 / 65535).all()
    assert ((back.values - scene.values).abs() <= 3024 / 65535 / 2 * 1.0001).all()  # type: ignore[operator]
    assert torch.equal(back.labels, scene.labels)
    assert back.direction_weight == scene.direction_weight
    torch.testing.assert_close(back.means_dir, scene.means_dir, rtol=0, atol=1e-4)
    for name, part in {"covs": 2e-3, "precisions_dir": 2e-2, "gains": 5e-3, "sh": 5e-3, "illumination": 2e-3}.items():
        found, expected = (getattr(one, name).flatten(1) for one in (back, scene))
        assert ((found - expected).abs().amax(dim=1) <= part * expected.abs().amax(dim=1)).all(), name


def test_pictures_of_the_packed_scene_differ_by_less_than_60_decibels() -> None:
    scene = random_scene(3000, spread=30)
    back = unpack_gaussians(pack_gaussians(scene, title="t"))
    cameras = frame_points(scene.means.numpy(), sphere_directions([20, 200], [5, -40]), 96, 96)
    error = rasterize(scene, cameras).rgba - rasterize(back, cameras).rgba
    assert -10 * torch.log10((error**2).mean()) > 60


def test_each_chunk_shows_the_whole_scene_and_none_is_lost() -> None:
    scene = lit_scene(1000)
    blob = pack_gaussians(scene, title="t", chunk_size=300)
    assert blob.header["chunks"] == [250, 250, 250, 250]
    means = unpack_gaussians(blob).means.reshape(4, 250, 3)
    assert (means.std(dim=1) > 20).all()
    assert len(torch.unique(means.reshape(-1, 3), dim=0)) == 1000


def test_the_blob_is_laid_out_as_documented() -> None:
    scene = lit_scene(3)
    data = pack_gaussians(scene, title="Tïtle", chunk_size=2).to_bytes()
    assert data[:8] == b"TOMOBLOB"
    length = int.from_bytes(data[8:12], "little")
    header = json.loads(data[12 : 12 + length])
    assert (header["title"], header["kind"], header["count"]) == ("Tïtle", "gaussians", 3)
    assert header["sections"] == [{"name": "gaussians/0", "bytes": 128}, {"name": "gaussians/1", "bytes": 64}]
    assert len(data) == 12 + length + 192
    words = np.frombuffer(data[-64:], "<u4")  # of one Gaussian, planes and record are the same
    low, high = np.array(header["bounds_mm"])
    mean = low + np.array([words[0] & 65535, words[0] >> 16, words[1] & 65535]) / 65535 * (high - low)
    index = int((scene.means - torch.from_numpy(mean)).norm(dim=1).argmin())
    assert (words[2] >> 16) & 255 == scene.labels[index]
    half = words[3:6].view("<f2").astype(float)
    np.testing.assert_allclose(half[0] ** 2, scene.covs[index, 0], rtol=2e-3)
    np.testing.assert_allclose(half[0] * half[1], scene.covs[index, 1], rtol=2e-3, atol=2e-3)
    gain_scale = 2 ** (((words[2] >> 24) - 128.0) / 8) / 127
    gains = words[10:16].view("i1")[6:15] * gain_scale
    np.testing.assert_allclose(gains, scene.gains[index].ravel(), atol=0.51 * gain_scale)
    sh_scale = 2 ** (((words[9] >> 24) - 128.0) / 8) / 127
    np.testing.assert_allclose(
        words[10:16].view("i1")[15:] * sh_scale, scene.sh[index, 1:].ravel(), atol=0.51 * sh_scale
    )


def test_the_same_scene_gives_the_same_bytes() -> None:
    first, second = (pack_gaussians(lit_scene(), title="t").compressed() for _ in range(2))
    assert first == second
    assert gzip.decompress(first) == pack_gaussians(lit_scene(), title="t").to_bytes()


def test_organs_are_counted_and_placed() -> None:
    scene = lit_scene(500)
    organs = pack_gaussians(scene, title="t").header["organs"]
    assert [organ["id"] for organ in organs] == [1, 2, 3, 4, 5]
    assert (organs[0]["name"], organs[0]["group"], organs[0]["group_index"]) == ("spleen", "Spleen", 1)
    for organ in organs:
        mine = scene.means[scene.labels == organ["id"]]
        assert organ["count"] == len(mine)
        np.testing.assert_allclose(organ["center_mm"], mine.mean(dim=0))


def test_lights_are_placed_around_the_scene() -> None:
    scene = lit_scene()
    shading = pack_gaussians(scene, title="t").header["shading"]
    placed = load_rig("studio").place((np.full(3, -100.0), np.full(3, 100.0)))
    assert shading["lit"] is True
    assert shading["multiple_scattering"] == 0.6
    np.testing.assert_allclose([light["center_mm"] for light in shading["lights"]], placed.centers)
    np.testing.assert_allclose([light["half_edges_mm"] for light in shading["lights"]], placed.half_edges)


def test_scenes_that_cannot_be_recoloured_or_relit_say_so() -> None:
    plain = pack_gaussians(random_scene(), title="t").header
    assert (plain["shading"], plain["value_range"], plain["unit"]) == (None, None, "arbitrary")
    blob = pack_gaussians(replace(lit_scene(), illumination=None), title="t")
    assert blob.header["shading"]["lit"] is False
    assert blob.header["unit"] == "HU"
    assert unpack_gaussians(blob).illumination is None


def test_errors_travel_with_their_gaussians() -> None:
    scene, back = paired(s := measured_scene(), blob := pack_gaussians(s, title="t", chunk_size=64))
    assert scene.errors is not None
    assert back.errors is not None
    assert len(blob.sections["errors"]) == len(s)
    assert next(iter(blob.sections)) == "errors"
    assert torch.equal(back.errors.isnan(), scene.errors.isnan())
    known = ~scene.errors.isnan()
    # Half a step of the square root.
    assert ((back.errors.sqrt() - scene.errors.sqrt()).abs()[known] <= 0.5001 / 254).all()
    assert back.errors[known].max() == pytest.approx(0.4, abs=2e-3)


def test_what_was_measured_is_told_organ_by_organ_and_group_by_group() -> None:
    told = pack_gaussians(measured_scene(), title="t").header["fidelity"]
    assert (told["views"], told["denoised"]) == (24, True)
    assert told["organs"]["5"] is None
    assert told["organs"]["2"] == {"error": 0.05, "trust": pytest.approx(100 * math.log(4) / math.log(20))}
    for group, found in told["groups"].items():
        mine = [ORGANS[label] for label in ORGANS if int(GROUP_OF_LABEL[label]) == int(group)]
        seen = [organ for organ in mine if not math.isnan(organ.error)]
        squares = sum(organ.pixels * organ.error**2 for organ in seen)
        assert (found is None) == (not seen)
        assert not seen or found["error"] == pytest.approx(math.sqrt(squares / sum(o.pixels for o in mine)))
    plain = pack_gaussians(lit_scene(), title="t")
    assert plain.header["fidelity"] is None
    assert "errors" not in plain.sections


def test_impossible_errors_are_refused() -> None:
    wrong = replace(measured_scene(), errors=torch.full((300,), 1.5, dtype=torch.float64))
    with pytest.raises(UnitsError, match=r"scene\.errors must lie in 0\.\.1"):
        pack_gaussians(wrong, title="t")


def test_the_extent_holds_everything_visible() -> None:
    scene = one_gaussian(opacities=torch.tensor([1.0], dtype=torch.float64))
    low, high = np.array(pack_gaussians(scene, title="t").header["extent_mm"])
    reach = 2 * np.sqrt(2 * np.log(255))
    np.testing.assert_allclose([low, high], [[-reach] * 3, [reach] * 3])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("means", np.nan),
        ("covs", -1.0),
        ("opacities", 1.5),
        ("means_dir", 2.0),
        ("gains", 1e9),
        ("sh", 1e9),
        ("precisions_dir", -1.0),
        ("illumination", -1.0),
        ("values", np.inf),
    ],
)
def test_values_that_the_format_cannot_hold_are_refused(name: str, value: float) -> None:
    scene = lit_scene()
    spoilt = scene.tensors()[name].clone()
    spoilt.view(len(scene), -1)[7, 0] = value
    with pytest.raises(UnitsError, match=name):
        pack_gaussians(replace(scene, **{name: spoilt}), title="t")


@pytest.mark.parametrize(
    "shading",
    [
        {"functions": []},
        {"functions": {"format": "other"}},
        {"rig": {"environment": [1, 1], "lights": []}},
        {"bounds_mm": [1, 2]},
        {"multiple_scattering": "x"},
        {"multiple_scattering": float("nan")},
    ],
)
def test_malformed_shading_is_refused(shading: dict[str, Any]) -> None:
    scene = lit_scene()
    with pytest.raises(InputError):
        pack_gaussians(replace(scene, shading={**scene.shading, **shading}), title="t")


def test_an_empty_scene_is_refused() -> None:
    with pytest.raises(EmptySceneError):
        pack_gaussians(random_scene(0), title="t")


def test_presets_travel_and_are_those_of_the_scenes_unit_by_default() -> None:
    preset = TransferFunctions.preset("unseen")
    assert pack_gaussians(lit_scene(), title="t", presets=[preset]).header["presets"] == [preset.to_dict()]
    assert len(pack_gaussians(lit_scene(), title="t").header["presets"]) == 2
    assert pack_gaussians(random_scene(), title="t").header["presets"] == []


finite = st.floats(-1e4, 1e4, width=32)


@given(st.lists(finite, min_size=9, max_size=9))
def test_bytes_with_an_exponent_keep_128_steps(numbers: list[float]) -> None:
    row = np.array([numbers])
    largest = np.abs(row).max()
    error = np.abs(from_int8(*to_int8(row, "numbers")) - row).max()
    assert error <= max(largest * 2 ** (1 / 8) / 254, 2**-15.8) * 1.0001


@given(st.lists(finite, min_size=3, max_size=3).filter(lambda v: np.linalg.norm(v) > 1e-3))
def test_directions_keep_their_way(vector: list[float]) -> None:
    unit = np.array([vector]) / np.linalg.norm(vector)
    assert np.abs(from_octahedral(to_octahedral(unit)) - unit).max() < 1e-4


@given(st.lists(st.floats(0, 65408, width=32), min_size=3, max_size=3))
def test_shared_exponents_keep_nine_bits_of_the_brightest(color: list[float]) -> None:
    rgb = np.array([color])
    error = np.abs(from_rgb9e5(to_rgb9e5(rgb, "light")) - rgb).max()
    assert error <= max(rgb.max() / 511, 2.0**-25)


@given(st.lists(st.floats(-30, 30), min_size=9, max_size=9))
def test_rounded_cholesky_factors_stay_positive(numbers: list[float]) -> None:
    half = np.array(numbers).reshape(3, 3)
    full = half @ half.T
    entries = full[[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]][None]
    factor = cholesky(entries, "covs")
    np.testing.assert_allclose(uncholesky(factor), entries, atol=1e-4 * max(np.trace(full), 1e-9))
    rounded = uncholesky(from_int8(*to_int8(factor, "covs")))
    assert np.linalg.eigvalsh(to_matrix(torch.from_numpy(rounded)).numpy())[0].min() >= -1e-9 * np.trace(full) - 1e-12
