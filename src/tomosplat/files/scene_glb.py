"""Scenes as .glb: glTF 2.0 with KHR_gaussian_splatting, and the exact 6D scene in attributes of its own.

One primitive of points. The standard attributes hold the moment-matched ordinary Gaussians in the scene's millimetres;
the node turns and scales them to glTF's metres, y up, the patient facing +z. ``_SIXD_*`` and ``_FEATURE_ID_0`` (the
label) hold the scene, which with the harmonics and the JSON in ``extras`` makes it whole again.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import EmptySceneError, FileFormatError, InputError
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
from tomosplat.gaussians import GaussianScene, approximate_3dgs
from tomosplat.geometry import SH_C0

_EXTENSION = "KHR_gaussian_splatting"
_HEADER, _CHUNK = struct.Struct("<4sII"), struct.Struct("<I4s")
_POINTS, _BYTE, _FLOAT, _ARRAY_BUFFER = 0, 5121, 5126, 34962
_MAX_JSON_BYTES = 1 << 24
#: RAS mm → glTF m, column by column: x to the patient's left, y to the head, z to the front.
_TO_GLTF = [-0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]
_HARMONICS = (f"{_EXTENSION}:SH_DEGREE_0_COEF_0", *(f"{_EXTENSION}:SH_DEGREE_1_COEF_{i}" for i in range(3)))


@dataclass(frozen=True)
class _Part:
    """How a tensor of the scene, [N, *shape], is spread over attributes of up to three numbers."""

    shape: tuple[int, ...]
    attributes: tuple[str, ...]
    required: bool = True


_PARTS = {
    "means": _Part((3,), ("_SIXD_MEAN",)),
    "means_dir": _Part((3,), ("_SIXD_DIRECTION",)),
    "covs": _Part((6,), ("_SIXD_COV_0", "_SIXD_COV_1")),
    "gains": _Part((3, 3), ("_SIXD_GAIN_0", "_SIXD_GAIN_1", "_SIXD_GAIN_2")),
    "precisions_dir": _Part((6,), ("_SIXD_PRECISION_0", "_SIXD_PRECISION_1")),
    "opacities": _Part((), ("_SIXD_OPACITY",)),
    "sh": _Part((4, 3), _HARMONICS),
    "labels": _Part((), ("_FEATURE_ID_0",)),
    "values": _Part((), ("_SIXD_VALUE",), required=False),
    "illumination": _Part((3,), ("_SIXD_LIGHT",), required=False),
    "errors": _Part((), ("_SIXD_ERROR",), required=False),
}


def write_glb(path: str | os.PathLike[str], scene: GaussianScene) -> None:
    """Write a float32 scene; ``read_glb`` returns every tensor equal to the bit.

    Raises:
        EmptySceneError: The scene has no Gaussian, which glTF cannot say.
        ShapeError: The scene is not float32.
        UnitsError: A value is NaN or infinite.
        InputError: The file would be above 4 GB, which .glb cannot be.
        OutputError: The file could not be written; what was there before stays.
    """
    if len(scene) == 0:
        raise EmptySceneError("the scene has no Gaussian: a .glb must hold at least one")
    check_float32(scene)
    scene = scene.to("cpu")
    attributes = {**_standard_attributes(scene), **_exact_attributes(scene)}
    check_finite(torch.cat([array.reshape(len(scene), -1) for array in attributes.values()], dim=1))
    arrays = {name: np.ascontiguousarray(array.numpy()) for name, array in attributes.items()}
    arrays["COLOR_0"] = _display_colors(scene, attributes[f"{_EXTENSION}:OPACITY"])
    text = json.dumps(_document(scene, arrays), separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 4)
    n_bytes = sum(array.nbytes for array in arrays.values())
    total = _HEADER.size + 2 * _CHUNK.size + len(text) + n_bytes
    if total >= 1 << 32:
        raise InputError(f"the scene takes {total / 1e9:.1f} GB as .glb, which is limited to 4.2 GB; write a .ply")
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(_HEADER.pack(b"glTF", 2, total))
        file.write(_CHUNK.pack(len(text), b"JSON") + text + _CHUNK.pack(n_bytes, b"BIN\0"))
        for array in arrays.values():
            file.write(array.tobytes())


def _standard_attributes(scene: GaussianScene) -> dict[str, Tensor]:
    """What every reader of the extension draws."""
    ordinary = approximate_3dgs(scene)
    return {
        "POSITION": ordinary.means,
        f"{_EXTENSION}:ROTATION": ordinary.quats[:, [1, 2, 3, 0]],
        f"{_EXTENSION}:SCALE": ordinary.scales,
        f"{_EXTENSION}:OPACITY": ordinary.opacities,
    }


def _exact_attributes(scene: GaussianScene) -> dict[str, Tensor]:
    attributes: dict[str, Tensor] = {}
    for name, tensor in scene.tensors().items():
        part = _PARTS[name]
        stored = described_errors(tensor) if name == "errors" else tensor
        pieces = stored.to(torch.float32).reshape(len(scene), len(part.attributes), -1).unbind(dim=1)
        attributes |= zip(part.attributes, pieces, strict=True)
    return attributes


def _display_colors(scene: GaussianScene, opacities: Tensor) -> NDArray[np.uint8]:
    """Colours [N, 4] for readers that know points only."""
    rgba = torch.cat([0.5 + SH_C0 * scene.sh[:, 0], opacities.reshape(-1, 1)], dim=1)
    colors: NDArray[np.uint8] = (255 * rgba.clamp(0, 1)).round().to(torch.uint8).numpy()
    return colors


def _document(scene: GaussianScene, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    views, accessors, offset = [], [], 0
    for index, (name, array) in enumerate(arrays.items()):
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes, "target": _ARRAY_BUFFER})
        accessors.append({"bufferView": index, "count": len(scene), **_element(array)})
        if name == "POSITION":
            accessors[-1] |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        offset += array.nbytes
    primitive = {
        "mode": _POINTS,
        "attributes": {name: index for index, name in enumerate(arrays)},
        "extensions": {_EXTENSION: {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}},
        "extras": {"tomosplat": {**describe(scene), "organs": describe_organs(scene)}},
    }
    return {
        "asset": {"version": "2.0", "generator": "tomosplat"},
        "extensionsUsed": [_EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "matrix": _TO_GLTF}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": offset}],
    }


def _element(array: NDArray[Any]) -> dict[str, Any]:
    width = array.reshape(len(array), -1).shape[1]
    kind = "SCALAR" if width == 1 else f"VEC{width}"
    return {
        "type": kind,
        **({"componentType": _BYTE, "normalized": True} if array.dtype == np.uint8 else {"componentType": _FLOAT}),
    }


def read_glb(path: str | os.PathLike[str]) -> GaussianScene:
    """Read a scene that ``write_glb`` wrote.

    Raises:
        FileFormatError: The file is missing, cut short, no .glb, without the 6D attributes, or has impossible values.
            Sizes are checked before anything is read by them.
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            document, data = _read_chunks(file, source)
    except OSError as error:
        raise FileFormatError(f"cannot read {source}: {error.strerror or error}") from error
    return _Reader(source, document, data).scene()


