import errno
import os
from pathlib import Path

import pytest

from tomosplat.errors import OutputError
from tomosplat.files.atomic import make_folder, writing


def test_the_target_appears_only_when_the_block_has_ended(tmp_path):
    target = tmp_path / "scan.nii.gz"
    with writing(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".nii.gz")
    assert target.read_text() == "whole"
    assert os.listdir(tmp_path) == ["scan.nii.gz"]


def write_half(target, error):
    with writing(target) as temporary:
        temporary.write_text("half")
        raise error


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "scene.ply"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half(target, ZeroDivisionError())
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["scene.ply"]


def test_a_full_disk_is_an_output_error_that_names_the_target(tmp_path):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OutputError, match=r"out\.png.*No space left"):
        write_half(tmp_path / "out.png", full)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named_before_any_work(tmp_path):
    with pytest.raises(OutputError, match="there is no folder"), writing(tmp_path / "absent" / "out.png"):
        pytest.fail("the block must not run")


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "out.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"), writing(tmp_path / "out.png"):
        pytest.fail("the block must not run")


def test_a_folder_without_permission_is_an_output_error(tmp_path, monkeypatch):
    def refuse(self, **_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(OutputError, match="Permission denied"), writing(tmp_path / "out.png"):
        pytest.fail("the block must not run")


def test_a_file_is_not_taken_for_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="there is no folder"), writing(tmp_path / "file" / "out.png"):
        pytest.fail("the block must not run")


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot make the folder"):
        make_folder(tmp_path / "file")
