"""Volumes and pictures of them, from a folder."""

from __future__ import annotations

from pathlib import Path

import torch

from tomosplat.dvr.subjects import Subject
from tomosplat.errors import InputError
from tomosplat.files.cameras import read_cameras
from tomosplat.files.scans import read_volume
from tomosplat.pipeline.fitting.given_views import CAMERAS, picture_views
from tomosplat.report import Report

VOLUMES, IMAGES = "volumes", "images"
_SUFFIX = ".nii.gz"


def read_subjects(folder: Path, report: Report) -> list[Subject]:
    """Read a dataset: ``volumes/NAME.nii.gz``, and for each ``images/NAME`` with a transparent PNG for each camera.

    The cameras of a volume are those of ``images/NAME/cameras.json``, or of ``cameras.json`` in ``folder``.

    Raises:
        InputError: A folder or a camera file is missing, or pictures and cameras do not belong together.
        FileFormatError: A file is damaged, or a PNG has no transparency.
    """
    paths = sorted((folder / VOLUMES).glob(f"*{_SUFFIX}"))
    if not paths:
        raise InputError(
            f"{folder} holds no {VOLUMES}/*{_SUFFIX}; a dataset has one or more, and {IMAGES}/NAME for each"
        )
    with report.stage("read dataset") as progress:
        subjects = []
        for number, path in enumerate(paths):
            subjects.append(_read_subject(folder, path))
            progress(number + 1, len(paths))
    return subjects


def _read_subject(folder: Path, path: Path) -> Subject:
    name = path.name.removesuffix(_SUFFIX)
    pictures = folder / IMAGES / name
    own, shared = pictures / CAMERAS, folder / CAMERAS
    if not own.is_file() and not shared.is_file():
        raise InputError(f"{path} has no cameras: neither {own} nor {shared} is there")
    cameras = read_cameras(own if own.is_file() else shared)
    views = picture_views(pictures, cameras)
    return Subject(name, read_volume(path), cameras, torch.stack([view.rgba for view in views]))