def _read_chunks(file: BinaryIO, source: Path) -> tuple[Any, bytes]:
    size = os.fstat(file.fileno()).st_size
    start = file.read(_HEADER.size + _CHUNK.size)
    if len(start) < _HEADER.size + _CHUNK.size or start[:4] != b"glTF":
        raise FileFormatError(f"{source} is not a .glb file: it does not begin as one")
    _, version, total = _HEADER.unpack_from(start)
    n_text, kind = _CHUNK.unpack_from(start, _HEADER.size)
    if version != 2 or kind != b"JSON":
        raise FileFormatError(f"{source}: expected glTF version 2 that begins with JSON, found {version} and {kind!r}")
    if total != size:
        raise FileFormatError(f"{source} should have {total} bytes but has {size}; it is cut short or damaged")
    if n_text > min(_MAX_JSON_BYTES, size):
        raise FileFormatError(f"{source}: its JSON claims {n_text} bytes; at most {_MAX_JSON_BYTES} are read")
    document = parse_json(file.read(n_text).decode("utf-8", errors="replace"), source)
    chunk = file.read(_CHUNK.size)
    if len(chunk) < _CHUNK.size or chunk[4:] != b"BIN\0":
        raise FileFormatError(f"{source} has no binary chunk after its JSON")
    return document, file.read(_CHUNK.unpack(chunk)[0])


class _Reader:
    """Takes a glTF document apart; whatever does not fit is a FileFormatError."""

    def __init__(self, source: Path, document: Any, data: bytes) -> None:
        self.source, self.document, self.data = source, document, data

    def scene(self) -> GaussianScene:
        """The scene of the first primitive."""
        try:
            (mesh,) = self.document["meshes"]
            (primitive,) = mesh["primitives"]
            attributes, about = primitive["attributes"], primitive["extras"]["tomosplat"]
            tensors = {
                name: self._tensor(part, attributes)
                for name, part in _PARTS.items()
                if part.required or any(name in attributes for name in part.attributes)
            }
            organs = about["organs"]
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise FileFormatError(
                f"{self.source} is not a scene that tomosplat wrote, or is damaged: {error!r}"
            ) from error
        counts = {len(tensor) for tensor in tensors.values()}
        if len(counts) != 1:
            raise FileFormatError(f"{self.source}: attributes disagree about the number of Gaussians: {counts}")
        return described_scene(tensors, about, organs, self.source)

    def _tensor(self, part: _Part, attributes: Mapping[str, int]) -> Tensor:
        width = 1 if part.shape == () else 3
        pieces = [self._attribute(attributes[name], width) for name in part.attributes]
        return torch.from_numpy(np.stack(pieces, axis=1).reshape(-1, *part.shape))

    def _attribute(self, index: int, width: int) -> NDArray[np.float32]:
        accessor = self.document["accessors"][index]
        view = self.document["bufferViews"][accessor["bufferView"]]
        kind = "SCALAR" if width == 1 else f"VEC{width}"
        if accessor["componentType"] != _FLOAT or accessor["type"] != kind or view.get("byteStride") is not None:
            raise ValueError(f"accessor {index} should hold {kind} of packed floats")
        count, offset = accessor["count"], view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        if not (type(count) is int and type(offset) is int and count > 0 and offset >= 0):
            raise ValueError(f"accessor {index} has count {count!r} at {offset!r}")
        if offset + 4 * width * count > len(self.data):
            raise ValueError(f"accessor {index} ends behind the data")
        array = np.frombuffer(self.data, dtype="<f4", count=width * count, offset=offset)
        if not np.isfinite(array).all():
            raise ValueError(f"accessor {index} holds NaN or infinite values")
        return array.astype(np.float32).reshape(count, width)
