"""NIfTI-1 and NIfTI-2 scans, read here rather than through ITK.

ITK pads a truncated file with zeros, turns a sheared affine into the nearest rotation and chooses between qform and
sform without a word; a scene built on that would be wrong and nobody would know.

Format: https://nifti.nimh.nih.gov/nifti-1 and https://nifti.nimh.nih.gov/nifti-2.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import FileFormatError, GeometryError, ShapeError
from tomosplat.files.header import ScanHeader
from tomosplat.geometry import FloatArray, Grid

_DTYPES = {
    2: np.uint8, 4: np.int16, 8: np.int32, 16: np.float32, 64: np.float64, 256: np.int8,
    512: np.uint16, 768: np.uint32, 1024: np.int64, 1280: np.uint64,
}  # fmt: skip
_REFUSED_TYPES = {32: "complex", 128: "RGB", 1536: "128-bit", 1792: "complex", 2048: "complex", 2304: "RGBA"}
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, millimetre, micrometre
_AGREEMENT_MM = 0.1
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class _Layout:
    """Where the two versions of the format keep what is needed, as struct codes and byte offsets."""

    size: int
    dim: tuple[str, int]
    datatype: tuple[str, int]
    pixdim: tuple[str, int]
    vox_offset: tuple[str, int]
    scaling: tuple[str, int]
    codes: tuple[str, int]
    quaternion: tuple[str, int]
    rows: tuple[str, int]
    units: tuple[str, int]


_NIFTI1 = _Layout(
    348, ("8h", 40), ("h", 70), ("8f", 76), ("f", 108), ("2f", 112), ("2h", 252), ("6f", 256), ("12f", 280), ("B", 123)
)
_NIFTI2 = _Layout(
    540, ("8q", 16), ("h", 12), ("8d", 104), ("q", 168), ("2d", 176), ("2i", 344), ("6d", 352), ("12d", 400), ("i", 500)
)


def is_nifti(start: bytes) -> bool:
    """Whether a file (decompressed) begins like NIfTI-1 or NIfTI-2."""
    return start[344:348] == b"n+1\0" or start[4:8] == b"n+2\0"


def read_nifti_header(path: Path) -> ScanHeader:
    """Read where the voxels of a .nii or .nii.gz are, without reading them.

    The sform is used where the file states one, else the qform, as the format asks; shear is kept.

    Raises:
        FileFormatError: The header is cut short, or its voxel type is not a single number.
        ShapeError: The file does not hold one 3-D volume.
        GeometryError: No orientation is stated, or qform and sform name different directions.
    """
    with _open(path) as file:
        start = _read(file, _NIFTI2.size, path)
    layout = _NIFTI1 if start[344:348] == b"n+1\0" else _NIFTI2
    if len(start) < layout.size:
        raise FileFormatError(f"{path} is cut short: its NIfTI header has {len(start)} of {layout.size} bytes")
    order: Literal["<", ">"] = "<" if struct.unpack_from("<i", start)[0] == layout.size else ">"

    def field(where: tuple[str, int]) -> tuple[Any, ...]:
        return struct.unpack_from(order + where[0], start, where[1])

    shape = _shape(field(layout.dim), path)
    dtype = _dtype(field(layout.datatype)[0], path).newbyteorder(order)
    affine, notes = _affine(
        field(layout.codes), field(layout.pixdim), field(layout.quaternion), field(layout.rows), shape, path
    )
    scale = _MM_PER_UNIT.get(field(layout.units)[0] & 7, 1.0)
    if scale != 1:
        affine[:3] *= scale
        notes = (*notes, f"the file's lengths are in units of {scale:g} mm; converted to mm")
    slope, intercept = field(layout.scaling)
    scaling = (slope, intercept) if math.isfinite(slope) and slope != 0 and math.isfinite(intercept) else (1.0, 0.0)
    return ScanHeader(
        format="NIfTI",
        grid=Grid(shape, affine),
        dtype=dtype,
        load=partial(_load, path, int(field(layout.vox_offset)[0]), shape, dtype, scaling),
        notes=notes,
    )


def _open(path: Path) -> IO[bytes]:
    if path.name.lower().endswith(".gz"):
        return cast(IO[bytes], gzip.open(path))
    return path.open("rb")


def _read(file: IO[bytes], n_bytes: int, path: Path) -> bytes:
    try:
        return file.read(n_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error


def _shape(dim: tuple[int, ...], path: Path) -> tuple[int, int, int]:
    rank = dim[0]
    if not 1 <= rank <= 7 or min(dim[1 : rank + 1]) < 1:
        raise FileFormatError(f"{path} has an impossible NIfTI shape: dim = {list(dim)}")
    shape = dim[1 : rank + 1]
    if rank < 3 or max(shape[3:], default=1) > 1:
        raise ShapeError(
            f"{path} holds an array of shape {shape}, one 3-D volume was expected; save one volume of it and read that"
        )
    return shape[0], shape[1], shape[2]


def _dtype(code: int, path: Path) -> np.dtype[Any]:
    if code not in _DTYPES:
        name = _REFUSED_TYPES.get(code, "unknown")
        raise FileFormatError(f"{path} holds {name} voxels (NIfTI type {code}); one real number per voxel was expected")
    return np.dtype(_DTYPES[code])


def _affine(
    codes: tuple[int, int],
    pixdim: tuple[float, ...],
    quaternion: tuple[float, ...],
    rows: tuple[float, ...],
    shape: tuple[int, int, int],
    path: Path,
) -> tuple[FloatArray, tuple[str, ...]]:
    qform_code, sform_code = codes
    sform = np.vstack([np.reshape(rows, (3, 4)), [0, 0, 0, 1]]).astype(np.float64)
    if sform_code > 0 and qform_code > 0:
        return sform, _compare_forms(Grid(shape, sform), Grid(shape, _qform(pixdim, quaternion)), path)
    if sform_code > 0:
        return sform, ()
    if qform_code > 0:
        return _qform(pixdim, quaternion), ()
    raise GeometryError(
        f"{path} states no orientation (qform_code and sform_code are 0), so left and right cannot be told apart; "
        "write a qform or sform into it (with nibabel: image.set_sform(affine, 1)) and read it again"
    )


def _qform(pixdim: tuple[float, ...], quaternion: tuple[float, ...]) -> FloatArray:
    """Index → world of "method 2" of the format: quaternion (b, c, d), offset, and pixdim with the sign of k first."""
    b, c, d = (float(component) for component in quaternion[:3])
    a = math.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    # Single-precision quaternions leave the unit sphere by 1e-7; dividing keeps the rotation a rotation.
    a, b, c, d = np.array([a, b, c, d]) / math.hypot(a, b, c, d)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handedness = -1 if pixdim[0] < 0 else 1
    affine = np.eye(4)
    affine[:3, :3] = rotation * np.array([pixdim[1], pixdim[2], pixdim[3] * handedness])
    affine[:3, 3] = quaternion[3:]
    return affine


def _compare_forms(sform: Grid, qform: Grid, path: Path) -> tuple[str, ...]:
    if sform.orientation != qform.orientation:
        raise GeometryError(
            f"{path} contradicts itself: its sform says {sform.orientation}, its qform {qform.orientation}; "
            "set the wrong one's code to 0 (with nibabel: image.set_qform(None, 0)) and read it again"
        )
    last = np.asarray(sform.shape) - 1
    distance = max(
        float(np.linalg.norm(sform.to_world(corner * last) - qform.to_world(corner * last)))
        for corner in np.ndindex(2, 2, 2)
    )
    if distance <= _AGREEMENT_MM:
        return ()
    return (f"qform and sform lie up to {distance:.1f} mm apart; the sform was used",)


def _load(
    path: Path, offset: int, shape: tuple[int, int, int], dtype: np.dtype[Any], scaling: tuple[float, float]
) -> NDArray[Any]:
    stored = np.empty(math.prod(shape), dtype=dtype)
    buffer = memoryview(stored.view(np.uint8))  # type: ignore[arg-type]
    filled = 0
    with _open(path) as file:
        try:
            file.seek(offset)
            while chunk := file.read(min(_CHUNK_BYTES, len(buffer) - filled)):
                buffer[filled : filled + len(chunk)] = chunk
                filled += len(chunk)
            file.read(1)  # reaching the end makes gzip compare its checksum
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileFormatError(f"{path} is damaged after {filled} of {len(buffer)} bytes: {error}") from error
    if filled < len(buffer):
        raise FileFormatError(f"{path} is cut short: {filled} of {len(buffer)} bytes of voxels are there")
    values = stored.reshape(shape, order="F")
    slope, intercept = scaling
    return values if scaling == (1, 0) else values.astype(np.float32) * np.float32(slope) + np.float32(intercept)
