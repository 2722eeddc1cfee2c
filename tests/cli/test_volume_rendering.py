import json

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import SPACING_MM

SIZE = 48


def picture(run, tmp_path, verb: str, small_scan, *arguments: object) -> np.ndarray:
    path = tmp_path / "picture.png"
    reading = ("--labels", small_scan.labels, "--spacing", SPACING_MM)
    code, _, err = run(verb, small_scan.ct, *reading, "--size", SIZE, *arguments, "-o", path)
    assert code == 0, err
    return np.asarray(Image.open(path)).astype(float)


def test_path_tracing_gives_a_lit_picture_and_says_its_noise(run, small_scan, tmp_path) -> None:
    report = tmp_path / "run.json"
    pixels = picture(run, tmp_path, "pathtrace", small_scan, "--samples", 8, "--report", report)
    lit = pixels.max(axis=-1) > 10
    assert pixels.shape == (SIZE, SIZE, 3)
    assert 0.1 < lit.mean() < 0.95
    assert 0 < json.loads(report.read_text())["relative_error"]["mean"] < 2


def test_denoising_smooths_the_picture_and_the_report_says_so(run, small_scan, tmp_path) -> None:
    pytest.importorskip("mitsuba_oidn", reason="Open Image Denoise is not installed")
    report = tmp_path / "run.json"
    noisy = picture(run, tmp_path, "pathtrace", small_scan, "--samples", 2)
    smooth = picture(run, tmp_path, "pathtrace", small_scan, "--samples", 2, "--denoise", "--report", report)
    assert np.abs(np.diff(smooth, axis=1)).mean() < np.abs(np.diff(noisy, axis=1)).mean()
    assert json.loads(report.read_text())["denoised"] is True


def test_a_noise_target_ends_the_picture_early(run, small_scan, tmp_path) -> None:
    report = tmp_path / "run.json"
    picture(run, tmp_path, "pathtrace", small_scan, "--samples", 512, "--noise", 0.5, "--report", report)
    assert json.loads(report.read_text())["relative_error"]["worst"] <= 0.5


def test_splats_and_paths_show_the_same_body_from_the_same_camera(run, small_scan, small_scene, tmp_path) -> None:
    cameras = tmp_path / "views.json"
    assert run("cameras", small_scene, "--n", 1, "--size", SIZE, "-o", cameras)[0] == 0
    traced = picture(run, tmp_path, "pathtrace", small_scan, "--cameras", cameras, "--samples", 32)
    assert run("render", small_scene, "--cameras", cameras, "-o", tmp_path / "splats.png")[0] == 0
    splats = np.asarray(Image.open(tmp_path / "splats.png")).astype(float)
    assert np.corrcoef(traced.ravel(), splats.ravel())[0, 1] > 0.85


def test_a_clip_plane_takes_away_what_lies_behind_it(run, small_scan, tmp_path) -> None:
    center = small_scan.grid.center
    whole = picture(run, tmp_path, "raymarch", small_scan, "--azimuth", 0, "--elevation", 0)
    upper = picture(run, tmp_path, "raymarch", small_scan, "--azimuth", 0, "--elevation", 0, "--clip", *center, 0, 0, 1)
    assert (upper[SIZE // 2 + 4 :].sum(), upper[: SIZE // 2 - 4].sum() > 0) == (0, True)
    assert whole[SIZE // 2 + 4 :].sum() > 0


@pytest.mark.parametrize("mode", ["composite", "mip", "average"])
def test_ray_marching_draws_every_mode(run, small_scan, tmp_path, mode: str) -> None:
    pixels = picture(run, tmp_path, "raymarch", small_scan, "--mode", mode)
    assert pixels.std() > 5
    colored = np.ptp(pixels, axis=-1).max() > 20
    assert colored == (mode == "composite")


def test_hidden_organs_are_not_marched(run, small_scan, tmp_path) -> None:
    everything = picture(run, tmp_path, "raymarch", small_scan, "--background", "transparent")
    liver = picture(run, tmp_path, "raymarch", small_scan, "--background", "transparent", "--organs", "liver")
    assert liver.shape == (SIZE, SIZE, 4)
    assert (liver[..., 3] > 10).mean() > 0.05
    assert everything.shape == liver.shape


@pytest.mark.parametrize(
    ("verb", "arguments", "complaint"),
    [
        ("pathtrace", ("--samples", 0), "samples"),
        ("pathtrace", ("--clip", 0, 0, 0, 0, 0, 0), "clip plane"),
        ("pathtrace", ("--environment", "absent.hdr"), "absent.hdr"),
        ("pathtrace", ("--organs", "brain"), "visible"),
        ("raymarch", ("--step", 0), "step"),
        ("raymarch", ("--window", 5, 5), "window"),
    ],
)
def test_impossible_requests_are_refused_before_work(run, small_scan, tmp_path, verb, arguments, complaint) -> None:
    path = tmp_path / "out" / "picture.png"
    path.parent.mkdir()
    reading = ("--labels", small_scan.labels, "--spacing", SPACING_MM)
    code, _, err = run(verb, small_scan.ct, *reading, *arguments, "-o", path)
    assert code == 2, err
    assert complaint in err
    assert list(path.parent.iterdir()) == []
