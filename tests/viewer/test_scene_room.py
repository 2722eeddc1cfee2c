"""What the page's scene room reads, against Python."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.viewer.packed_scenes import lit_scene, measured_scene

from tomosplat.geometry import Grid
from tomosplat.transfer import TransferFunction, TransferFunctions, extinction_of_opacity
from tomosplat.viewer.packing import Blob, pack_gaussians, pack_volume, unpack_gaussians, unpack_volume
from tomosplat.viewer.packing.numbers import uncholesky
from tomosplat.volume import LabelMap, Volume

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WEB = Path(__file__).resolve().parents[2] / "web"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    rolldown = WEB / "node_modules" / ".bin" / "rolldown"
    if not rolldown.exists() or shutil.which("node") is None:
        pytest.skip("web/ has no node_modules (npm ci): single rooms of the page cannot be bundled")
    output = tmp_path_factory.mktemp("room") / "scene.js"
    entry = Path(__file__).parent / "rooms" / "scene.ts"
    subprocess.run([rolldown, entry, "--format", "iife", "--file", output], check=True, capture_output=True, cwd=WEB)
    return output.read_text()


@pytest.fixture
def ask(page: Page, bundle: str) -> Callable[..., Any]:
    """Call a function of ``rooms/scene.ts``."""
    page.add_script_tag(content=bundle)
    return lambda name, *arguments: page.evaluate("([name, args]) => room[name](...args)", [name, arguments])


def base64_of(blob: Blob) -> str:
    return base64.b64encode(blob.compressed()).decode()


def scan() -> tuple[Volume, LabelMap]:
    rng = np.random.default_rng(0)
    grid = Grid.axis_aligned((5, 7, 3), 1.5)
    values = rng.uniform(-1024, 3000, grid.shape).astype(np.float32)
    return Volume(values, grid, "HU"), LabelMap(rng.integers(0, 118, grid.shape).astype(np.uint8), grid)


def test_every_number_of_a_gaussian_is_decoded_as_in_python(ask: Callable[..., Any]) -> None:
    blob = pack_gaussians(lit_scene(200), title="t", chunk_size=70)
    expected = unpack_gaussians(blob)
    found = {name: np.concatenate(parts) for name, parts in ask("decoded", base64_of(blob)).items()}
    n = len(expected)

    def same(name: str, tensor: Any, atol: float = 1e-6) -> None:
        array = np.asarray(tensor, dtype=np.float64).reshape(-1)
        np.testing.assert_allclose(found[name], array, rtol=1e-6, atol=atol, err_msg=name)

    same("means", expected.means, 1e-5)
    same("opacities", expected.opacities)
    same("values", expected.values, 1e-3)
    same("labels", expected.labels)
    same("directions", expected.means_dir)
    same("illumination", expected.illumination)
    same("gains", expected.gains)
    same("harmonics", expected.sh)
    for name, covs in (("covFactors", expected.covs), ("precisionFactors", expected.precisions_dir)):
        squared = uncholesky(found[name].reshape(n, 6))
        np.testing.assert_allclose(squared, covs.numpy(), rtol=1e-6, atol=1e-5, err_msg=name)


def test_voxels_arrive_as_they_were(ask: Callable[..., Any]) -> None:
    blob = pack_volume(*scan())
    values, labels = unpack_volume(blob)
    found = ask("volume", base64_of(blob))
    np.testing.assert_array_equal(blob.header["value_offset"] + np.array(found["values"]), values.ravel(order="F"))
    np.testing.assert_array_equal(found["labels"], labels.ravel(order="F"))


def test_the_first_chunk_is_there_before_the_rest_has_come(ask: Callable[..., Any]) -> None:
    data = pack_gaussians(lit_scene(400), title="t", chunk_size=100).to_bytes()
    arrivals = ask("arrivals", list(data), 500)
    assert [name for name, _ in arrivals] == [f"gaussians/{i}" for i in range(4)]
    missing = [len(data) - asked for _, asked in arrivals]
    assert missing[0] > 3 * 6400 - 600
    assert missing[1] > 2 * 6400 - 600


def steps() -> TransferFunction:
    """Steps, and a ramp out of nothing and one into it."""
    rows = [[-100, 1, 0, 0, 0], [50, 0, 1, 0, 0.5], [50, 0, 0, 1, 0.2], [50, 1, 1, 1, 1], [300, 0.2, 0.3, 0.4, 0]]
    return TransferFunction(np.array(rows, dtype=np.float64))


@pytest.mark.parametrize("function", [*TransferFunctions.preset("seen").functions.values(), steps()])
def test_transfer_functions_are_evaluated_as_in_python(ask: Callable[..., Any], function: TransferFunction) -> None:
    at = function.points[:, 0]
    values = np.unique(np.concatenate([at, at - 1e-3, at + 1e-3, np.linspace(-1200, 3500, 200)]))
    found = np.array(
        [ask("evaluate", function.points.tolist(), float(value)) for value in values[:: len(values) // 60]]
    )
    np.testing.assert_allclose(found, function(values[:: len(values) // 60]), rtol=0, atol=1e-14)


def test_extinction_is_that_of_python(ask: Callable[..., Any]) -> None:
    opacities = np.array([0, 1e-9, 0.3, 0.9985, 0.999, 1])
    found = [ask("extinction", float(opacity)) for opacity in opacities]
    np.testing.assert_allclose(found, extinction_of_opacity(opacities), rtol=1e-14)


def test_tables_hold_extinction_and_colour_of_each_group(ask: Callable[..., Any]) -> None:
    functions = TransferFunctions.preset("unseen")
    found = ask("transferTable", functions.to_dict(), 12, -1000, 1000, 51)
    table = np.array(found).reshape(12, 51, 4)
    values = np.linspace(-1000, 1000, 51)
    for group in range(12):
        function = functions.functions.get(group)
        rgba = function(values) if function is not None else np.zeros((51, 4))
        expected = np.column_stack([extinction_of_opacity(rgba[:, 3]), rgba[:, :3]])
        np.testing.assert_allclose(table[group], expected, atol=1e-6)


def spelled(blob: Blob, **changes: Any) -> str:
    return base64_of(replace(blob, header={**blob.header, **changes}))


def test_sound_blobs_are_taken(ask: Callable[..., Any]) -> None:
    assert ask("verdict", base64_of(pack_gaussians(lit_scene(50), title="t"))) == "gaussians"
    assert ask("verdict", base64_of(pack_gaussians(measured_scene(50), title="t"))) == "gaussians"
    assert ask("verdict", base64_of(pack_volume(*scan()))) == "volume"


@pytest.mark.parametrize("keep", [0, 5, 100, -300, -9, -1])
def test_truncated_data_are_refused_with_a_message(ask: Callable[..., Any], keep: int) -> None:
    data = pack_gaussians(lit_scene(50), title="t").compressed()[:keep]
    verdict = ask("verdict", base64.b64encode(data).decode())
    assert verdict.startswith("BlobError: The scene's data")


def test_damaged_data_are_refused_with_a_message(ask: Callable[..., Any]) -> None:
    data = bytearray(pack_gaussians(lit_scene(50), title="t").compressed())
    data[len(data) // 2] ^= 0x10
    assert ask("verdict", base64.b64encode(bytes(data)).decode()).startswith("BlobError: The scene's data are damaged")
    assert ask("verdict", "these are ~no~ letters of base64!").startswith("BlobError: The scene's data are damaged")


@pytest.mark.parametrize(
    "fidelity",
    [None, {"views": -1}, {"denoised": "no"}, {"organs": []}, {"groups": {"1": {"error": 0.1}}}, {"whole": 5}],
)
def test_a_fidelity_that_makes_no_sense_is_refused_with_a_message(
    ask: Callable[..., Any], fidelity: dict[str, Any] | None
) -> None:
    blob = pack_gaussians(measured_scene(50), title="t")
    changed = None if fidelity is None else {**blob.header["fidelity"], **fidelity}
    assert ask("verdict", spelled(blob, fidelity=changed)).startswith("BlobError: The scene's data are damaged")


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"kind": "picture"},
        {"count": 51},
        {"count": 10**9, "chunks": [10**9]},
        {"chunks": [25, 25]},
        {"chunks": "many"},
        {"bounds_mm": [[1, 1, 1], [0, 0, 0]]},
        {"extent_mm": [[None, 0, 0], [1, 1, 1]]},
        {"organs": [{"id": 300}]},
        {"organs": None},
        {"value_range": [1, 0]},
        {"direction_weight": "0.35"},
        {"shading": {"lit": True}},
        {"presets": [{"groups": {"1": [[0, 1]]}}]},
        {"facts": []},
        {"fidelity": {}},
        {"fidelity": pack_gaussians(measured_scene(50), title="t").header["fidelity"]},
        {"title": 5},
    ],
)
def test_headers_that_make_no_sense_are_refused_with_a_message(
    ask: Callable[..., Any], changes: dict[str, Any]
) -> None:
    blob = pack_gaussians(lit_scene(50), title="t")
    assert ask("verdict", spelled(blob, **changes)).startswith("BlobError: The ")


def test_oversized_data_are_refused_before_memory_is_taken(ask: Callable[..., Any]) -> None:
    n = 5_000_000
    header = {**pack_gaussians(lit_scene(5), title="t").header, "count": n, "chunks": [n]}
    text = json.dumps({**header, "sections": [{"name": "gaussians/0", "bytes": 64 * n}]}).encode()
    data = gzip.compress(b"TOMOBLOB" + len(text).to_bytes(4, "little") + text)
    assert "5000000 Gaussians" in ask("verdict", base64.b64encode(data).decode())
    lying = b"TOMOBLOB" + (1 << 31).to_bytes(4, "little")
    assert "header claims" in ask("verdict", base64.b64encode(gzip.compress(lying)).decode())
    volume = pack_volume(*scan())
    assert "voxels" in ask("verdict", spelled(volume, shape=[1 << 12, 1 << 12, 1 << 12]))
    assert ask("verdict", spelled(volume, shape=[5, 7, 4])).startswith("BlobError")
    too_much = base64.b64encode(gzip.compress(volume.to_bytes() + b"more")).decode()
    assert "more of them" in ask("verdict", too_much)
