import json


def test_a_batch_makes_what_it_can_and_is_exit_code_3_if_some_cases_failed(run, tmp_path):
    (tmp_path / "corrupted.nrrd").write_text("no scan")
    (tmp_path / "list.txt").write_text("corrupted.nrrd\ntorso:0\n")
    report = tmp_path / "report.json"
    arguments = ["batch", "prime", tmp_path / "list.txt", "-o", tmp_path / "out", "--spacing", 10]
    code, text, err = run(*arguments, "--report", report)
    assert code == 3
    assert "1 scenes made, 0 were done before" in text
    assert "1 cases failed" in err
    assert "corrupted: FileFormatError" in err
    assert (tmp_path / "out" / "torso-0.ply").is_file()
    code, text, _ = run(*arguments)
    assert code == 3
    assert "0 scenes made, 1 were done before" in text


def test_cases_beyond_their_memory_are_refused_by_name_before_they_begin(run, small_scan, tmp_path):
    name = small_scan.ct.parent.name
    code, _, err = run("batch", "prime", small_scan.ct, "-o", tmp_path / "out", "--memory-per-case", 0.1)
    assert code == 3
    assert f"{name}: MemoryLimitError: {name} is expected to need" in err
    assert json.loads((tmp_path / "out" / f"{name}.failed.json").read_text())["tries"] == 0


def test_impossible_parts_and_limits_are_exit_code_2(run, tmp_path):
    for arguments, message in (
        (("--num-shards", 2, "--shard", 2), "there is no shard 2 of 2"),
        (("--workers", 0), "at least 1"),
        (("--minutes-per-case", 0), "some time and memory"),
    ):
        code, _, err = run("batch", "prime", "torso:0", "-o", tmp_path / "out", *arguments)
        assert code == 2
        assert message in err
    assert not (tmp_path / "out").exists()
