"""Scenes in, a folder of pictures out: what ``tomosplat batch render`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tomosplat import threads
from tomosplat.errors import InputError
from tomosplat.files.scenes import SCENE_SUFFIXES
from tomosplat.jobs import Case, Outcome, Product, hash_data, hash_file
from tomosplat.pipeline.batch.options import BatchRenderOptions
from tomosplat.pipeline.batch.running import check_running, facts_of, run_list, shard_of, threads_of
from tomosplat.pipeline.options import ViewOptions
from tomosplat.pipeline.render import render_file
from tomosplat.report import Progress, Report

_SUFFIX = {"picture": ".png", "video": ".mp4", "frames": ""}
#: Changes whenever pictures made before are not what would be made now.
_VERSION = 1


@dataclass(frozen=True)
class RenderOrder:
    """Everything that a worker is told about a scene's pictures.

    Attributes:
        scene: The file.
        view: What to show.
        suffix: .png, .mp4, or none for a folder.
        threads: How many to use.
    """

    scene: Path
    view: ViewOptions
    suffix: str
    threads: int


def render_scenes(sources: Sequence[str], folder: Path, options: BatchRenderOptions, report: Report) -> Outcome:
    """Make or complete a folder of pictures or videos of scenes.

    Args:
        sources: Scene files, and folders of them.
        folder: For pictures and markers; made if missing.
        options: What to show, and who works.
        report: Takes times and counts.

    Raises:
        InputError: An argument or option cannot be used; nothing is done.
        OutputError: The folder cannot be written.
    """
    check_running(options)
    scenes = [path for source in sources for path in _scenes(Path(source))]
    if not scenes:
        raise InputError(f"there is no scene in {', '.join(sources) or 'no argument'}: expected .ply and .glb files")
    mine = shard_of(options).share(scenes, cost=lambda path: path.stat().st_size, name=str)
    view = ViewOptions(**{field.name: getattr(options, field.name) for field in fields(ViewOptions)})
    shown = hash_data([_VERSION, options.what, asdict(view) | {"cameras": _hash(view.cameras)}])
    with report.stage("hash scenes"):
        cases = [
            Case(
                id=path.stem,
                payload=RenderOrder(path, view, _SUFFIX[options.what], threads_of(options)),
                cost=path.stat().st_size,
                content_hash=hash_file(path),
                config_hash=shown,
                inputs=(str(path),),
            )
            for path in mine
        ]
    with report.stage(f"render {len(cases)} scenes") as progress:
        outcome = run_list(cases, render_scene, folder, options, progress)
    report.facts["cases"] = facts_of(outcome)
    return outcome


def render_scene(order: RenderOrder, scratch: Path, progress: Progress) -> Product:
    """Draw one scene.

    Raises:
        InputError: The scene or an option cannot be used.
        OutputError: A file could not be written.
    """
    threads.use(order.threads)
    output, name = scratch / f"shown{order.suffix}", f"{order.scene.stem}{order.suffix}"
    n = render_file(order.scene, output, order.view, Report())
    files = {f"{name}/{path.name}": path for path in sorted(output.iterdir())} if output.is_dir() else {name: output}
    return Product(files, {"pictures": n})


def _scenes(source: Path) -> list[Path]:
    if not source.exists():
        raise InputError(f"there is no {source}: expected a scene (.ply, .glb) or a folder of scenes")
    if source.is_dir():
        return sorted(path for path in source.iterdir() if path.suffix.lower() in SCENE_SUFFIXES)
    return [source]


def _hash(cameras: Path | None) -> str | None:
    try:
        return None if cameras is None else hash_file(cameras)
    except OSError as error:
        raise InputError(f"{cameras} cannot be read: {error.strerror or error}") from error
