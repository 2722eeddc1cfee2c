"""``tomosplat dvr fit`` on a small CT and pictures of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.dvr.subject import GRID, ball_values
from tests.one_thread import one_thread  # noqa: F401

from tomosplat import machine
from tomosplat.cli import main
from tomosplat.files.cameras import write_cameras
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.scenes import read_scene
from tomosplat.geometry import fibonacci_directions, frame_bounds
from tomosplat.pipeline.transfer_files import load_transfer_functions
from tomosplat.render import Raymarcher, RaymarchSettings
from tomosplat.transfer import TransferFunction, TransferFunctions
from tomosplat.volume import LabelMap, Volume

sitk = pytest.importorskip("SimpleITK")

N, SIZE = 8, 24
#: Values of a scan without units, in which the command asks for no labels.
VALUES = (1000 * ball_values().numpy()).astype(np.int16)
WANTED = TransferFunctions(
    {1: TransferFunction(np.array([[200, 1, 0.3, 0.1, 0.0], [500, 0.2, 0.4, 1, 0.4]]))}, "wanted"
)


def write_scan(path: Path) -> Path:
    # The working grid is RAS, files are LPS.
    image = sitk.GetImageFromArray(np.ascontiguousarray(VALUES[::-1, ::-1].transpose(2, 1, 0)))
    image.SetSpacing(GRID.spacing.tolist())
    image.SetOrigin([-15.0, -15.0, -15.0])
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scan, cameras and transparent pictures."""
    folder = tmp_path_factory.mktemp("dvr")
    write_scan(folder / "scan.mha")
    cameras = frame_bounds(GRID.bounds, fibonacci_directions(N), SIZE, SIZE)
    write_cameras(folder / "cameras.json", cameras)
    (folder / "pictures").mkdir()
    volume = Volume(VALUES.astype(np.float32), GRID)
    marcher = Raymarcher(
        volume,
        LabelMap(np.ones(GRID.shape, np.uint8), GRID),
        TransferFunctions(WANTED.functions, "wanted", "arbitrary"),
        np.ones(256, np.uint8),
        settings=RaymarchSettings(shading=None, jitter=False),
    )
    for n in range(N):
        picture = marcher.draw(cameras[n : n + 1]).rgba[0].numpy()
        write_png(folder / "pictures" / f"{n}.png", to_bytes(picture, None))
    return folder


def run(case: Path, output: Path, *more: str, images: Path | None = None) -> int:
    scan, pictures = str(case / "scan.mha"), str(images or case / "pictures")
    cameras = ["--cameras", str(case / "cameras.json")]
    common = ["--spacing", "2", "--epochs", "12", "--rate", "1", "-o", str(output)]
    return main(["dvr", "fit", scan, "--images", pictures, *cameras, *common, *more])


@pytest.mark.parametrize("model", ["lookup", "lookup2d"])
def test_pictures_give_a_transfer_function_in_the_scan_s_units_and_files_for_others(
    case: Path, tmp_path: Path, model: str
) -> None:
    others = ["--slicer", str(tmp_path / "tf.vp"), "--paraview", str(tmp_path / "pv.json")]
    others += ["--volume", str(tmp_path / "colors.safetensors"), "--preview", str(tmp_path / "now.png")]
    code = run(case, tmp_path / "tf.json", "--model", model, "--report", str(tmp_path / "report.json"), *others)
    assert code == 0
    functions = load_transfer_functions(str(tmp_path / "tf.json"))
    assert functions.unit == "arbitrary"
    assert functions.functions[1](150)[3] < 0.05 < functions.functions[1](450)[3]
    for name in ("tf.vp", "pv.json"):
        assert load_transfer_functions(str(tmp_path / name)).functions[1](450)[3] > 0.05
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["psnr"] > 25
    assert (report["pictures"], report["held_out"]) == (7, 1)
    written = json.loads((tmp_path / "tf.json").read_text())["groups"]
    assert list(written) == ["1-11"]
    assert len(written["1-11"]) == report["points"] < 256
    with Image.open(tmp_path / "now.png") as preview:
        assert preview.size == (2 * SIZE, SIZE)
    assert (tmp_path / "colors.safetensors").stat().st_size > VALUES.size * 8
    assert not list(tmp_path.glob(".*checkpoint"))


def prime(case: Path, colored: Path, output: Path, spacing: str) -> int:
    """``tomosplat prime`` with learned colours and one label for all of the ball."""
    labels = sitk.ReadImage(str(case / "scan.mha")) > 0
    sitk.WriteImage(labels, str(case / "labels.mha"))
    common = ["--labels", str(case / "labels.mha"), "--spacing", spacing, "--light", "none"]
    return main(["prime", str(case / "scan.mha"), "-o", str(output), "--from-dvr", str(colored), *common])


def test_gaussians_are_primed_with_the_learned_colours(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    colored = tmp_path / "colors.safetensors"
    assert run(case, tmp_path / "tf.json", "--volume", str(colored)) == 0
    assert prime(case, colored, tmp_path / "primed.ply", "2") == 0
    scene = read_scene(tmp_path / "primed.ply")
    # Nearest voxel of each Gaussian, and its colour (Y of degree 0 is ½ √(1 ∕ π)).
    at = np.rint(GRID.to_index(scene.means.numpy())).astype(int)
    values, colors = VALUES[tuple(at.T)], 0.5 + 0.2820948 * scene.sh[:, 0].numpy()
    np.testing.assert_allclose(colors[values > 350].mean(axis=0), WANTED.functions[1](500)[:3], atol=0.1)
    assert prime(case, colored, tmp_path / "other.ply", "1.9") == 2
    assert "same --spacing" in capsys.readouterr().err
    assert not (tmp_path / "other.ply").exists()


def changed(case: Path, tmp_path: Path, change: str) -> Path:
    """A copy of the pictures that something is wrong with."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in sorted((case / "pictures").glob("*.png")):
        with Image.open(path) as picture:
            pixels = np.array(picture)
        if change == "opaque":
            pixels = pixels[..., :3]
        elif change == "small":
            pixels = pixels[:-1]
        elif change == "clear":
            pixels[..., 3] = 0
        elif change == "black":
            pixels[..., :3] = 0
        elif change == "fewer" and path.stem == "7":
            continue
        Image.fromarray(pixels).save(folder / path.name)
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("opaque", "no transparency"),
        ("small", "its camera 24x24"),
        ("fewer", "7 PNGs"),
        ("clear", "nothing can be learned"),
        ("black", "wholly black"),
    ],
)
def test_pictures_that_nothing_can_be_learned_from_are_refused_before_the_scan_is_read(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, said: str
) -> None:
    code = run(case, tmp_path / "tf.json", images=changed(case, tmp_path, change))
    assert code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "tf.json").exists()


def test_too_little_memory_is_said_with_numbers(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 200_000)
    assert run(case, tmp_path / "tf.json") == 2
    assert "GB are free" in capsys.readouterr().err


def test_a_wrong_name_for_a_result_is_refused(case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(case, tmp_path / "tf.png") == 2
    assert "ends in .json" in capsys.readouterr().err
