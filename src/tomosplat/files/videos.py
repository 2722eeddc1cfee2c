"""Videos: 8-bit frames in, H.264 in MP4 out."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import InputError, OutputError
from tomosplat.files.atomic import writing

_CODEC = "libx264"
_QUALITY = {"crf": "17", "preset": "medium"}


def write_mp4(path: Path, frames: Iterable[NDArray[np.uint8]], fps: int = 30) -> int:
    """Encode frames [H, W, 3] sRGB as they come, and return how many there were.

    Colours are tagged and converted as BT.709, so players show what the PNGs show.

    Raises:
        InputError: No frame, frames of different or odd sizes, or a frame rate below 1.
        OutputError: The file could not be written.
    """
    if fps < 1:
        raise InputError(f"fps must be at least 1, got {fps}")
    with writing(path) as temporary:
        try:
            return _encode(temporary, frames, fps)
        except av.FFmpegError as error:
            raise OutputError(f"cannot encode {path}: {error}") from error


def _encode(path: Path, frames: Iterable[NDArray[np.uint8]], fps: int) -> int:
    n_frames = 0
    shape: tuple[int, ...] | None = None
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = cast(av.VideoStream, container.add_stream(_CODEC, rate=Fraction(fps), options=_QUALITY))
        for pixels in frames:
            if shape is None:
                shape = pixels.shape
                _start(stream, shape)
            if pixels.shape != shape:
                raise InputError(f"all frames must have one size, got {pixels.shape} after {shape}")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.colorspace, frame.color_range = 1, 1
            container.mux(stream.encode(frame))
            n_frames += 1
        if n_frames == 0:
            raise InputError("a video needs at least one frame")
        container.mux(stream.encode())
    return n_frames


def _start(stream: av.VideoStream, shape: tuple[int, ...]) -> None:
    height, width = shape[:2]
    if len(shape) != 3 or shape[2] != 3 or height % 2 or width % 2:
        raise InputError(f"video frames must be [H, W, 3] with even H and W, got {shape}")
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
    context.color_range = 1
