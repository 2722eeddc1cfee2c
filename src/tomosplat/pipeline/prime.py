"""A scan file in, a scene out: what ``tomosplat prime`` does."""

from __future__ import annotations

from pathlib import Path

from tomosplat.errors import InputError
from tomosplat.files.scenes import check_scene_name, write_scene
from tomosplat.gaussians import BlockMoments, GaussianScene, Illumination, Light, prime
from tomosplat.lighting import LightRig, load_rig
from tomosplat.pipeline.colored_volumes import read_colored_volume
from tomosplat.pipeline.options import PrimingOptions, ScanOptions
from tomosplat.pipeline.scan import PreparedScan, color_scan, prepare_scan, visible_ids
from tomosplat.pipeline.transfer_files import given_transfer_functions, usual_transfer_functions
from tomosplat.render import bake_light, march_blocks
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.volume import OpticalVolume


def prime_file(
    path: Path,
    output: Path,
    reading: ScanOptions,
    priming: PrimingOptions,
    report: Report,
    *,
    colored: Path | None = None,
) -> GaussianScene:
    """Prime a scan file and write the scene; a ``colored`` volume takes the place of transfer functions.

    Raises:
        InputError: The scan, its labels or an option cannot be used; nothing is written.
        OutputError: The scene could not be written.
    """
    # Whatever can be refused without the scan is refused before it is read.
    check_scene_name(output)
    check_priming(priming)
    functions = given_transfer_functions(reading.tf)
    visible = visible_ids(priming.organs)
    prepared = prepare_scan(path, reading, report)
    if colored is None:
        usual = functions or usual_transfer_functions(prepared.volume)
        scene = prime_prepared(prepared, usual, visible, priming, report)
    else:
        optical = read_colored_volume(colored, prepared, visible)
        scene = prime_colored(prepared, optical, _light_on(optical, priming), None, priming, report)
    with report.stage("write scene"):
        write_scene(output, scene)
    return scene


def check_priming(priming: PrimingOptions) -> None:
    """Refuse options that do not go together.

    Raises:
        InputError: ``drop_unseen`` without the light that knows what is seen.
    """
    if priming.drop_unseen and priming.light != "bake":
        raise InputError(f"--drop-unseen needs --light bake, which finds out what is seen; got --light {priming.light}")


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
        InputError: Options do not go together.
    """
    check_priming(priming)
    optical = color_scan(prepared, functions, visible, report)
    return prime_colored(prepared, optical, _light_on(optical, priming), functions, priming, report)


def prime_colored(
    prepared: PreparedScan,
    optical: OpticalVolume,
    illumination: Illumination | None,
    functions: TransferFunctions | None,
    priming: PrimingOptions,
    report: Report,
) -> GaussianScene:
    """Prime a scan that was coloured by ``functions`` (None: otherwise), and note in the scene how.

    Raises:
        EmptySceneError: Nothing is visible.
    """
    lit = illumination is not None
    with report.stage("prime"):
        rig = load_rig(priming.rig)
        scene = prime(
            optical,
            illumination,
            label_names=prepared.labels.names,
            shading=({"functions": functions.to_dict()} if functions else {}) | ({"rig": rig.to_dict()} if lit else {}),
            provenance={
                "transfer_functions": functions.name if functions else None,
                "light": priming.light,
                "rig": rig.name if lit else None,
                "organs": priming.organs,
                "spacing_mm": float(optical.grid.spacing[0]),
                "history": [*prepared.volume.history, *prepared.labels.history],
            },
        )
    report.facts["gaussians"] = len(scene)
    report.facts["scene"] = dict(scene.provenance)
    return scene


def _light_on(optical: OpticalVolume, priming: PrimingOptions) -> Illumination | None:
    return None if priming.light == "none" else _illumination(optical, load_rig(priming.rig), priming)


def _illumination(optical: OpticalVolume, rig: LightRig, priming: PrimingOptions) -> Illumination:
    def marched(blocks: BlockMoments) -> Light:
        return Light(march_blocks(optical, rig, blocks))

    def baked(blocks: BlockMoments) -> Light:
        light = bake_light(optical, rig, blocks)
        return Light(light.arriving, light.hits > 0 if priming.drop_unseen else None)

    return baked if priming.light == "bake" else marched
