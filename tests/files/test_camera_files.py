import numpy as np
import pytest

from tomosplat.errors import FileFormatError, GeometryError, InputError, OutputError
from tomosplat.files.cameras import read_cameras, write_cameras
from tomosplat.geometry import Cameras, fibonacci_directions, frame_bounds


@pytest.fixture
def cameras() -> Cameras:
    return frame_bounds((np.zeros(3), np.array([300.0, 200.0, 100.0])), fibonacci_directions(5), 64, 48)


def test_cameras_survive_the_file_exactly(tmp_path, cameras):
    write_cameras(tmp_path / "cams.json", cameras)
    read = read_cameras(tmp_path / "cams.json")
    np.testing.assert_array_equal(read.viewmats, cameras.viewmats)
    np.testing.assert_array_equal(read.Ks, cameras.Ks)
    assert (read.width, read.height) == (64, 48)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", FileFormatError),
        (b'{"width": 3,', FileFormatError),
        (b"\xff\xfe\x00", FileFormatError),
        (b"[]", GeometryError),
        (b'{"width": 3, "height": 3}', GeometryError),
        (b'{"width": 3, "height": 3, "cameras": [{"viewmat": [1, 2], "K": [3]}]}', GeometryError),
    ],
)
def test_what_is_no_camera_file_is_refused_by_name(tmp_path, content, error):
    (tmp_path / "cams.json").write_bytes(content)
    with pytest.raises(error):
        read_cameras(tmp_path / "cams.json")


def test_an_absent_camera_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.json.*No such file"):
        read_cameras(tmp_path / "absent.json")


def test_cameras_are_not_written_into_a_missing_folder(tmp_path, cameras):
    with pytest.raises(OutputError, match="there is no folder"):
        write_cameras(tmp_path / "absent" / "cams.json", cameras)
