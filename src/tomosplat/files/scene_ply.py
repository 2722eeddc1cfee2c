"""Scenes as .ply: an ordinary 3DGS file that every splat viewer opens, with the exact 6D scene beside it.

One ``vertex`` element of float32 properties, binary little endian. First the standard ones of 3D Gaussian splatting,
holding the moment-matched ordinary Gaussians; then ``sixd_*``, ``label``, and where they are known ``value``,
``light_*`` and ``error`` (-1 where no view showed a Gaussian), which readers that do not know them skip. The units, the
organs, the shading, the provenance and the fidelity are JSON in comment lines.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import FileFormatError
from tomosplat.files.atomic import writing
from tomosplat.files.scene_description import (
    check_finite,
    check_float32,
    describe,
    describe_organs,
    described_errors,
    described_scene,
    parse_json,
)
from tomosplat.gaussians import GaussianScene, approximate_3dgs, from_matrix

_MAX_HEADER_BYTES = 1 << 20
_SIX = ("xx", "xy", "xz", "yy", "yz", "zz")
_POSITION = ("x", "y", "z")
_NORMAL = ("nx", "ny", "nz")
_F_DC = tuple(f"f_dc_{i}" for i in range(3))
_F_REST = tuple(f"f_rest_{i}" for i in range(9))
_SCALE = tuple(f"scale_{i}" for i in range(3))
_ROTATION = tuple(f"rot_{i}" for i in range(4))
_STANDARD = (*_POSITION, *_NORMAL, *_F_DC, *_F_REST, "opacity", *_SCALE, *_ROTATION)
_SIXD_MEAN = tuple(f"sixd_mean_{axis}" for axis in "xyz")
_SIXD_COV = tuple(f"sixd_cov_{entry}" for entry in _SIX)
_SIXD_GAIN = tuple(f"sixd_gain_{row}{col}" for row in "xyz" for col in "xyz")
_SIXD_PRECISION = tuple(f"sixd_precision_{entry}" for entry in _SIX)
_SIXD = (*_SIXD_MEAN, *_SIXD_COV, *_SIXD_GAIN, *_SIXD_PRECISION, "sixd_opacity", "label")
_LIGHT = tuple(f"light_{channel}" for channel in "rgb")
#: Keeps the standard file's log and logit finite.
_SMALLEST = 1e-6

_FloatArray = NDArray[np.float32]


def write_ply(path: str | os.PathLike[str], scene: GaussianScene) -> None:
    """Write a float32 scene; ``read_ply`` returns every tensor equal to the bit.

    Raises:
        ShapeError: The scene is not float32.
        UnitsError: A value is NaN or infinite.
        OutputError: The file could not be written; what was there before stays.
    """
    check_float32(scene)
    scene = scene.to("cpu")
    table = torch.cat([_standard_columns(scene), _sixd_columns(scene)], dim=1)
    check_finite(table)
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(_header(scene).encode("ascii"))
        file.write(table.numpy().tobytes())


def _standard_columns(scene: GaussianScene) -> Tensor:
    """What ordinary viewers draw, [N, 26]: log scales, logit opacity, harmonics channel by channel."""
    ordinary = approximate_3dgs(scene)
    logit = torch.logit(ordinary.opacities.clamp(_SMALLEST, 1 - _SMALLEST))
    return torch.cat(
        [
            ordinary.means,
            scene.means_dir,
            scene.sh[:, 0],
            scene.sh[:, 1:].mT.reshape(-1, 9),
            logit[:, None],
            ordinary.scales.clamp_min(_SMALLEST).log(),
            ordinary.quats,
        ],
        dim=1,
    )


def _sixd_columns(scene: GaussianScene) -> Tensor:
    gains = scene.gains.reshape(-1, 9)
    single = torch.stack([scene.opacities, scene.labels.to(torch.float32)], dim=1)
    columns = [scene.means, scene.covs, gains, scene.precisions_dir, single]
    if scene.values is not None:
        columns.append(scene.values[:, None])
    if scene.illumination is not None:
        columns.append(scene.illumination)
    if scene.errors is not None:
        columns.append(described_errors(scene.errors)[:, None])
    return torch.cat(columns, dim=1)


def _names(scene: GaussianScene) -> tuple[str, ...]:
    value = ("value",) if scene.values is not None else ()
    light = _LIGHT if scene.illumination is not None else ()
    error = ("error",) if scene.errors is not None else ()
    return (*_STANDARD, *_SIXD, *value, *light, *error)


def _header(scene: GaussianScene) -> str:
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment tomosplat {json.dumps(describe(scene))}",
        *(f"comment organ {json.dumps(organ)}" for organ in describe_organs(scene)),
        f"element vertex {len(scene)}",
        *(f"property float {name}" for name in _names(scene)),
        "end_header",
    ]
    return "\n".join(lines) + "\n"


def read_ply(path: str | os.PathLike[str]) -> GaussianScene:
    """Read a scene that ``write_ply`` wrote, or an ordinary 3DGS file.

    An ordinary file becomes a scene that looks alike from all sides (gains and precisions 0) with label 0, in
    whatever unit it has; harmonics above degree 1 are left out, which the provenance tells.

    Raises:
        FileFormatError: The file is missing, cut short, not a binary little-endian splat .ply, or has impossible
            values. The size is checked before the data are read.
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            comments, names, count = _read_header(file, source)
            columns = _read_columns(file, source, names, count)
    except OSError as error:
        raise FileFormatError(f"cannot read {source}: {error.strerror or error}") from error
    missing = [name for name in _SIXD if name not in columns]
    if len(missing) == len(_SIXD):
        return _ordinary_scene(columns, source)
    if missing:
        raise FileFormatError(f"{source} has a part of the 6D properties only; missing: {', '.join(missing)}")
    return _sixd_scene(columns, comments, source)


