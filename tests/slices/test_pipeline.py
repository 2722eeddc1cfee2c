"""``slices evaluate`` and ``slices mesh`` on small bodies, from file to result."""

import json

import numpy as np
import pytest
from PIL import Image
from tests.files.scan_writer import write_scan
from tests.slices.bodies import leaning

from tomosplat.cli import main
from tomosplat.errors import InputError
from tomosplat.report import Report
from tomosplat.slices import fill as filling
from tomosplat.slices.evaluate import methods_of
from tomosplat.slices.fusion import fuse, plane_points
from tomosplat.slices.protocol import hold_out
from tomosplat.slices.sheets import as_radiologists_look
from tomosplat.slices.stack import SliceStack

AFFINE = np.diag([-1.0, 1.0, 1.5, 1.0])


@pytest.fixture
def body(tmp_path):
    values, labels = (a.transpose(2, 1, 0) for a in leaning())
    scan = write_scan(tmp_path / "scan.nii.gz", (1000 * values).astype(np.int16), AFFINE)
    return scan, write_scan(tmp_path / "labels.nii.gz", labels, AFFINE)


def test_evaluate_tells_every_row_and_the_gain_and_goes_on_where_it_was(body, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(filling.STEPS, "default", 30)
    scan, labels = body
    output, report = tmp_path / "out", tmp_path / "r.json"
    words = ["slices", "evaluate", str(scan), "--labels", str(labels), "--fraction", "0.25", "--name", "body"]
    words += ["-o", str(output), "--report", str(report)]
    assert main(words) == 0
    facts = json.loads(report.read_text())
    rows = {row["method"]: row for row in facts["rows"]}
    assert list(rows) == [*methods_of(["flow"])]
    best = max(rows[name]["psnr"] for name in ("nearest", "linear", "catmull-rom", "spline", "pchip"))
    assert facts["gain_db"] == pytest.approx(rows["flow"]["psnr"] - best)
    assert facts["gain_db"] > 1
    assert rows["flow"]["dice"] > rows["nearest"]["dice"]
    assert rows["spline"]["dice"] is None
    table = (output / "table.md").read_text()
    assert "| body | axial |" in table
    assert "linear+blur" in table
    assert f"| flow | 1 | {facts['gain_db']:+.2f} |" in table
    assert np.load(output / "rows" / "body-axial-25-flow.npy").ndim == 2  # a sheet can be made anew
    assert next((output / "sheets").glob("*.png")).stat().st_size > 0
    kept = (output / "rows" / "body-axial-25-flow.json").read_bytes()
    assert main(words) == 0
    assert (output / "rows" / "body-axial-25-flow.json").read_bytes() == kept
    assert "flow" in capsys.readouterr().out


def test_constant_slices_and_given_ones_are_not_compared():
    values = leaning()[0]
    values[5] = 0.3
    stack = SliceStack(values, np.eye(4), np.arange(17.0))
    held = hold_out(stack, 0.25)
    assert held.given.tolist() == [0, 4, 8, 12, 16]
    assert 5 not in held.held_out
    assert (held.skipped, len(held.held_out)) == (1, 11)
    assert hold_out(stack, 0.5).given.tolist() == list(range(0, 17, 2))
    assert len(hold_out(stack, 0.95).held_out) == 1
    with pytest.raises(InputError, match="--fraction"):
        hold_out(stack, 1.5)


def test_sheets_show_the_front_up_and_the_left_at_the_right():
    picture = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(as_radiologists_look(picture, np.diag([-1.0, -1, 1, 1])), picture)
    np.testing.assert_array_equal(as_radiologists_look(picture, np.eye(4)), picture[::-1, ::-1])


def test_unknown_methods_are_refused():
    with pytest.raises(InputError, match="choose among nearest"):
        methods_of(["magic"])


def test_mesh_of_a_label_tells_its_volume_and_its_distance_from_the_truth(body, tmp_path):
    _, labels = body
    report = tmp_path / "r.json"
    words = ["slices", "mesh", "-i", str(labels), "-o", str(tmp_path / "organ.glb"), "--label", "1", "3"]
    assert main([*words, "--truth", str(labels), "--report", str(report)]) == 0
    told = json.loads(report.read_text())["meshes"]["organ.glb"]
    voxels = np.isin(leaning()[1], [1, 3]).sum()
    assert told["watertight"]
    assert told["volume_mm3"] == pytest.approx(1.5 * voxels, rel=0.02)
    assert told["dice"] == 1
    assert told["assd_mm"] < 0.4
    assert main([*words[:6], "--label", "9"]) == 2


def test_mesh_of_rendered_frames_follows_the_flags_of_slices_to_ply(tmp_path):
    folder = tmp_path / "cases" / "one" / "render_mask"
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[0:40, 0:40]
    for n in range(24):
        away = np.sqrt((rows - 20) ** 2 + (columns - 20) ** 2 + (n - 11.5) ** 2)
        Image.fromarray((255 * (away < 10)).astype(np.uint8)).save(folder / f"{n // 4:05d}_{n % 4}.png")
    report = tmp_path / "r.json"
    words = ["slices", "mesh", "--input", str(tmp_path / "cases"), "--output", str(tmp_path / "out"), "--thresh", "127"]
    words += ["--inter", "4", "--report", str(report)]
    assert main([*words, "--spacing", "0.5", "0.5", "2.0"]) == 0
    told = json.loads(report.read_text())["meshes"]["one.ply"]
    assert told["volume_mm3"] == pytest.approx(4 / 3 * np.pi * 5**3, rel=0.1)
    assert (tmp_path / "out" / "one.ply").is_file()
    assert main(words) == 0
    assert "volume_px3" in json.loads(report.read_text())["meshes"]["one.ply"]


def test_a_second_stack_helps_where_the_first_has_gaps():
    points = np.stack(np.mgrid[0:32, 0:32, 0:32], axis=-1).astype(float)
    wave = np.sin(0.9 * points[..., 2]) * np.cos(0.3 * points[..., 0]) + 2
    across = np.ascontiguousarray(wave.transpose(2, 1, 0).astype(np.float32))
    axial = SliceStack(across[::6], np.eye(4), np.arange(0.0, 32, 6))
    turned = np.eye(4)[:, [1, 2, 0, 3]]
    sagittal = SliceStack(wave.transpose(0, 2, 1).astype(np.float32)[::3], turned, np.arange(0.0, 32, 3))
    fusion = fuse([axial, sagittal], Report(), "draft")
    whole = SliceStack(across, np.eye(4), np.arange(32.0))
    planes = np.stack([plane_points(whole, n) for n in (9, 15, 21)])
    truth = across[[9, 15, 21]]
    found, inside = fusion.at(planes)
    alone, _ = fusion.filled[0].at(planes)
    assert inside[:, :, :31].all()
    assert fusion.shares[0] > 0.3
    assert np.square(found - truth)[inside].mean() < 0.7 * np.square(alone - truth)[inside].mean()
