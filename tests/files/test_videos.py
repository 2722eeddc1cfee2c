import av
import numpy as np
import pytest

from tomosplat.errors import InputError, OutputError
from tomosplat.files.videos import write_mp4


def solid(color: tuple[int, int, int], size: int = 64) -> np.ndarray:
    return np.full((size, size, 3), color, np.uint8)


def test_a_video_shows_its_frames_in_order_and_true_colour(tmp_path) -> None:
    colors = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
    assert write_mp4(tmp_path / "a.mp4", (solid(c) for c in colors), fps=10) == 3
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, float(stream.average_rate)) == (64, 64, 10.0)
        shown = [frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) for frame in container.decode(stream)]
    np.testing.assert_allclose(shown, colors, atol=4)


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ([], "at least one frame"),
        ([solid((0, 0, 0), 63)], "even"),
        ([solid((0, 0, 0)), solid((0, 0, 0), 32)], "one size"),
    ],
)
def test_impossible_videos_are_refused_and_nothing_is_left(tmp_path, frames, complaint) -> None:
    with pytest.raises(InputError, match=complaint):
        write_mp4(tmp_path / "a.mp4", frames)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path) -> None:
    with pytest.raises(OutputError, match="absent"):
        write_mp4(tmp_path / "absent" / "a.mp4", [solid((0, 0, 0))])
