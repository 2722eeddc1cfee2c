import json

TINY = ("--spacing", 10, "--size", 24, "--fit-views", 2, "--test-views", 1, "--fit-samples", 1, "--test-samples", 2)


def test_evaluate_goes_through_its_lists_and_a_bad_scan_is_exit_code_3(run, tmp_path):
    (tmp_path / "bad.nrrd").write_text("no scan")
    out = tmp_path / "out"
    options = ("-o", out, *TINY, "--looks", "all/seen", "--methods", "plain", "--report", tmp_path / "run.json")
    code, text, err = run("evaluate", tmp_path / "bad.nrrd", "torso:0", *options)
    assert code == 3
    assert "3 jobs done" in text
    assert "truth/bad.all-seen.test: FileFormatError" in err
    (section,) = json.loads((out / "table.json").read_text())["sections"]
    assert [(row["case"], row["method"]) for row in section["rows"]] == [("torso-0", "plain")]
    assert json.loads((tmp_path / "run.json").read_text())["jobs"]["failed"].keys() == {"truth/bad.all-seen.test"}
    assert {path.name for path in out.iterdir()} >= {"table.md", "table.csv", "table.json", "sheets"}


def test_bad_arguments_are_exit_code_2(run, tmp_path):
    for arguments, message in ((["--methods", "magic"], "--methods magic"), (["--fit-views", 1], "at least 2")):
        code, _, err = run("evaluate", "torso:0", "-o", tmp_path / "out", *arguments)
        assert code == 2
        assert message in err
    assert not (tmp_path / "out").exists()
