"""``tomosplat slices fit`` and ``slices render``: the README of MedGS with our names, volumes, and bad input."""

import json

import numpy as np
import pytest
from PIL import Image
from tests.files.scan_writer import write_scan
from tests.files.test_frames import write
from tests.slices.moving import body, labels_of

from tomosplat.files.scans import read_labels, read_volume
from tomosplat.slices.scene_files import read_slice_scene

FEW = ("--iterations", 12)


def frames():
    return (255 * body()[::3]).astype(np.uint8)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    (folder / "img" / "mirror").mkdir(parents=True)
    write(folder / "img", frames())
    write(folder / "seg", 255 * (frames() > 150))
    return folder


@pytest.fixture(scope="module")
def joint(datasets, tmp_path_factory):
    """A joint fit by the command line, with checkpoints on the way."""
    from tomosplat.cli import main

    folder = tmp_path_factory.mktemp("joint") / "model"
    arguments = ["slices", "fit", "-s", str(datasets / "img"), "-m", str(folder), "--pipeline", "joint"]
    arguments += ["--seg_source_path", str(datasets / "seg"), "--lambda_seg", "2", "--iterations", "40"]
    arguments += ["--checkpoint_iterations", "20", "--save_iterations", "30", "--test_iterations", "7", "--save_xyz"]
    assert main([*arguments, "--report", str(folder.parent / "report.json")]) == 0
    return folder


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def pictures(folder):
    return sorted(path.name for path in folder.iterdir())


def test_image_frames_are_fitted_and_rendered(run, datasets, tmp_path):
    model = tmp_path / "model"
    code, out, err = run("slices", "fit", "-s", datasets / "img", "-m", model, *FEW, "--preview", tmp_path / "p.png")
    assert code == 0, err
    assert out.strip().endswith("chkpnt12.safetensors")
    assert pictures(model) == ["chkpnt12.safetensors"]
    assert pixels(tmp_path / "p.png").shape == (30, 2 * 34, 3)
    assert run("slices", "render", "--model_path", model)[0] == 0
    assert pictures(model / "render_img") == [f"{n:05d}_0.png" for n in range(5)]
    # Without a head for the mask the image is shown.
    assert run("slices", "render", "--model_path", model, "--pipeline", "seg")[0] == 0
    one, other = (pixels(model / f / "00002_0.png") for f in ("render_img", "render_mask"))
    np.testing.assert_array_equal(one, other)


def test_both_heads_are_rendered_between_the_frames_and_in_chunks(run, joint, tmp_path):
    assert run("slices", "render", "--model_path", joint, "--pipeline", "both", "--interp", 2, "--chunks", 3)[0] == 0
    names = [f"{n:05d}_{j}.png" for n in range(5) for j in range(2)]
    assert pictures(joint / "render_img") == names
    assert pictures(joint / "render_mask") == names
    shown = pixels(joint / "render_mask" / "00002_0.png") > 127
    truth = frames()[2] > 150
    assert (shown & truth).sum() > 0.8 * (shown | truth).sum()
    points = tmp_path / "points"
    masks = tmp_path / "masks"
    masks.mkdir()
    for n in range(5):
        Image.fromarray(np.eye(30, 34, dtype=np.uint8) * 255).save(masks / f"{n:05d}_0.png")
    arguments = ("--iteration", 30, "--mask_path", masks, "--generate_points_path", points, "--extension", ".bmp")
    assert run("slices", "render", "--model_path", joint, *arguments)[0] == 0
    shown = pixels(joint / "render_img" / "00002_0.bmp")
    assert shown.any()
    assert not shown[~np.eye(30, 34, dtype=bool)].any()
    assert np.load(points / "00002_0.npy").shape[1] == 2


def test_checkpoints_hold_both_heads_and_go_on_to_the_bit(run, joint, datasets, tmp_path):
    found = pictures(joint)
    assert {"chkpnt20.safetensors", "chkpnt20.state.safetensors", "chkpnt30.safetensors", "xyz"} <= set(found)
    assert pictures(joint / "xyz") == ["40.npy"]
    whole = read_slice_scene(joint / "chkpnt40.safetensors")
    assert whole.image_head is not None
    assert whole.mask_head is not None
    looks = json.loads((joint.parent / "report.json").read_text())["looks"]
    assert 7 in [look["iteration"] for look in looks]
    code, _, err = run(
        *("slices", "fit", "-s", datasets / "img", "-m", tmp_path / "again", "--pipeline", "joint"),
        *("--seg_source_path", datasets / "seg", "--lambda_seg", 2, "--iterations", 40),
        *("--start_checkpoint", joint / "chkpnt20.safetensors"),
    )
    assert code == 0, err
    again = read_slice_scene(tmp_path / "again" / "chkpnt40.safetensors")
    for name in ("ellipses", "moves", "image_head", "mask_head"):
        np.testing.assert_array_equal(getattr(again, name).numpy(), getattr(whole, name).numpy())