def _read_header(file: BinaryIO, source: Path) -> tuple[list[str], list[str], int]:
    """Comment lines, property names and vertex count; the file is left at the first byte of data."""
    start = file.read(_MAX_HEADER_BYTES)
    head, found, _ = start.partition(b"end_header\n")
    if not start.startswith(b"ply\n") or not found:
        raise FileFormatError(f"{source} is not a .ply file: it has no header from 'ply' to 'end_header'")
    file.seek(len(head) + len(found))
    comments: list[str] = []
    names: list[str] = []
    count: int | None = None
    for line in head.decode("latin-1").split("\n")[1:-1]:
        match line.split(" ", 2):
            case ["comment", *_] | ["obj_info", *_]:
                comments.append(line.partition(" ")[2])
            case ["format", "binary_little_endian", "1.0"]:
                pass
            case ["format", *_]:
                raise FileFormatError(
                    f"{source}: expected 'format binary_little_endian 1.0', found '{line}'; convert it"
                )
            case ["element", "vertex", digits] if digits.isdecimal() and len(digits) < 16 and count is None:
                count = int(digits)
            case ["property", "float" | "float32", name] if count is not None and name not in names:
                names.append(name)
            case _:
                raise FileFormatError(
                    f"{source}: cannot use header line {line[:80]!r}; expected one element 'vertex' of distinct "
                    "float properties"
                )
    if count is None:
        raise FileFormatError(f"{source} has no element 'vertex'")
    return comments, names, count


def _read_columns(file: BinaryIO, source: Path, names: list[str], count: int) -> dict[str, _FloatArray]:
    expected = count * len(names) * 4
    found = source.stat().st_size - file.tell()
    if found != expected:
        raise FileFormatError(
            f"{source} should hold {count} vertices of {len(names)} floats, {expected} bytes, after its header, "
            f"but has {found}; it is cut short or its header is wrong"
        )
    table = np.fromfile(file, dtype="<f4").reshape(count, len(names)).astype(np.float32, copy=False)
    if not np.isfinite(table.sum(dtype=np.float64)):
        raise FileFormatError(f"{source} holds NaN or infinite values")
    return {name: table[:, i] for i, name in enumerate(names)}


