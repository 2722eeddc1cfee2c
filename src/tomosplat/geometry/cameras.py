"""Pinhole cameras: world(RAS mm) → camera (OpenCV axes: x right, y down, z forward)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tomosplat.errors import GeometryError
from tomosplat.geometry.grid import FloatArray

GOLDEN_ANGLE_RAD = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True, eq=False)
class Cameras:
    """C pinhole cameras that share one image size.

    Attributes:
        viewmats: [C, 4, 4] float64, world → camera, rigid.
        Ks: [C, 3, 3] float64 intrinsics in pixels; the centre of the first pixel is at (0.5, 0.5).
        width: Image width in pixels.
        height: Image height in pixels.

    Raises:
        GeometryError: Shapes disagree, a matrix is not rigid, or a focal length is not positive.
    """

    viewmats: FloatArray
    Ks: FloatArray
    width: int
    height: int

    def __post_init__(self) -> None:
        viewmats = np.array(self.viewmats, dtype=np.float64)
        Ks = np.array(self.Ks, dtype=np.float64)
        if viewmats.ndim != 3 or viewmats.shape[1:] != (4, 4) or Ks.shape != (len(viewmats), 3, 3):
            raise GeometryError(
                f"cameras need viewmats [C, 4, 4] and Ks [C, 3, 3] with one C, got {viewmats.shape} and {Ks.shape}"
            )
        if self.width < 1 or self.height < 1:
            raise GeometryError(f"image size must be at least 1x1 pixel, got {self.width}x{self.height}")
        if not (np.all(np.isfinite(viewmats)) and np.all(np.isfinite(Ks))):
            raise GeometryError("viewmats and Ks must be finite")
        rotations = viewmats[:, :3, :3]
        if np.abs(rotations @ rotations.transpose(0, 2, 1) - np.eye(3)).max(initial=0) > 1e-4:
            raise GeometryError("viewmats must hold rotations (world → camera, no scale); got a matrix that is not")
        if np.any(np.linalg.det(rotations) < 0):
            raise GeometryError("viewmats must not mirror: OpenCV axes are x right, y down, z forward")
        if len(Ks) and min(Ks[:, 0, 0].min(), Ks[:, 1, 1].min()) <= 0:
            raise GeometryError("focal lengths Ks[:, 0, 0] and Ks[:, 1, 1] must be positive")
        object.__setattr__(self, "viewmats", viewmats)
        object.__setattr__(self, "Ks", Ks)

    def __len__(self) -> int:
        return len(self.viewmats)

    def __getitem__(self, index: slice | Sequence[int]) -> Cameras:
        return Cameras(self.viewmats[index], self.Ks[index], self.width, self.height)

    def window(self, left: int, top: int, width: int, height: int) -> Cameras:
        """Cameras that see a rectangle of these cameras' pictures, pixel for pixel."""
        Ks = self.Ks.copy()
        Ks[:, :2, 2] -= (left, top)
        return Cameras(self.viewmats, Ks, width, height)

    @property
    def positions(self) -> FloatArray:
        """Camera centres in world mm, [C, 3]."""
        rotations = self.viewmats[:, :3, :3]
        positions: FloatArray = -np.einsum("cji,cj->ci", rotations, self.viewmats[:, :3, 3])
        return positions

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that every command reads and writes."""
        views = [
            {"viewmat": viewmat.tolist(), "K": K.tolist()} for viewmat, K in zip(self.viewmats, self.Ks, strict=True)
        ]
        return {"width": self.width, "height": self.height, "cameras": views}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Cameras:
        """Read the JSON form.

        Raises:
            GeometryError: A key is missing or a matrix has the wrong shape.
        """
        try:
            n = len(data["cameras"])
            viewmats = np.array([view["viewmat"] for view in data["cameras"]], dtype=np.float64).reshape(n, 4, 4)
            Ks = np.array([view["K"] for view in data["cameras"]], dtype=np.float64).reshape(n, 3, 3)
            width, height = int(data["width"]), int(data["height"])
        except (KeyError, TypeError, ValueError) as error:
            raise GeometryError(
                'a camera file is {"width", "height", "cameras": [{"viewmat": 4x4, "K": 3x3}]}; '
                f"this one is not ({error!r})"
            ) from error
        return cls(viewmats, Ks, width, height)


def look_at(positions: ArrayLike, target: ArrayLike, up: ArrayLike = (0, 0, 1)) -> FloatArray:
    """Rigid world → camera matrices [C, 4, 4] of cameras at ``positions`` [C, 3] that face ``target`` [3].

    Raises:
        GeometryError: A camera sits on the target.
    """
    eyes = np.atleast_2d(np.asarray(positions, dtype=np.float64))
    forward = np.asarray(target, dtype=np.float64) - eyes
    distance = np.linalg.norm(forward, axis=1, keepdims=True)
    if np.any(distance == 0):
        raise GeometryError("a camera cannot look at the point where it stands")
    forward /= distance
    ups = np.broadcast_to(np.asarray(up, dtype=np.float64), forward.shape).copy()
    # Straight above or below, any horizontal up will do: keep anterior (+y) on top of the picture.
    ups[np.abs(np.einsum("ci,ci->c", forward, ups)) > 1 - 1e-9] = (0, 1, 0)
    right = np.cross(forward, ups)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    down = np.cross(forward, right)
    rotations = np.stack([right, down, forward], axis=1)
    viewmats = np.tile(np.eye(4), (len(eyes), 1, 1))
    viewmats[:, :3, :3] = rotations
    viewmats[:, :3, 3] = -np.einsum("cij,cj->ci", rotations, eyes)
    return viewmats


def intrinsics(n: int, width: int, height: int, fov_deg: float) -> FloatArray:
    """Pinhole matrices [n, 3, 3] whose smaller image side spans ``fov_deg``."""
    if not 0 < fov_deg < 170:
        raise GeometryError(f"field of view must lie between 0 and 170 degrees, got {fov_deg}")
    focal = min(width, height) / 2 / math.tan(math.radians(fov_deg) / 2)
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return np.tile(K, (n, 1, 1))


def sphere_directions(azimuths_deg: ArrayLike, elevations_deg: ArrayLike) -> FloatArray:
    """Unit vectors from the patient towards the viewer, [C, 3].

    Azimuth 0 looks at the patient's front, 90 at the patient's left side; elevation 90 is from above the head.
    """
    azimuths, elevations = np.broadcast_arrays(
        np.radians(np.atleast_1d(np.asarray(azimuths_deg, dtype=np.float64))),
        np.radians(np.atleast_1d(np.asarray(elevations_deg, dtype=np.float64))),
    )
    horizontal = np.cos(elevations)
    return np.stack([-horizontal * np.sin(azimuths), horizontal * np.cos(azimuths), np.sin(elevations)], axis=-1)


def fibonacci_directions(n: int, max_height: float = 0.85) -> FloatArray:
    """``n`` evenly spread unit vectors [n, 3] with |z| < ``max_height``, leaving out the poles."""
    heights = max_height * (1 - 2 * (np.arange(n) + 0.5) / n)
    angles = GOLDEN_ANGLE_RAD * np.arange(n)
    radii = np.sqrt(1 - heights**2)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles), heights], axis=-1)


def frame_points(points: ArrayLike, directions: FloatArray, width: int, height: int, fov_deg: float = 25.0) -> Cameras:
    """Cameras in the given directions, all at one distance from which every one sees all points.

    Args:
        points: [N, 3] world mm; the cameras look at the middle of their bounds.
        directions: [C, 3] unit vectors from the points towards the cameras.
        width: Image width in pixels.
        height: Image height in pixels.
        fov_deg: Angle that the smaller image side spans.

    Raises:
        GeometryError: There is no point or direction, or the field of view is impossible.
    """
    shown = np.asarray(points, dtype=np.float64)
    if len(directions) == 0 or len(shown) == 0:
        raise GeometryError(f"framing needs points and directions, got {len(shown)} and {len(directions)}")
    center = (shown.min(axis=0) + shown.max(axis=0)) / 2
    Ks = intrinsics(len(directions), width, height, fov_deg)
    half = np.array([width, height]) / 2 / Ks[0, 0, 0]
    rotations = look_at(center + directions, center)[:, :3, :3]
    # A point at lateral offset a and depth d is inside when a <= half * (distance + d).
    locals_ = (np.einsum("ij,nj->ni", rotation, shown - center) for rotation in rotations)
    distance = max(float((np.abs(local[:, :2]) / half - local[:, 2:]).max()) for local in locals_)
    return Cameras(look_at(center + directions * distance * 1.03, center), Ks, width, height)


def frame_bounds(
    bounds: tuple[FloatArray, FloatArray], directions: FloatArray, width: int, height: int, fov_deg: float = 25.0
) -> Cameras:
    """Frame a box (lowest and highest world corner in mm) as ``frame_points`` frames its corners."""
    corners = np.stack(np.meshgrid(*zip(*bounds, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)
    return frame_points(corners, directions, width, height, fov_deg)