def test_a_mask_head_is_refined_alone(run, datasets, tmp_path):
    model = tmp_path / "model"
    assert run("slices", "fit", "-s", datasets / "img", "-m", model, *FEW)[0] == 0
    code, _, err = run(
        *("slices", "fit", "-s", datasets / "seg", "-m", model, "--pipeline", "seg", "--seg_head_only"),
        *("--start_checkpoint", model / "chkpnt12.safetensors", *FEW),
    )
    assert code == 0, err
    before, after = (read_slice_scene(model / f"chkpnt{n}.safetensors") for n in (12, 24))
    assert before.mask_head is None
    np.testing.assert_allclose(after.ellipses.numpy(), before.ellipses.numpy(), rtol=1e-5)
    np.testing.assert_allclose(after.image_head.numpy(), before.image_head.numpy(), atol=1e-4)
    assert after.mask_head is not None


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("thick")
    affine = np.diag([1.2, 1.1, 4.0, 1.0])
    values = body()[::3].transpose(2, 1, 0)
    return (
        write_scan(folder / "scan.nii.gz", (1000 * values).astype(np.int16), affine),
        write_scan(folder / "labels.nii.gz", labels_of(values), affine),
    )


@pytest.mark.parametrize("method", ["flow", "triplane"])
def test_a_volume_and_its_labels_are_fitted_and_written_finer(run, scan, tmp_path, method):
    model, volume, labels = tmp_path / "model", tmp_path / "fine.nii.gz", tmp_path / "labels.nii.gz"
    code, out, err = run(
        *("slices", "fit", "-s", scan[0], "-m", model, "--method", method, "--labels", scan[1]),
        *("--quality", "draft", "--iterations", 30),
    )
    assert code == 0, err
    arguments = ("--interp", 2, "--pipeline", "both", "--volume", volume, "--label_volume", labels)
    code, out, err = run("slices", "render", "-m", model, *arguments)
    assert code == 0, err
    assert str(volume) in out
    coarse, fine = read_volume(scan[0]), read_volume(volume)
    np.testing.assert_allclose(fine.grid.spacing, [1.2, 1.1, 2.0], rtol=1e-5)
    assert fine.values.shape == (34, 30, 9)
    difference = fine.values[..., ::2] - coarse.values
    assert float(np.sqrt(np.mean(difference**2))) < 50  # of 1000
    assert set(np.unique(read_labels(labels, fine.grid).values)) == {0, 1, 7}
    assert len(pictures(model / "render_mask")) == 9


def test_what_contradicts_itself_is_refused(run, datasets, scan, tmp_path):
    fit = ("slices", "fit", "-m", tmp_path / "model")
    img = ("-s", datasets / "img")
    for arguments, says in [
        ((*img, "--pipeline", "joint"), "--seg-source-path"),
        ((*img, "--pipeline", "seg", "--seg_head_only"), "--start-checkpoint"),
        ((*img, "--pipeline", "seg"), "grey"),
        ((*img, "--method", "flow"), "--spacing"),
        ((*img, "--batch_size", 0), "--batch-size"),
        (("-s", scan[0], "--pipeline", "seg"), "--labels"),
        (("-s", scan[0], "--as_published"), "--method inner"),
        ((*img, "--labels", scan[1]), "--seg-source-path"),
        ((*img, "--blending", "alpha"), "--blending"),
        (("-s", scan[0], "--labels", scan[1], scan[1]), "label maps"),
        ((*img, "--start_checkpoint", tmp_path / "none.safetensors"), "none.safetensors"),
    ]:
        code, _, err = run(*fit, *arguments)
        assert code == 2, err
        assert says in err
        assert not (tmp_path / "model").exists()


def test_renders_of_what_is_not_there_are_refused(run, joint, tmp_path):
    assert run("slices", "render", "-m", tmp_path)[0] == 2
    for arguments, says in [
        (("--iteration", 999), "999"),
        (("--interp", 0), "--interp"),
        (("--extension", ".xyz"), ".xyz"),
        (("--volume", tmp_path / "v.nii.gz"), "millimetres"),
        (("--volume", tmp_path / "v.raw"), "v.raw"),
    ]:
        code, _, err = run("slices", "render", "-m", joint, *arguments)
        assert code == 2, err
        assert says in err
