"""Tables of a hand-made evaluation of two scans, read back."""

import csv
import io
import json

import pytest

from tomosplat.evaluation.paper import PAPER
from tomosplat.evaluation.rows import NUMBERS, mean_rows, sections
from tomosplat.evaluation.tables import Results, to_csv, to_json, to_markdown

PROTOCOL = {
    "rig": "studio",
    "size": 400,
    "fit_views": 20,
    "test_views": 5,
    "fit_samples": 16,
    "test_samples": 32,
    "denoised": True,
    "seed": 0,
}


def fact(case, look="all/seen", method="march", protocol=PROTOCOL, **changed):
    known = {
        "case": case,
        "look": look,
        "method": method,
        "protocol": protocol,
        "working_grid_mm": 1.5,
        "spent": {"wall_s": 2.0, "cpu_s": 3.0, "peak_bytes": 1_500_000_000},
        "bytes": 12_300_000,
        "iterations": 300,
        "gaussians": 1000,
        "fps": 10.0,
        "ssim": 0.9,
        "ms_ssim": 0.95,
        "psnr": 30.0,
        "ssim_foreground": 0.8,
        "ms_ssim_foreground": 0.85,
        "psnr_foreground": 25.0,
        "st_lpips": None,
        "floor_db": 39.0,
        "floor_foreground_db": 35.0,
    }
    return known | changed


def results(*facts) -> Results:
    return Results(
        sections(facts), {("head", "organs/seen"): "nothing\nis visible"}, {"bad.all-seen.test": "X: no\nscan"}
    )


def markdown_tables(text) -> list[list[dict[str, str]]]:
    """Every table of a Markdown text, as rows of cells by column."""
    tables, lines = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            lines.append([cell.strip() for cell in line.strip("|").split("|")])
        elif lines:
            header, rule, *rows = lines
            assert all(set(cell) <= set("-:") for cell in rule)
            assert {len(row) for row in rows} == {len(header)}
            tables.append([dict(zip(header, row, strict=True)) for row in rows])
            lines = []
    return tables


def test_means_over_the_scans_are_means_and_count_the_scans():
    (section,) = sections([fact("a", psnr=30.0, st_lpips=0.1), fact("b", psnr=34.0), fact("a", method="plain")])
    march = next(row for row in mean_rows(section.rows) if row.method == "march")
    assert (march.psnr, march.scans, march.case) == (32.0, 2, "")
    assert march.st_lpips is None, "one scan lacks it"
    assert (march.wall_s, march.cpu_s, march.peak_gb, march.megabytes, march.steps) == (2.0, 3.0, 1.5, 12.3, 300)


def test_rows_found_in_another_way_stand_apart():
    small = PROTOCOL | {"size": 64}
    first, second = sections([fact("a", protocol=small), fact("a"), fact("b")])
    assert (first.protocol["size"], len(first.rows)) == (400, 2)
    assert (second.protocol["size"], len(second.rows)) == (64, 1)


def test_rows_are_sorted_by_look_scan_and_method():
    looks = [("organs/seen", "march"), ("all/unseen", "march"), ("all/seen", "march+ft"), ("all/seen", "plain")]
    (section,) = sections([fact("a", look=look, method=method) for look, method in looks])
    found = [(row.look, row.method) for row in section.rows]
    assert found == [("all/seen", "plain"), ("all/seen", "march+ft"), ("all/unseen", "march"), ("organs/seen", "march")]


def test_markdown_parses_back():
    means, scans = markdown_tables(to_markdown(results(fact("a", psnr=30.126), fact("b"))))
    assert [row["PSNR"] for row in scans] == ["30.13", "30.00"]
    assert [row["scan"] for row in scans] == ["a", "b"]
    assert [row["ST-LPIPS"] for row in scans] == ["", ""]
    assert scans[0] | {"PSNR": "30.00", "scan": "b"} == scans[1]
    assert means[0]["PSNR"] == "30.06"
    assert means[0]["scans"] == "2"
    paper = [row for row in means if row["method"].startswith("*paper")]
    assert len(paper) == sum(row.look == "all/seen" for row in PAPER) == 12
    assert {row["truth's floor"] for row in paper} == {""}
    assert all("scans" in row["scans"] for row in paper), "whose data it was"


def test_the_papers_rows_stand_below_ours_of_the_same_look_and_only_there():
    means, _ = markdown_tables(to_markdown(results(fact("a"), fact("a", look="organs/seen"))))
    looks = [row["look"] for row in means]
    assert looks == ["all/seen"] * 13 + ["organs/seen"]
    assert means[0]["method"] == "priming, light marched"


def test_a_noisy_truth_is_flagged():
    text = to_markdown(results(fact("a", floor_db=37.9), fact("b", floor_db=38.0)))
    _, scans = markdown_tables(text)
    assert [row["truth's floor"] for row in scans] == ["37.9 (!)", "38.0"]
    lines = list(csv.DictReader(io.StringIO(to_csv(results(fact("a", floor_db=37.9))))))
    assert [line["noisy_truth"] for line in lines if line["kind"] == "scan"] == ["True"]


def test_seconds_that_nobody_knows_are_empty():
    _, scans = markdown_tables(to_markdown(results(fact("a", spent=None))))
    assert (scans[0]["wall s"], scans[0]["CPU s"], scans[0]["peak GB"]) == ("", "", "")


def test_csv_parses_back_to_the_digit():
    lines = list(csv.DictReader(io.StringIO(to_csv(results(fact("a", psnr=1 / 3), fact("b"))))))
    scans = [line for line in lines if line["kind"] == "scan"]
    assert [line["case"] for line in scans] == ["a", "b"]
    assert float(scans[0]["psnr"]) == 1 / 3
    assert scans[0]["st_lpips"] == ""
    assert (scans[0]["size"], scans[0]["denoised"]) == ("400", "True")
    (mean,) = (line for line in lines if line["kind"] == "mean")
    assert float(mean["psnr"]) == pytest.approx((1 / 3 + 30) / 2)
    paper = [line for line in lines if line["kind"] == "paper"]
    assert len(paper) == len(PAPER)
    assert (paper[0]["psnr"], paper[0]["lpips"], paper[0]["wall_s"]) == ("26.63", "0.096", "1463.9")


def test_json_holds_everything():
    data = json.loads(to_json(results(fact("a"))))
    (row,) = data["sections"][0]["rows"]
    assert set(NUMBERS) < set(row)
    assert data["left_out"] == [{"case": "head", "look": "organs/seen", "why": "nothing\nis visible"}]
    assert data["failed"] == {"bad.all-seen.test": "X: no\nscan"}
    assert len(data["paper"]) == len(PAPER)


def test_reasons_stay_on_one_line():
    text = to_markdown(results(fact("a")))
    assert "- head, organs/seen: nothing is visible\n" in text
    assert "- bad.all-seen.test: X: no scan\n" in text


def test_an_evaluation_without_rows_has_no_table():
    assert "|" not in to_markdown(Results([], {}, {}))
    assert len(to_csv(Results([], {}, {})).splitlines()) == 1 + len(PAPER)
