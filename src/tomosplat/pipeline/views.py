"""What is shown and where the cameras stand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat.anatomy import resolve_organs
from tomosplat.errors import EmptySceneError, GeometryError, InputError
from tomosplat.files.cameras import read_cameras
from tomosplat.gaussians import GaussianScene, to_matrix
from tomosplat.geometry import Cameras, FloatArray, fibonacci_directions, frame_points, sphere_directions
from tomosplat.pipeline.options import ViewpointOptions
from tomosplat.volume import OpticalVolume

_OUTLINE_DIRECTIONS = 256


def visible_labels(scene: GaussianScene, organs: str | None) -> list[int] | None:
    """Label ids of the organs named, None for all.

    Raises:
        LabelError: No organ has such a name.
        EmptySceneError: The scene has no Gaussian of these organs.
    """
    if organs is None:
        return None
    ids = resolve_organs(organs)
    present = set(torch.unique(scene.labels).tolist())
    if not present.intersection(ids):
        names = sorted(scene.label_names.get(i, str(i)) for i in present)
        raise EmptySceneError(f"--organs {organs}: the scene has none of these; it has {', '.join(names)}")
    return ids


def outline(scene: GaussianScene, visible: Sequence[int] | None) -> FloatArray:
    """The means [M, 3] mm of visible Gaussians that stand out furthest in any direction: what a view must contain.

    Raises:
        EmptySceneError: No Gaussian is visible.
    """
    scene = _only(scene, visible)
    if len(scene) == 0:
        raise EmptySceneError("the scene has no Gaussian to look at")
    return _outermost(scene.means.numpy())


def optical_outline(optical: OpticalVolume) -> FloatArray:
    """The visible voxels [M, 3] mm that stand out furthest in any direction: what a view must contain.

    Raises:
        EmptySceneError: No voxel is visible.
    """
    # Every other voxel will do to frame a picture, in an eighth of the time.
    indices = 2 * np.argwhere(optical.extinction[::2, ::2, ::2] > 0)
    if len(indices) == 0:
        raise EmptySceneError(
            "nothing is visible: show more organs, or check the labels, the unit (HU) and the transfer function"
        )
    return _outermost(optical.grid.to_world(indices).astype(np.float32))


def _outermost(points: NDArray[np.floating[Any]]) -> FloatArray:
    # Matrix by vector: the product with all directions at once would be as large as the scene's own data.
    directions = fibonacci_directions(_OUTLINE_DIRECTIONS, 1.0).astype(points.dtype)
    furthest = {int((points @ direction).argmax()) for direction in directions}
    return points[sorted(furthest)].astype(np.float64)


def check_outside(cameras: Cameras, scene: GaussianScene, visible: Sequence[int] | None) -> None:
    """Refuse cameras that stand in tissue: within two standard deviations of a visible Gaussian.

    Raises:
        GeometryError: A camera does; the message says which and where.
    """
    scene = _only(scene, visible)
    precisions = torch.linalg.inv(to_matrix(scene.covs.double()))
    for index, position in enumerate(torch.from_numpy(cameras.positions)):
        offsets = scene.means.double() - position
        distances = (offsets[:, None, :] @ precisions @ offsets[:, :, None])[:, 0, 0]
        nearest = int(distances.argmin())
        if distances[nearest] < 4:
            name = scene.label_names.get(int(scene.labels[nearest]), "unnamed tissue")
            raise GeometryError(
                f"camera {index} stands at {position.tolist()} mm, inside the scene ({name}); "
                "move it out, or hide what it stands in with --organs"
            )


def _only(scene: GaussianScene, visible: Sequence[int] | None) -> GaussianScene:
    if visible is None:
        return scene
    return scene.select(torch.isin(scene.labels, torch.tensor(visible, dtype=torch.uint8)))


def framed_view(points: FloatArray, azimuths: Sequence[float], elevation: float, size: int) -> Cameras:
    """Square cameras around the points, all at the distance from which each sees everything."""
    return frame_points(points, sphere_directions(azimuths, elevation), size, size)


def turntable_azimuths(start: float, n: int) -> list[float]:
    """``n`` azimuths in degrees over one full turn, the first at ``start``; the last does not repeat the first."""
    return [float(a) for a in start + np.arange(n) * 360 / n]


def given_cameras(output: Path, options: ViewpointOptions) -> Cameras | None:
    """Cameras from the file that was named, None if none was; refuses early what cannot become ``output``.

    Raises:
        InputError: The options contradict each other or the kind of output.
    """
    kind = output.suffix.lower()
    if kind == ".mp4" and options.background == "transparent":
        raise InputError("--background transparent: a video has no transparency; choose black or white, or a folder")
    if options.size < 1 or options.frames < 1:
        raise InputError(f"--size and --frames must be at least 1, got {options.size} and {options.frames}")
    if options.cameras is None:
        return None
    cameras = read_cameras(options.cameras)
    if kind == ".png" and len(cameras) != 1:
        raise InputError(f"{options.cameras} holds {len(cameras)} cameras; name a folder or an .mp4 as the output")
    return cameras


def placed_cameras(output: Path, options: ViewpointOptions, points: FloatArray) -> Cameras:
    """One camera for a picture, a turntable for a video or a folder, each seeing all ``points``."""
    still = output.suffix.lower() == ".png"
    azimuths = [options.azimuth] if still else turntable_azimuths(options.azimuth, options.frames)
    return framed_view(points, azimuths, options.elevation, options.size)
