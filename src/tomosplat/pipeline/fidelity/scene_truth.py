"""What a scene is a picture of: the scan as it was coloured and lit when the scene was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tomosplat.errors import GeometryError, InputError
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import FloatArray
from tomosplat.lighting import LightRig
from tomosplat.pipeline.belonging import check_belongs, check_labels_belong
from tomosplat.pipeline.options import ReadingOptions
from tomosplat.pipeline.scan import color_scan, prepare_scan, visible_ids
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import OpticalVolume

_SAME_MM = 1e-2


def scene_truth(
    scene: GaussianScene, scan: Path, reading: ReadingOptions, report: Report
) -> tuple[OpticalVolume, LightRig]:
    """The scan that a scene was made from, as light meets it, and the light.

    Transfer functions, rig and organs are the scene's own, and so is the grid.

    Raises:
        InputError: The scene does not keep what its colours were made from.
        GeometryError: The scan is another one, elsewhere in space, or read to another grid.
        LabelError: The labels are not those that the scene was made with.
    """
    shading = scene.shading
    missing = [name for name in ("functions", "rig", "bounds_mm") if name not in shading]
    if missing:
        raise InputError(
            f"the scene does not say what its truth looks like: its shading has no {', '.join(missing)}; prime it "
            "again with --light march or --light bake"
        )
    functions, rig = (
        TransferFunctions.from_dict(shading["functions"]),
        LightRig.from_dict("of the scene", shading["rig"]),
    )
    organs, spacing, own = _account(scene)
    visible = visible_ids(organs)
    if spacing is not None and abs(spacing - reading.spacing) > 1e-6:
        raise GeometryError(
            f"the scene was made on a grid of {spacing:g} mm, not {reading.spacing:g}: --spacing {spacing:g}"
        )
    prepared = prepare_scan(scan, reading, report)
    bounds = np.stack(prepared.volume.grid.bounds)
    if own.shape != bounds.shape or np.abs(own - bounds).max() > _SAME_MM:
        raise GeometryError(
            f"{scan} lies elsewhere than the scan of the scene: its grid spans {bounds.tolist()} mm, the scene's "
            f"{own.tolist()}; give the scan that the scene was made from, and its --spacing"
        )
    check_belongs(scene, prepared.volume, str(scan))
    check_labels_belong(scene, prepared.labels)
    return color_scan(prepared, functions, visible, report), rig


def _account(scene: GaussianScene) -> tuple[str | None, float | None, FloatArray]:
    """Organs and grid spacing as far as the scene tells them, and its box in mm."""
    try:
        made = _origin(scene.provenance)
        organs, spacing = made.get("organs"), made.get("spacing_mm")
        bounds: FloatArray = np.asarray(scene.shading["bounds_mm"], dtype=np.float64)
        return None if organs is None else str(organs), None if spacing is None else float(spacing), bounds
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the scene's account of how it was made is malformed: {error!r}") from error


def _origin(provenance: Any) -> Any:
    """How the scene was made before anything was fitted."""
    while "fit" in provenance:
        provenance = provenance["fit"]["from"]
    return provenance
