import json

from tomosplat.files.dataset import read_manifest

TINY = ("--spacing", 10, "--size", 16, "--views", 1, 0, 0, "--samples", 1)


def test_prepare_makes_a_dataset_and_says_so_again(run, tmp_path):
    out = tmp_path / "out"
    code, text, err = run("prepare", "torso:3", "-o", out, *TINY, "--tf", "seen", "unseen", "--rigs", "studio", "soft")
    assert code == 0, err
    assert "1 cases prepared, 0 were done before" in text
    looks = read_manifest(out).cases["torso-3"].facts["looks"]
    assert looks == [f"all/{tf}/{rig}" for tf in ("seen", "unseen") for rig in ("studio", "soft")]
    again = run("prepare", "torso:3", "-o", out, *TINY, "--tf", "seen", "unseen", "--rigs", "studio", "soft")
    assert "0 cases prepared, 1 were done before" in again[1]


def test_bad_cases_stop_no_other_and_are_exit_code_3(run, tmp_path):
    (tmp_path / "bad.nrrd").write_text("no scan")
    (tmp_path / "cases.txt").write_text("bad.nrrd\nabsent.nii.gz\ntorso:0\n")
    code, text, err = run("prepare", tmp_path / "cases.txt", "-o", tmp_path / "out", *TINY)
    assert code == 3
    assert "1 cases prepared" in text
    assert "2 cases failed" in err
    assert "bad: FileFormatError" in err
    assert list(read_manifest(tmp_path / "out").cases) == ["torso-0"]
    assert "formats.py" in json.loads((tmp_path / "out" / "bad.failed.json").read_text())["traceback"]


def test_bad_arguments_are_exit_code_2(run, tmp_path):
    for cases, message in ((["torso:x"], "is no torso"), ([tmp_path], "there is no case"), ([], "no argument")):
        code, _, err = run("prepare", *cases, "-o", tmp_path / "out", *TINY)
        assert code == 2
        assert message in err
    assert not (tmp_path / "out").exists()
