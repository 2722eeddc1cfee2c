"""Shards: tensors and a description in one safetensors file, written in pieces and read when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from tomosplat.errors import FileFormatError, InputError, ShapeError
from tomosplat.files.atomic import writing

_DESCRIPTION = "tomosplat"
_NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int16": "I16",
    "uint8": "U8",
    "bool": "BOOL",
}


@dataclass(frozen=True, eq=False)
class Stack:
    """A tensor in pieces along its first axis, so that it need never be in memory as a whole.

    Attributes:
        shape: Of the whole.
        dtype: Of every piece.
        pieces: Arrays that follow one another along the first axis.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pieces: Iterable[NDArray[Any]]

    @classmethod
    def of(cls, array: NDArray[Any]) -> Stack:
        """One array as a stack of one piece."""
        return cls(array.shape, array.dtype, [array])


def write_shard(path: Path, tensors: Mapping[str, Stack], description: Mapping[str, Any]) -> None:
    """Write tensors in the safetensors format, piece by piece; the same input gives the same bytes.

    Args:
        path: The shard.
        tensors: By name; float64, float32, float16, int64, int16, uint8 or bool.
        description: JSON-serialisable; kept as text in the header.

    Raises:
        ShapeError: The pieces do not add up to the shapes.
        OutputError: The file could not be written; nothing is left half-written.
    """
    names = sorted(tensors)
    header: dict[str, Any] = {"__metadata__": {_DESCRIPTION: json.dumps(description, sort_keys=True)}}
    offset = 0
    for name in names:
        stack = tensors[name]
        size = int(np.prod(stack.shape, dtype=np.int64)) * stack.dtype.itemsize
        header[name] = {
            "dtype": _NAMES[stack.dtype.name],
            "shape": list(stack.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data shall begin at a multiple of eight bytes
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            for piece in tensors[name].pieces:
                little_endian = piece.astype(tensors[name].dtype.newbyteorder("<"), copy=False)
                file.write(np.ascontiguousarray(little_endian).data)
        if file.tell() != 8 + len(text) + offset:
            raise ShapeError(
                f"{path}: the pieces of its tensors hold {file.tell() - 8 - len(text)} bytes, not {offset}"
            )


class Shard:
    """One case of a dataset; its tensors stay on disk until they are asked for.

    Attributes:
        path: The file.
        description: What ``write_shard`` was told.

    Raises:
        InputError: The file cannot be read.
        FileFormatError: It is no shard, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = safe_open(path, framework="numpy")
            self.description: dict[str, Any] = json.loads(self._file.metadata()[_DESCRIPTION])
        except OSError as error:
            raise InputError(f"shard {path} cannot be read: {error.strerror or error}") from error
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"{path} is no shard of a dataset, or damaged: {error}") from error
        self._names = frozenset(self._file.keys())

    @property
    def names(self) -> list[str]:
        """Names of all tensors, sorted."""
        return sorted(self._names)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, without reading it."""
        return tuple(self._file.get_slice(self._known(name)).get_shape())

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Read a whole tensor."""
        array: NDArray[Any] = self._file.get_tensor(self._known(name))
        return array

    def part(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Read some of a tensor, ``start`` to ``stop`` (not included) along its first axis."""
        part: NDArray[Any] = self._file.get_slice(self._known(name))[start:stop]
        return part

    def _known(self, name: str) -> str:
        if name not in self._names:
            raise InputError(f"{self.path} has no tensor {name!r}; it has {', '.join(self.names)}")
        return name
