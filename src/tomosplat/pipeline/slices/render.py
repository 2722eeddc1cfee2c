"""A fitted scene in, its slices and those in between out: what ``tomosplat slices render`` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tomosplat.errors import FileFormatError, InputError, ShapeError
from tomosplat.files.atomic import make_folder, writing
from tomosplat.files.volumes import check_volume_name, write_volume
from tomosplat.geometry import SlicePlane
from tomosplat.pipeline.devices import device_for
from tomosplat.pipeline.slices.input import asked_grid
from tomosplat.pipeline.slices.options import SliceRenderOptions
from tomosplat.pipeline.slices.scene import find_checkpoint, first_stack_grid, of_one_stack, scene_labels, scene_values
from tomosplat.report import Report
from tomosplat.slices.folded_scene import FoldedScene
from tomosplat.slices.palette import palette
from tomosplat.slices.scene import SliceScene
from tomosplat.slices.scene_files import read_slice_scene
from tomosplat.threads import split

_FOLDERS = {"image": "render_img", "mask": "render_mask"}
_EXTENSIONS = (".png", ".jpg", ".bmp", ".tif")


@dataclass(frozen=True)
class Shot:
    """One picture to be rendered: its name, the time of a folded scene, and the plane of any other."""

    name: str
    time: float
    plane: SlicePlane


def render_slice_files(folder: Path, options: SliceRenderOptions, report: Report) -> list[Path]:
    """Render what ``fit_slice_files`` wrote; return the folders and files that were written.

    Raises:
        BackendUnavailableError: A GPU is asked for that is not there.
        InputError: There is no such checkpoint, or an option does not fit it.
        OutputError: A picture could not be written.
    """
    _check(options)
    device = device_for(options.device, report)
    path = find_checkpoint(folder, options.iteration)
    with report.stage("read scene"):
        scene = read_slice_scene(path)
    drawn = scene.to(device) if isinstance(scene, SliceScene) else scene
    report.facts |= {"checkpoint": path.name, "gaussians": len(scene)}
    heads = {"img": ["image"], "seg": ["mask"], "both": ["image", "mask"]}[options.pipeline]
    shots = folded_shots(scene, options.interp) if isinstance(scene, FoldedScene) else shots_of(scene, options.interp)
    written = []
    for head in heads:
        shown = _head(scene, head, report)
        target = folder / _FOLDERS[head]
        make_folder(target)
        with report.stage(f"render {_FOLDERS[head]}") as progress:
            _render(_painter(drawn, shown), shots, target, options, progress)
        written.append(target)
    if options.generate_points_path is not None:
        _write_points(scene, shots, options.generate_points_path)
        written.append(options.generate_points_path)
    report.facts["pictures"] = len(shots) * len(heads)
    return written + _volumes(drawn, options, report)


def folded_shots(scene: FoldedScene, interp: int) -> list[Shot]:
    """Every frame and what follows it, also behind the last: F · interp pictures, as MedGS counts them."""
    frame = SlicePlane(np.eye(4), *scene.size)
    return [Shot(f"{n:05d}_{j}", n + j / interp, frame) for n in range(scene.n_frames) for j in range(interp)]


def shots_of(scene: SliceScene, interp: int) -> list[Shot]:
    """Every given slice, and what lies between it and the next of its stack."""
    shots = []
    for n, (plane, following) in enumerate(pairwise(scene.planes)):
        for j in range(interp if of_one_stack(plane, following) else 1):
            affine = plane.affine + j / interp * (following.affine - plane.affine) if j else plane.affine
            shots.append(Shot(f"{n:05d}_{j}", n + j / interp, SlicePlane(affine, plane.height, plane.width)))
    last = len(scene.planes) - 1
    return [*shots, Shot(f"{last:05d}_0", float(last), scene.planes[last])]


def _check(options: SliceRenderOptions) -> None:
    if options.interp < 1 or options.chunks < 1:
        raise InputError(f"--interp and --chunks must be at least 1, got {options.interp} and {options.chunks}")
    if options.extension not in _EXTENSIONS:
        raise InputError(f"--extension must be one of {', '.join(_EXTENSIONS)}, got {options.extension!r}")
    for path in (options.volume, options.label_volume):
        if path is not None:
            check_volume_name(path)


def _head(scene: SliceScene | FoldedScene, head: str, report: Report) -> str:
    """The head to show for the one asked for: where there is no mask's, the image's (MedGS)."""
    if isinstance(scene, FoldedScene):
        if scene.head(head) is not None:
            return head
        if head == "mask":
            report.history.append("the scene has no head for the mask: the image is shown instead")
            return "image"
        raise InputError("the scene was fitted to masks alone; render it with --pipeline seg")
    if head == "mask" and not scene.classes:
        raise InputError("the scene was fitted without labels; render it with --pipeline img")
    return head


def _painter(scene: SliceScene | FoldedScene, head: str) -> Callable[[Shot], Image.Image]:
    if isinstance(scene, FoldedScene):
        return lambda shot: _grey_or_colour(_show(scene, shot, head))
    if head == "image":
        return lambda shot: _grey_or_colour(next(scene.render([shot.plane])).values[..., : scene.channels])
    return lambda shot: _label_picture(next(scene.labels([shot.plane])), scene.classes)


@torch.no_grad()
def _show(scene: FoldedScene, shot: Shot, head: str) -> torch.Tensor:
    return scene.show(shot.time, head).values


def _grey_or_colour(values: torch.Tensor) -> Image.Image:
    # 8 bits hold 0..1; what a fit overshoots is cut off here and nowhere else.
    pixels = (values.clamp(0, 1).cpu().numpy() * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _label_picture(ids: NDArray[np.uint8], classes: Sequence[int]) -> Image.Image:
    """Black and white for one label, else a picture whose pixels are ids, shown in colours."""
    if len(classes) == 2:
        return Image.fromarray((255 * (ids == classes[1])).astype(np.uint8))
    picture = Image.fromarray(ids, mode="P")
    colours = np.zeros((256, 3), np.uint8)
    colours[list(classes)] = (255 * palette(len(classes)).numpy()).astype(np.uint8)
    picture.putpalette(colours.ravel().tolist())
    return picture


def _render(
    paint: Callable[[Shot], Image.Image],
    shots: Sequence[Shot],
    folder: Path,
    options: SliceRenderOptions,
    progress: Callable[[int, int], None],
) -> None:
    """Part by part: the pictures of a part are in memory at once."""
    done = 0
    for first, last in split(len(shots), options.chunks):
        pictures = [(shot, _masked(paint(shot), shot, options.mask_path)) for shot in shots[first:last]]
        for shot, picture in pictures:
            with writing(folder / f"{shot.name}{options.extension}") as temporary:
                picture.save(temporary)
            done += 1
            progress(done, len(shots))


def _masked(picture: Image.Image, shot: Shot, folder: Path | None) -> Image.Image:
    if folder is None:
        return picture
    path = folder / f"{shot.name}.png"
    try:
        with Image.open(path) as image:
            mask = np.array(image.convert("L")) > 127
    except (OSError, UnidentifiedImageError) as error:
        raise FileFormatError(f"--mask-path: {path} cannot be read as a picture: {error}") from error
    pixels = np.array(picture)
    if mask.shape != pixels.shape[:2]:
        raise ShapeError(
            f"{path} is {mask.shape[1]}x{mask.shape[0]}, the pictures {picture.width}x{picture.height} pixels"
        )
    pixels[~mask] = 0
    masked = Image.fromarray(pixels, mode=picture.mode)
    if picture.mode == "P":
        masked.putpalette(picture.getpalette())  # type: ignore[arg-type]
    return masked


def _write_points(scene: SliceScene | FoldedScene, shots: Sequence[Shot], folder: Path) -> None:
    make_folder(folder)
    for shot in shots:
        with writing(folder / f"{shot.name}.npy") as temporary:
            np.save(temporary, _points(scene, shot))


def _points(scene: SliceScene | FoldedScene, shot: Shot) -> NDArray[np.float32]:
    if isinstance(scene, FoldedScene):
        there = scene.select(scene.shown_at(shot.time).nonzero()[:, 0])
        points: NDArray[np.float32] = there.centers(shot.time).numpy()
        return points
    plane = shot.plane
    off = (scene.means.double().numpy() - plane.affine[:3, 3]) @ plane.normal
    x, y, z = plane.normal
    thick = scene.covs.double().numpy() @ [x * x, 2 * x * y, 2 * x * z, y * y, 2 * y * z, z * z]
    near: NDArray[np.float32] = scene.means.numpy()[off**2 < 2 * np.log(255 * scene.opacities.numpy()) * thick]
    return near


def _volumes(scene: SliceScene | FoldedScene, options: SliceRenderOptions, report: Report) -> list[Path]:
    """Write what --volume and --label-volume ask for."""
    wanted = [path for path in (options.volume, options.label_volume) if path is not None]
    if not wanted:
        return []
    if isinstance(scene, FoldedScene):
        raise InputError("a folded scene knows no millimetres; --volume and --label-volume need another method's")
    if options.label_volume is not None and not scene.classes:
        raise InputError("the scene was fitted without labels; leave --label-volume out")
    grid = asked_grid(options, scene.planes)
    if grid is None:
        grid = first_stack_grid(scene.planes, options.interp)
    with report.stage("render volumes"):
        if options.volume is not None:
            write_volume(options.volume, scene_values(scene, grid), grid)
        if options.label_volume is not None:
            write_volume(options.label_volume, scene_labels(scene, grid), grid)
    return wanted
