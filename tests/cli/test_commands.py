import json

import numpy as np
import pytest
from PIL import Image

from tomosplat.files.cameras import read_cameras
from tomosplat.files.scene_ply import read_ply

SIZE = 96


def shown(path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(float)


def test_prime_and_render_give_a_lit_picture_with_a_report(run, small_scene, tmp_path) -> None:
    code, out, err = run(
        "render", small_scene, "--size", SIZE, "-o", tmp_path / "a.png", "--report", tmp_path / "run.json"
    )
    assert code == 0, err
    assert "1 picture" in out
    picture = shown(tmp_path / "a.png")
    assert picture.shape == (SIZE, SIZE, 3)
    lit = picture.max(axis=-1) > 20
    assert 0.2 < lit.mean() < 0.95
    assert picture[lit].std() > 15, "a flat silhouette is not a lit body"
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["gaussians"] == len(read_ply(small_scene))
    assert set(report["stages_s"]) >= {"read scene", "render"}


def saturation(picture: np.ndarray) -> float:
    """Median of how far from grey the lit pixels are."""
    bright = picture.max(axis=-1)
    lit = bright > 40
    return float(np.median((bright - picture.min(axis=-1))[lit] / bright[lit]))


def test_organs_render_shows_only_them(run, small_scene, tmp_path) -> None:
    pictures = {}
    for organs in ("skeleton", "cardiovascular"):
        path = tmp_path / f"{organs}.png"
        assert run("render", small_scene, "--size", SIZE, "--organs", organs, "-o", path)[0] == 0
        pictures[organs] = shown(path)
    assert saturation(pictures["skeleton"]) < 0.7 * saturation(pictures["cardiovascular"]), "bone is not red"


def test_the_patients_left_is_on_the_right_of_the_picture_and_the_head_is_up(run, small_scene, tmp_path) -> None:
    def centroid(organ: str) -> np.ndarray:
        path = tmp_path / f"{organ}.png"
        cameras = tmp_path / "views.json"
        assert run("cameras", small_scene, "--n", 1, "--size", SIZE, "-o", cameras)[0] == 0
        scene = read_ply(small_scene)
        from tomosplat.pipeline.views import framed_view, outline

        view = framed_view(outline(scene, None), [0.0], 0.0, SIZE)
        cameras.write_text(json.dumps(view.to_dict()))
        assert run("render", small_scene, "--cameras", cameras, "--organs", organ, "-o", path)[0] == 0
        weights = shown(path).sum(axis=-1)
        rows, columns = np.indices(weights.shape)
        return np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()

    liver, spleen, bladder = centroid("liver"), centroid("spleen"), centroid("urinary_bladder")
    assert liver[0] < spleen[0] - 5
    assert bladder[1] > liver[1] + 5


def test_a_camera_file_gives_a_folder_with_one_picture_each(run, small_scan, small_scene, tmp_path) -> None:
    cameras = tmp_path / "views.json"
    assert run("cameras", small_scan.ct, "--n", 3, "--size", 48, "-o", cameras)[0] == 0
    assert len(read_cameras(cameras)) == 3
    assert run("render", small_scene, "--cameras", cameras, "-o", tmp_path / "views")[0] == 0
    assert sorted(path.name for path in (tmp_path / "views").iterdir()) == ["0000.png", "0001.png", "0002.png"]


def test_a_turntable_is_a_playable_video_that_turns(run, small_scene, tmp_path) -> None:
    import av

    assert run("render", small_scene, "--size", 64, "--frames", 4, "-o", tmp_path / "turn.mp4")[0] == 0
    with av.open(str(tmp_path / "turn.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in container.decode(video=0)]
    assert len(frames) == 4
    assert np.abs(frames[0] - frames[1]).mean() > 2


def test_primed_for_one_organ_group_the_scene_has_no_other(run, small_scan, tmp_path) -> None:
    path = tmp_path / "bones.ply"
    code, _, err = run(
        "prime", small_scan.ct, "--labels", small_scan.labels, "--spacing", 6, "--organs", "skeleton", "-o", path
    )
    assert code == 0, err
    assert {"skeleton"} == set(json.loads(run("info", path)[1])["groups"])


def test_without_labels_the_tissues_are_found(run, small_scan, tmp_path) -> None:
    code, _out, err = run("prime", small_scan.ct, "--spacing", 6, "-o", tmp_path / "s.ply")
    assert code == 0, err
    assert "skeleton" in json.loads(run("info", tmp_path / "s.ply")[1])["groups"]


def test_marched_light_comes_from_above_and_plain_priming_has_none(run, small_scan, tmp_path) -> None:
    ratio = {}
    for light in ("none", "march", "bake"):
        scene = tmp_path / f"{light}.ply"
        arguments = ("prime", small_scan.ct, "--labels", small_scan.labels, "--spacing", 6, "--organs", "skeleton")
        assert run(*arguments, "--light", light, "-o", scene)[0] == 0
        brightness = []
        for elevation in (60, -60):
            picture = tmp_path / "view.png"
            assert run("render", scene, "--size", SIZE, "--elevation", elevation, "-o", picture)[0] == 0
            pixels = shown(picture).mean(axis=-1)
            brightness.append(pixels[pixels > 10].mean())
        ratio[light] = brightness[0] / brightness[1]
    assert 0.9 < ratio["none"] < 1.1
    assert ratio["march"] > ratio["none"] + 0.1
    assert ratio["bake"] > ratio["none"] + 0.1


def test_what_no_light_path_sees_can_be_left_out(run, small_scan, tmp_path) -> None:
    arguments = ("prime", small_scan.ct, "--labels", small_scan.labels, "--spacing", 6, "--light", "bake")
    assert run(*arguments, "-o", tmp_path / "all.ply")[0] == 0
    assert run(*arguments, "--drop-unseen", "-o", tmp_path / "seen.ply")[0] == 0
    whole, seen = read_ply(tmp_path / "all.ply"), read_ply(tmp_path / "seen.ply")
    assert 0.3 < len(seen) / len(whole) < 0.98
    assert whole.provenance["light"] == "bake"


def test_info_and_doctor_print_json(run, small_scan, small_scene, tmp_path) -> None:
    scan = json.loads(run("info", small_scan.ct)[1])
    assert scan["shape"] == list(small_scan.grid.shape)
    np.testing.assert_allclose(scan["spacing_mm"], 6, atol=1e-5)
    scene = json.loads(run("info", small_scene)[1])
    assert scene["gaussians"] == len(read_ply(small_scene))
    doctor = json.loads(run("doctor", "--report", tmp_path / "doctor.json")[1])
    assert json.loads((tmp_path / "doctor.json").read_text()) == doctor
    assert doctor["versions"]["torch"] != "absent"
    assert doctor["rendering"]


def test_the_demo_on_the_torso_leaves_its_four_results(run, tmp_path, monkeypatch) -> None:
    from tomosplat.pipeline import demo

    monkeypatch.setattr(demo, "torso", lambda: __import__("tomosplat.volume").volume.torso(spacing_mm=6.0))
    monkeypatch.setattr(demo, "_TURN_FRAMES", 3)
    code, out, err = run(
        "demo", "--phantom", "--size", SIZE, "-o", tmp_path / "demo", "--report", tmp_path / "run.json"
    )
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "chest.ply",
        "chest.png",
        "organs.png",
        "turntable.mp4",
    ]
    assert "render video" in out
    n_gaussians = len(read_ply(tmp_path / "demo" / "chest.ply"))
    assert f"{n_gaussians:,} Gaussians" in out
    assert json.loads((tmp_path / "run.json").read_text())["gaussians"] == n_gaussians


def test_offline_the_demo_says_so_and_takes_the_torso(run, tmp_path, monkeypatch) -> None:
    from tomosplat.errors import DownloadError
    from tomosplat.pipeline import demo

    def offline():
        raise DownloadError("pip could not fetch it (are you offline?)")

    monkeypatch.setattr(demo, "fetch_demo_scan", offline)
    monkeypatch.setattr(demo, "torso", lambda: __import__("tomosplat.volume").volume.torso(spacing_mm=6.0))
    monkeypatch.setattr(demo, "_TURN_FRAMES", 2)
    code, out, _ = run("demo", "--size", SIZE, "-o", tmp_path / "demo")
    assert code == 0
    assert "Procedural torso" in out
    assert "offline" in out


@pytest.mark.parametrize("verb", ["demo", "prime", "render", "cameras", "info", "doctor"])
def test_every_verb_explains_itself(run, verb: str) -> None:
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert "help" in out
