import json
from dataclasses import replace

from tests.jobs.works import case, write

from tomosplat.jobs import Shard, known_hashes, run_cases


def test_the_list_is_written_with_all_that_tells_cases_apart(tmp_path):
    run_cases([replace(case("a", cost=2.0), inputs=("a.nii.gz",), signature="s")], write, tmp_path)
    (row,) = map(json.loads, (tmp_path / "cases.jsonl").read_text().splitlines())
    assert (row["id"], row["inputs"], row["cost"], row["signature"]) == ("a", ["a.nii.gz"], 2.0, "s")
    assert (row["content_hash"], row["config_hash"]) == (case("a").content_hash, case("a").config_hash)


def test_hashes_are_known_again_from_any_manifest_by_id_and_signature(tmp_path):
    run_cases([replace(case("a"), signature="s"), case("b")], write, tmp_path, shard=Shard(0, 2))
    (tmp_path / "cases-1-of-2.jsonl").write_text('{"id": "c", "conten')
    assert known_hashes(tmp_path) == {("a", "s"): case("a").content_hash}
    assert known_hashes(tmp_path / "absent") == {}
