"""Triangle meshes as PLY, STL, OBJ and GLB."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tomosplat.errors import InputError
from tomosplat.files.atomic import writing
from tomosplat.geometry import FloatArray

#: RAS mm → glTF m, column by column: x to the patient's left, y to the head, z to the front.
_TO_GLTF = [-0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]
_FLOAT, _UINT, _VERTICES, _INDICES = 5126, 5125, 34962, 34963


def check_mesh_name(path: Path) -> None:
    """Pass the name of a mesh.

    Raises:
        InputError: Its suffix is not one that is written.
    """
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"{path} must end in one of {', '.join(_WRITERS)}")


def write_mesh(path: Path, vertices: FloatArray, faces: NDArray[np.int64], normals: FloatArray) -> None:
    """Write a mesh in the format that the name says; mm in RAS+, but glTF's metres with y up in a .glb.

    Args:
        path: .ply, .stl, .obj or .glb.
        vertices: [V, 3] RAS+ mm.
        faces: [F, 3], counter-clockwise from outside.
        normals: [V, 3] unit vectors (STL has none of vertices and goes without).

    Raises:
        InputError: The suffix is not one of these.
        OutputError: The file could not be written.
    """
    check_mesh_name(path)
    with writing(path) as temporary:
        temporary.write_bytes(_WRITERS[path.suffix.lower()](vertices, faces, normals))


def _ply(vertices: FloatArray, faces: NDArray[np.int64], normals: FloatArray) -> bytes:
    properties = "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment RAS+ mm\nelement vertex {len(vertices)}\n{properties}"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    corners = np.empty(len(faces), dtype=[("n", "u1"), ("vertices", "<i4", 3)])
    corners["n"], corners["vertices"] = 3, faces
    return header.encode() + np.hstack([vertices, normals]).astype("<f4").tobytes() + corners.tobytes()


def _stl(vertices: FloatArray, faces: NDArray[np.int64], normals: FloatArray) -> bytes:
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    triangles = np.zeros(len(faces), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("none", "<u2")])
    triangles["normal"] = np.divide(across, lengths, out=np.zeros_like(across), where=lengths > 0)
    triangles["corners"] = corners
    return b"tomosplat, RAS+ mm".ljust(80) + struct.pack("<I", len(faces)) + triangles.tobytes()


def _obj(vertices: FloatArray, faces: NDArray[np.int64], normals: FloatArray) -> bytes:
    lines = ["# tomosplat, RAS+ mm"]
    lines += [f"v {x:.6g} {y:.6g} {z:.6g}" for x, y, z in vertices]
    lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in normals]
    lines += [f"f {a}//{a} {b}//{b} {c}//{c}" for a, b, c in (faces + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def _glb(vertices: FloatArray, faces: NDArray[np.int64], normals: FloatArray) -> bytes:
    parts = [vertices.astype("<f4"), normals.astype("<f4"), faces.astype("<u4").ravel()]
    sizes = [part.nbytes for part in parts]
    starts = [0, sizes[0], sizes[0] + sizes[1]]
    description = {
        "asset": {"version": "2.0", "generator": "tomosplat"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "matrix": _TO_GLTF}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 1}, "indices": 2, "mode": 4}]}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": _FLOAT,
                "count": len(vertices),
                "type": "VEC3",
                "min": parts[0].min(axis=0).tolist(),
                "max": parts[0].max(axis=0).tolist(),
            },
            {"bufferView": 1, "componentType": _FLOAT, "count": len(vertices), "type": "VEC3"},
            {"bufferView": 2, "componentType": _UINT, "count": faces.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": size, "target": target}
            for start, size, target in zip(starts, sizes, (_VERTICES, _VERTICES, _INDICES), strict=True)
        ],
        "buffers": [{"byteLength": sum(sizes)}],
    }
    text = json.dumps(description, separators=(",", ":")).encode()
    text = text.ljust(-(-len(text) // 4) * 4)
    body = b"".join(part.tobytes() for part in parts)
    total = 12 + 8 + len(text) + 8 + len(body)
    header = struct.pack("<4sII", b"glTF", 2, total)
    return header + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body


_WRITERS: dict[str, Callable[[FloatArray, NDArray[np.int64], FloatArray], bytes]] = {
    ".ply": _ply,
    ".stl": _stl,
    ".obj": _obj,
    ".glb": _glb,
}
