"""A fitted scene in, its slices and those in between out: what ``tomosplat slices render`` does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
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
from tomosplat.pipeline.slice_options import SliceRenderOptions
from tomosplat.report import Report
from tomosplat.slices.folded_scene import FoldedScene
from tomosplat.slices.palette import palette
from tomosplat.slices.scene import SliceScene
from tomosplat.slices.scene_files import read_slice_scene
from tomosplat.slices.stack import SliceStack
from tomosplat.threads import split

_FOLDERS = {"image": "render_img", "mask": "render_mask"}
_EXTENSIONS = (".png", ".jpg", ".bmp", ".tif")


@dataclass(frozen=True)
class Shot:
    """One picture to be rendered: its name, and the time of a folded scene or the plane of any other."""

    name: str
    time: float
    plane: SlicePlane | None = None


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


def find_checkpoint(folder: Path, iteration: int) -> Path:
    """The scene after so many steps; −1: the last.

    Raises:
        InputError: There is none.
    """
    found = {}
    for path in folder.glob("chkpnt*.safetensors"):
        number = re.fullmatch(r"chkpnt(\d+)\.safetensors", path.name)
        if number:
            found[int(number.group(1))] = path
    if not found:
        raise InputError(f'{folder} holds no chkpntN.safetensors; "tomosplat slices fit" writes them')
    if iteration == -1:
        return found[max(found)]
    if iteration not in found:
        raise InputError(f"{folder} has no checkpoint of step {iteration}; it has {', '.join(map(str, sorted(found)))}")
    return found[iteration]


def folded_shots(scene: FoldedScene, interp: int) -> list[Shot]:
    """Every frame and what follows it, also behind the last: F · interp pictures, as MedGS counts them."""
    return [Shot(f"{n:05d}_{j}", n + j / interp) for n in range(scene.n_frames) for j in range(interp)]


def shots_of(scene: SliceScene, interp: int) -> list[Shot]:
    """Every given slice, and what lies between it and the next of its stack."""
    shots = []
    planes = [*scene.planes, None]
    for n, (plane, following) in enumerate(pairwise(planes)):
        assert plane is not None
        for j in range(interp if following is not None and _of_one_stack(plane, following) else 1):
            between = plane
            if j and following is not None:
                affine = plane.affine + j / interp * (following.affine - plane.affine)
                between = SlicePlane(affine, plane.height, plane.width)
            shots.append(Shot(f"{n:05d}_{j}", n + j / interp, between))
    return shots


def _of_one_stack(one: SlicePlane, other: SlicePlane) -> bool:
    same_size = (one.height, one.width) == (other.height, other.width)
    return same_size and np.allclose(one.affine[:3, :2], other.affine[:3, :2], rtol=1e-4)


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
        return lambda shot: _grey_or_colour(next(scene.render([_plane(shot)])).values[..., : scene.channels])
    return lambda shot: _label_picture(next(scene.labels([_plane(shot)])), scene.classes)


@torch.no_grad()
def _show(scene: FoldedScene, shot: Shot, head: str) -> torch.Tensor:
    return scene.show(shot.time, head).values


def _plane(shot: Shot) -> SlicePlane:
    assert shot.plane is not None
    return shot.plane


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
    plane = _plane(shot)
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
    stack = first_stack(scene)
    at = stack.between(options.interp)
    planes = list(_planes(stack, at))
    with report.stage("render volumes"):
        if options.volume is not None:
            values = np.stack([image[..., 0] for image in scene.images(planes)])
            volume = stack.volume(values, at, "rendered from Gaussians")
            write_volume(options.volume, volume.values, volume.grid)
        if options.label_volume is not None:
            labels = stack.label_map(np.stack(list(scene.labels(planes))), at, "rendered from Gaussians")
            write_volume(options.label_volume, labels.values, labels.grid)
    return wanted


def first_stack(scene: SliceScene) -> SliceStack:
    """Where the slices of a scene's first stack are; its pixels say nothing.

    Raises:
        InputError: The scene's first slices are no stack.
    """
    planes = [scene.planes[0]]
    for plane in scene.planes[1:]:
        if not _of_one_stack(planes[0], plane):
            break
        planes.append(plane)
    if len(planes) < 2:
        raise InputError("the scene was fitted to slices that are no stack, for which there is no grid to render on")
    affine = planes[0].affine.copy()
    affine[:3, 2] = planes[1].affine[:3, 3] - planes[0].affine[:3, 3]
    steps = (
        np.array([p.affine[:3, 3] - affine[:3, 3] for p in planes]) @ affine[:3, 2] / (affine[:3, 2] @ affine[:3, 2])
    )
    mark = np.zeros((len(planes), planes[0].height, planes[0].width), np.float32)
    mark[:, 0, 0] = 1
    return SliceStack(mark, affine, steps)


def _planes(stack: SliceStack, at: NDArray[np.float64]) -> Iterator[SlicePlane]:
    for position in at:
        affine = stack.affine.copy()
        affine[:3, 3] += position * affine[:3, 2]
        yield SlicePlane(affine, *stack.shape)
