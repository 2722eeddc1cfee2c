"""A scan file in, a scene out: what ``tomosplat prime`` does."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tomosplat.files.scenes import check_scene_name, write_scene
from tomosplat.gaussians import GaussianScene, prime
from tomosplat.lighting import load_rig, march_light
from tomosplat.pipeline.options import PrimingOptions, ScanOptions
from tomosplat.pipeline.scan import PreparedScan, color_scan, prepare_scan, visible_ids
from tomosplat.pipeline.transfer_files import load_transfer_functions
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions


def prime_file(
    path: Path, output: Path, reading: ScanOptions, priming: PrimingOptions, report: Report
) -> GaussianScene:
    """Prime a scan file and write the scene.

    Raises:
        InputError: The scan, its labels or an option cannot be used; nothing is written.
        OutputError: The scene could not be written.
    """
    # Whatever can be refused without the scan is refused before it is read.
    check_scene_name(output)
    functions = load_transfer_functions(reading.tf)
    visible = visible_ids(priming.organs)
    scene = prime_prepared(prepare_scan(path, reading, report), functions, visible, priming, report)
    with report.stage("write scene"):
        write_scene(output, scene)
    return scene


def prime_prepared(
    prepared: PreparedScan,
    functions: TransferFunctions,
    visible: list[int] | None,
    priming: PrimingOptions,
    report: Report,
) -> GaussianScene:
    """Anatomy-guided priming of a prepared scan, lit for what is visible.

    Raises:
        EmptySceneError: Nothing is visible.
    """
    optical = color_scan(prepared, functions, visible, report)
    with report.stage("prime"):
        rig = load_rig(priming.rig)
        lit = priming.light == "march"
        scene = prime(
            optical,
            partial(march_light, optical, rig) if lit else None,
            label_names=prepared.labels.names,
            shading={"functions": functions.to_dict()} | ({"rig": rig.to_dict()} if lit else {}),
            provenance={
                "transfer_functions": functions.name,
                "light": priming.light,
                "rig": rig.name if lit else None,
                "organs": priming.organs,
                "history": [*prepared.volume.history, *prepared.labels.history],
            },
        )
    report.facts["gaussians"] = len(scene)
    report.facts["scene"] = dict(scene.provenance)
    return scene
