import pytest
from tests.jobs.works import case

from tomosplat.errors import OutputError
from tomosplat.jobs import Product, Records


def test_scratch_survives_for_the_same_hashes_only(tmp_path):
    records = Records(tmp_path)
    folder = records.scratch(case("a"))
    (folder / "picture").touch()
    assert (records.scratch(case("a")) / "picture").exists()
    assert not list(records.scratch(case("a", config="other")).iterdir())
    assert not folder.exists()


def test_outputs_that_cannot_be_moved_leave_no_marker_and_keep_the_scratch(tmp_path):
    records = Records(tmp_path)
    part = records.scratch(case("a")) / "part"
    part.write_text("x")
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OutputError, match="cannot write the results of a"):
        records.publish(case("a"), Product({"a.txt": part}), {})
    assert part.exists()
    assert not records.is_done(case("a"))


def test_a_damaged_marker_vouches_for_nothing(tmp_path):
    (tmp_path / "a.done.json").write_text('{"id": "a", "cont')
    assert not Records(tmp_path).is_done(case("a"))
    assert Records(tmp_path).done() == []
