"""From scans to tables, resumed, with bad scans and looks in which there is nothing to see."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.conftest import TINY
from tests.files.scan_writer import write_scan

from tomosplat.anatomy import GROUP_OF_LABEL
from tomosplat.errors import InputError, TransferFunctionError
from tomosplat.evaluation.sheets import sheet_size
from tomosplat.files.scenes import read_scene
from tomosplat.report import Report
from tomosplat.volume.torso import torso

SCORED = {
    ("all/seen", "plain"),
    ("all/seen", "march+ft"),
    ("skeleton/seen", "plain"),
    ("skeleton/seen", "march+ft"),
    ("skeleton/seen", "switch"),
}


def table(folder):
    return json.loads((folder / "table.json").read_text())


def rows(folder):
    return [row for section in table(folder)["sections"] for row in section["rows"]]


def test_every_method_has_a_row_at_every_look_that_it_makes_something_of(evaluated):
    assert {(row["look"], row["method"]) for row in rows(evaluated)} == SCORED
    for row in rows(evaluated):
        scene = read_scene(evaluated / "scenes" / f"torso-0.{row['look'].replace('/', '-')}.{slug(row['method'])}.ply")
        assert row["gaussians"] == len(scene)
        assert row["psnr"] > row["psnr_foreground"] > 5
        assert min(row["fps"], row["wall_s"], row["cpu_s"], row["peak_gb"], row["megabytes"]) > 0
        assert row["ms_ssim"] is row["st_lpips"] is None, "the pictures are too small for these"


def slug(method):
    return method.replace("+", "-")


def test_light_brings_priming_closer_to_the_truth(evaluated):
    psnr = {(row["look"], row["method"]): row["psnr"] for row in rows(evaluated)}
    for look in ("all/seen", "skeleton/seen"):
        assert psnr[look, "march+ft"] > psnr[look, "plain"] + 2


def test_the_sheet_shows_every_look_and_method(evaluated):
    with Image.open(evaluated / "sheets" / "torso-0.png") as sheet:
        assert sheet.size == sheet_size(2, 3)


def test_what_is_done_is_not_done_again_and_more_methods_do_only_what_is_missing(evaluated, here, tmp_path):
    out = shutil.copytree(evaluated, tmp_path / "out")
    outcome = here(out, "torso:0")
    assert outcome.done == ()
    assert len(outcome.skipped) == 4 + 7 + 5, "pictures, scenes, scores"
    more = replace(TINY, methods=(*TINY.methods, "march"))
    assert here(out, "torso:0", options=more).done == (
        "scores/torso-0.all-seen.march",
        "scores/torso-0.skeleton-seen.march",
    ), "its scenes are there: they were fine-tuned"
    assert {(row["look"], row["method"]) for row in rows(out)} == SCORED | {
        ("all/seen", "march"),
        ("skeleton/seen", "march"),
    }


def test_other_fitting_views_redo_what_is_fitted_and_other_truth_only_the_scores(evaluated, here, tmp_path):
    out = shutil.copytree(evaluated, tmp_path / "out")
    first = replace(TINY, looks=("all/seen",))
    done = here(out, "torso:0", options=replace(first, fit_samples=3)).done
    assert done == (
        "truth/torso-0.all-seen.fit",
        "scenes/torso-0.all-seen.march-ft",
        "scores/torso-0.all-seen.march-ft",
    )
    done = here(out, "torso:0", options=replace(first, fit_samples=3, test_samples=2)).done
    assert done == (
        "truth/torso-0.all-seen.test",
        "scores/torso-0.all-seen.plain",
        "scores/torso-0.all-seen.march-ft",
    )


def test_stopped_between_any_two_lists_it_still_writes_what_there_is_and_goes_on(here, tmp_path):
    options = replace(TINY, looks=("all/seen",), methods=("plain", "march+ft"))
    for stage in ("trace fitting", "make scenes", "fine-tune", "score"):
        with pytest.raises(KeyboardInterrupt):
            here(tmp_path / "out", "torso:0", options=options, report=Report(StoppingAt(stage)))
        assert table(tmp_path / "out")["sections"] == []
    outcome = here(tmp_path / "out", "torso:0", options=options)
    assert outcome.done == ("scores/torso-0.all-seen.plain", "scores/torso-0.all-seen.march-ft"), (
        "only the scores were left to do"
    )
    assert len(rows(tmp_path / "out")) == 2


class StoppingAt:
    """Ctrl-C when a stage begins."""

    def __init__(self, stage):
        self.stage = stage

    def stage_started(self, name):
        if name.startswith(self.stage):
            raise KeyboardInterrupt

    def stage_advanced(self, done, total): ...

    def stage_ended(self, name, seconds): ...


def test_scores_beside_a_truth_that_was_traced_anew_leave_the_table(evaluated, here, tmp_path):
    out = shutil.copytree(evaluated, tmp_path / "out")
    changed = replace(TINY, looks=("all/seen",), test_samples=2)
    with pytest.raises(KeyboardInterrupt):
        here(out, "torso:0", options=changed, report=Report(StoppingAt("make scenes")))
    assert {row["look"] for row in rows(out)} == {"skeleton/seen"}


def test_a_bad_scan_stops_no_other(here, tmp_path):
    (tmp_path / "bad.nrrd").write_text("no scan")
    options = replace(TINY, looks=("all/seen",), methods=("plain",))
    outcome = here(tmp_path / "out", str(tmp_path / "bad.nrrd"), "torso:0", options=options)
    assert list(outcome.failed) == ["truth/bad.all-seen.test"]
    assert "FileFormatError" in outcome.failed["truth/bad.all-seen.test"]
    assert [row["case"] for row in rows(tmp_path / "out")] == ["torso-0"]
    assert "truth/bad.all-seen.test: FileFormatError" in (tmp_path / "out" / "table.md").read_text()


def test_a_look_in_which_nothing_is_visible_is_left_out_with_a_reason(here, tmp_path):
    volume, labels = torso(0, 10)
    bones = np.where(GROUP_OF_LABEL[labels.values] == 7, labels.values, 0)
    (tmp_path / "bones").mkdir()
    write_scan(tmp_path / "bones" / "ct.nii.gz", volume.values.round().astype(np.int16), volume.grid.affine)
    write_scan(tmp_path / "bones" / "labels.nii.gz", bones, volume.grid.affine)
    options = replace(TINY, labels_name="labels.nii.gz", looks=("skeleton", "organs"), methods=("plain",))
    outcome = here(tmp_path / "out", str(tmp_path / "bones"), options=options)
    assert not outcome.failed
    assert {row["look"] for row in rows(tmp_path / "out")} == {"skeleton/seen"}
    ((left_out),) = table(tmp_path / "out")["left_out"]
    assert (left_out["case"], left_out["look"]) == ("bones", "organs/seen")
    assert "nothing is visible" in left_out["why"]
    assert "bones, organs/seen: nothing is visible" in (tmp_path / "out" / "table.md").read_text()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"looks": ("heart/seen",)}, InputError, "--looks heart/seen: expected all, skeleton, organs"),
        ({"looks": ("all/seen", "all")}, InputError, "each once"),
        ({"looks": ("all/nowhere.json",)}, TransferFunctionError, "nowhere.json"),
        ({"methods": ()}, InputError, "at least one"),
        ({"methods": ("plain", "plain")}, InputError, "each method once"),
        ({"methods": ("magic+ft",)}, InputError, "--methods magic"),
        ({"fit_views": 1}, InputError, "--fit-views must be at least 2"),
        ({"test_views": 0}, InputError, "--test-views"),
        ({"size": 0}, InputError, "--size"),
        ({"workers": 0}, InputError, "--workers"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_impossible_options_are_refused_before_anything_is_done(here, tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        here(tmp_path / "out", "torso:0", options=replace(TINY, **change))
    assert not (tmp_path / "out").exists()


def test_no_case_is_an_error(here, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="there is no case"):
        here(tmp_path / "out", str(tmp_path / "empty"))


def test_csv_and_json_agree(evaluated):
    with (evaluated / "table.csv").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["kind"] == "scan"]
    assert len(lines) == len(rows(evaluated))
    for line, row in zip(lines, rows(evaluated), strict=True):
        assert float(line["psnr"]) == row["psnr"]
        assert line["st_lpips"] == ""