def _take(columns: Mapping[str, _FloatArray], names: tuple[str, ...], source: Path) -> Tensor:
    missing = [name for name in names if name not in columns]
    if missing:
        raise FileFormatError(f"{source} is not a Gaussian splat file: properties missing: {', '.join(missing)}")
    return torch.from_numpy(np.stack([columns[name] for name in names], axis=1))


def _sixd_scene(columns: Mapping[str, _FloatArray], comments: list[str], source: Path) -> GaussianScene:
    tensors = {
        "means": _take(columns, _SIXD_MEAN, source),
        "means_dir": _take(columns, _NORMAL, source),
        "covs": _take(columns, _SIXD_COV, source),
        "gains": _take(columns, _SIXD_GAIN, source).reshape(-1, 3, 3),
        "precisions_dir": _take(columns, _SIXD_PRECISION, source),
        "opacities": _take(columns, ("sixd_opacity",), source)[:, 0],
        "sh": _harmonics(columns, source)[0],
        "labels": _take(columns, ("label",), source)[:, 0],
    }
    if "value" in columns:
        tensors["values"] = _take(columns, ("value",), source)[:, 0]
    if not columns.keys().isdisjoint(_LIGHT):
        tensors["illumination"] = _take(columns, _LIGHT, source)
    if "error" in columns:
        tensors["errors"] = _take(columns, ("error",), source)[:, 0]
    about = [parse_json(line.partition(" ")[2], source) for line in comments if line.startswith("tomosplat ")]
    organs = [parse_json(line.partition(" ")[2], source) for line in comments if line.startswith("organ ")]
    if len(about) != 1:
        raise FileFormatError(f"{source} should describe its 6D scene in one comment 'tomosplat', found {len(about)}")
    return described_scene(tensors, about[0], organs, source)


def _harmonics(columns: Mapping[str, _FloatArray], source: Path) -> tuple[Tensor, int]:
    """Harmonics up to degree 1, [N, 4, 3], and the degree that the file has."""
    degrees = {0: 0, 9: 1, 24: 2, 45: 3}
    n_rest = sum(name.startswith("f_rest_") for name in columns)
    if n_rest not in degrees:
        raise FileFormatError(f"{source} has {n_rest} f_rest properties; expected 0, 9, 24 or 45")
    sh = torch.zeros(len(columns["x"]), 4, 3)
    sh[:, 0] = _take(columns, _F_DC, source)
    if n_rest:
        rest = _take(columns, tuple(f"f_rest_{i}" for i in range(n_rest)), source)
        sh[:, 1:] = rest.reshape(-1, 3, n_rest // 3)[:, :, :3].mT
    return sh, degrees[n_rest]


def _ordinary_scene(columns: Mapping[str, _FloatArray], source: Path) -> GaussianScene:
    means = _take(columns, _POSITION, source)
    scales = _take(columns, _SCALE, source).double().exp()
    quats = _take(columns, _ROTATION, source).double()
    opacities = torch.sigmoid(_take(columns, ("opacity",), source)[:, 0])
    lengths = quats.norm(dim=1)
    if not (bool(torch.isfinite(scales.float()).all()) and bool((lengths > 0).all())):
        raise FileFormatError(f"{source}: a scale overflows or a rotation is zero")
    half = rotation_matrices(quats / lengths[:, None]) * scales[:, None, :]
    sh, degree = _harmonics(columns, source)
    n = len(means)
    return GaussianScene(
        means=means,
        means_dir=torch.tensor([0.0, -1.0, 0.0]).repeat(n, 1),
        covs=from_matrix(half @ half.mT).float(),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.zeros(n, 6),
        opacities=opacities,
        sh=sh,
        labels=torch.zeros(n, dtype=torch.uint8),
        provenance={"read_from": "ordinary 3DGS .ply", "sh_degree_in_file": degree},
    )


def rotation_matrices(quats: Tensor) -> Tensor:
    """Rotation matrices [N, 3, 3] of unit quaternions [N, 4] wxyz."""
    w, x, y, z = quats.unbind(dim=1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=1),
    ]
    return torch.stack(rows, dim=1)
