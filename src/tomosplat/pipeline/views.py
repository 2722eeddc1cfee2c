"""Pictures and videos of a scene: where the cameras stand and how the result is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tomosplat.anatomy import resolve_organs
from tomosplat.errors import EmptySceneError, GeometryError
from tomosplat.files.images import to_bytes, write_png
from tomosplat.files.videos import write_mp4
from tomosplat.gaussians import GaussianScene, to_matrix
from tomosplat.geometry import Cameras, FloatArray, fibonacci_directions, frame_points, sphere_directions
from tomosplat.render import rasterize
from tomosplat.report import Report

Color = tuple[float, float, float]

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
    directions = torch.from_numpy(fibonacci_directions(_OUTLINE_DIRECTIONS, 1.0)).to(scene.means.dtype)
    # Matrix by vector: the product with all directions at once would be as large as the scene's own data.
    furthest = {int((scene.means @ direction).argmax()) for direction in directions}
    return scene.means[sorted(furthest)].double().numpy()


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


def render_still(
    scene: GaussianScene, cameras: Cameras, path: Path, visible: Sequence[int] | None, background: Color | None
) -> None:
    """Render the first camera to a PNG."""
    write_png(path, rasterize(scene, cameras[:1], visible=visible).rgba[0].numpy(), background)


def render_folder(
    scene: GaussianScene,
    cameras: Cameras,
    folder: Path,
    visible: Sequence[int] | None,
    background: Color | None,
    report: Report,
) -> None:
    """Render every camera to ``folder/0000.png``, ``0001.png``, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    with report.stage("render") as progress:
        for index, rgba in enumerate(_pictures(scene, cameras, visible)):
            write_png(folder / f"{index:04d}.png", rgba, background)
            progress(index + 1, len(cameras))


def render_video(
    scene: GaussianScene,
    cameras: Cameras,
    path: Path,
    visible: Sequence[int] | None,
    background: Color,
    fps: int,
    report: Report,
) -> None:
    """Render every camera to one frame of an MP4."""
    with report.stage("render video") as progress:

        def frames() -> Iterator[NDArray[np.uint8]]:
            for index, rgba in enumerate(_pictures(scene, cameras, visible)):
                yield to_bytes(rgba, background)
                progress(index + 1, len(cameras))

        write_mp4(path, frames(), fps)


def _pictures(scene: GaussianScene, cameras: Cameras, visible: Sequence[int] | None) -> Iterator[NDArray[np.float32]]:
    # One at a time: a long turntable must not hold all its frames.
    for index in range(len(cameras)):
        yield rasterize(scene, cameras[index : index + 1], visible=visible).rgba[0].numpy()
