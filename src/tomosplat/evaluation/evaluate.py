"""Scans in, tables out: what ``tomosplat evaluate`` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tomosplat.errors import InputError
from tomosplat.evaluation.methods import FINETUNED, find_method, method_place
from tomosplat.evaluation.options import EvaluateOptions
from tomosplat.evaluation.protocol import LookOrder, Protocol, chosen_looks, look_place
from tomosplat.evaluation.rows import sections
from tomosplat.evaluation.scenes import SceneOrder, make_scene
from tomosplat.evaluation.scores import ScoreOrder, score
from tomosplat.evaluation.sheets import SheetRow, write_sheet
from tomosplat.evaluation.tables import Results, write_tables
from tomosplat.evaluation.truth import Part, PicturesOrder, trace_pictures
from tomosplat.files.atomic import make_folder
from tomosplat.jobs import Case, Outcome, Product, Records, hash_data
from tomosplat.metrics import has_perceptual_weights
from tomosplat.pipeline.batch.case_lists import content_hashes
from tomosplat.pipeline.batch.pseudonyms import find_named_cases
from tomosplat.pipeline.batch.running import check_running, run_list, shard_of, threads_of
from tomosplat.report import Report

#: Folders below the output, one for each list of jobs.
_TRUTH, _SCENES, _SCORES, _SHEETS = "truth", "scenes", "scores", "sheets"
#: A view that is fitted takes about as long as so many paths through each of its pixels.
_PATHS_PER_STEP = 0.5

Marker = Mapping[str, Any]


def evaluate(sources: Sequence[str], folder: Path, options: EvaluateOptions, report: Report) -> Outcome:
    """Make or complete an evaluation, and write its tables and contact sheets.

    Whatever is done with the same inputs and options is left alone, so another run adds scans, looks or methods to what
    is in the folder; the tables show all of that. They are written even where the run is stopped.

    Args:
        sources: See ``find_cases``.
        folder: For everything; made if missing.
        options: What to compare.
        report: Takes times and counts.

    Returns:
        What became of all jobs, each called by its folder and id.

    Raises:
        InputError: An argument or option cannot be used; nothing is done.
        OutputError: The folder cannot be written.
    """
    protocol, looks = Protocol.of(options), chosen_looks(options.looks)
    _check_methods(options.methods)
    check_running(options)
    found = find_named_cases(sources, folder, options, report)
    found = shard_of(options).share(found, cost=lambda source: source.n_bytes, name=lambda source: source.id)
    if not protocol.denoised:
        report.history.append("pictures are raw: " + ("as asked" if options.raw else 'extra "denoise" is missing'))
    hashes = content_hashes(found, folder, report)
    orders = [LookOrder(source, look, protocol, threads_of(options)) for source in found for look in looks]
    run = _Run(folder, options, hashes, report)
    try:
        run.everything(orders)
    finally:
        if folder.is_dir():
            with report.stage("write tables"):
                _write_results(folder, run.failed)
    report.facts["jobs"] = {"done": run.done, "skipped": run.skipped, "failed": run.failed}
    return Outcome(tuple(run.done), tuple(run.skipped), run.failed)


class _Run:
    """The lists of jobs, one after the other."""

    def __init__(self, folder: Path, options: EvaluateOptions, hashes: Mapping[str, str], report: Report) -> None:
        self.done: list[str] = []
        self.skipped: list[str] = []
        self.failed: dict[str, str] = {}
        self._folder, self._options, self._hashes, self._report = folder, options, hashes, report

    def everything(self, orders: Sequence[LookOrder]) -> None:
        truths = self._pictures(orders, "test", "trace truth")
        seen = [order for order in orders if truths.get(order.id, {}).get("outputs")]
        to_fit = [order for order in seen if any(_fits(name) for name in self._methods(order))]
        views = self._pictures(to_fit, "fit", "trace fitting views")

        def possible(order: LookOrder, name: str) -> bool:
            return not _fits(name) or bool(views.get(order.id, {}).get("outputs"))

        wanted = [(order, name) for order in seen for name in self._methods(order) if possible(order, name)]
        begun = [(order, name.removesuffix(FINETUNED)) for order, name in wanted]
        bases = {case.id: case for case in (self._scene(order, name, views, None) for order, name in begun)}
        scenes = self._scenes("make scenes", list(bases.values()))
        tuned = [
            self._scene(order, name, views, scenes[base])
            for order, name in wanted
            if name.endswith(FINETUNED) and (base := SceneOrder.id_of(order, name.removesuffix(FINETUNED))) in scenes
        ]
        scenes |= self._scenes("fine-tune scenes", tuned)
        scored = [
            self._score(order, scenes[made], truths[order.id])
            for order, name in wanted
            if (made := SceneOrder.id_of(order, name)) in scenes
        ]
        self._work(_SCORES, "score", scored, score)

    def _pictures(self, orders: Sequence[LookOrder], part: Part, title: str) -> dict[str, Marker]:
        """Trace the pictures of looks; returns their markers by the looks' ids."""
        wanted = [PicturesOrder(order, part) for order in orders]
        cases = [Case(w.id, w, w.cost, self._hashes[w.look.source.id], hash_data(w.configuration())) for w in wanted]
        markers = self._work(_TRUTH, title, cases, trace_pictures)
        return {w.look.id: markers[w.id] for w in wanted if w.id in markers}

    def _work(self, name: str, title: str, cases: Sequence[Case], work: Callable[..., Product]) -> dict[str, Marker]:
        """Do a list of jobs; returns the done-marker of each of them that is done."""
        folder = self._folder / name
        with self._report.stage(f"{title} ({len(cases)})") as progress:
            outcome = run_list(cases, work, folder, self._options, progress)
        self.done += [f"{name}/{job}" for job in outcome.done]
        self.skipped += [f"{name}/{job}" for job in outcome.skipped]
        self.failed |= {f"{name}/{job}": why for job, why in outcome.failed.items()}
        usable = {case.id for case in cases} - set(outcome.failed)
        return {marker["id"]: marker for marker in Records(folder).done() if marker["id"] in usable}

    def _methods(self, order: LookOrder) -> list[str]:
        """Names of the methods that make something of this look."""
        subset = order.look.visible is not None
        return [name for name in self._options.methods if subset or not find_method(name)[0].subsets_only]

    def _scenes(self, title: str, cases: Sequence[Case]) -> dict[str, Marker]:
        return self._work(_SCENES, title, cases, make_scene)

    def _scene(self, look: LookOrder, method: str, views: Mapping[str, Marker], base: Marker | None) -> Case:
        fits = _fits(method)
        iterations = self._options.iterations if base is None else self._options.finetune_iterations
        shard = self._folder / _TRUTH / f"{PicturesOrder(look, 'fit').id}.safetensors" if fits else None
        scene = None if base is None else self._folder / _SCENES / f"{base['id']}.ply"
        order = SceneOrder(look, method, iterations, shard, scene)
        parents = [_sha256(views[look.id]) if fits else "", "" if base is None else _sha256(base)]
        content = hash_data([self._hashes[look.source.id], *parents])
        cost = look.protocol.size**2 * (1 + _PATHS_PER_STEP * iterations * fits)
        return Case(order.id, order, cost, content, hash_data(order.configuration()))

    def _score(self, look: LookOrder, scene: Marker, truth: Marker) -> Case:
        known = {name: truth["facts"][name] for name in ("floor_db", "floor_foreground_db")}
        known |= {**scene["facts"], "truth_sha256": _sha256(truth)}
        order = ScoreOrder(
            look,
            scene["id"],
            self._folder / _TRUTH / f"{truth['id']}.safetensors",
            self._folder / _SCENES / f"{scene['id']}.ply",
            known,
            has_perceptual_weights(),
        )
        content = hash_data([_sha256(truth), _sha256(scene)])
        cost = look.protocol.size**2 * look.protocol.test_views
        return Case(order.id, order, cost, content, hash_data(order.configuration()))


def _check_methods(names: Sequence[str]) -> None:
    for name in names:
        find_method(name)
    if not names or len(set(names)) < len(names):
        raise InputError(f"--methods must name each method once and at least one, got {' '.join(names) or 'none'}")


def _fits(name: str) -> bool:
    """Whether a method needs the fitting views."""
    method, finetuned = find_method(name)
    return method.fits or finetuned


def _sha256(marker: Marker) -> str:
    """Of the marker's one output that is no picture."""
    (digest,) = (output["sha256"] for name, output in marker["outputs"].items() if not name.endswith(".png"))
    return str(digest)


def _write_results(folder: Path, failed: Mapping[str, str]) -> None:
    pictures = Records(folder / _TRUTH).done()
    truths = {_key(marker): marker for marker in pictures if marker["facts"]["part"] == "test"}
    # Scores beside a truth that has been traced anew since are not what would be found now.
    current = {key: _sha256(truth) for key, truth in truths.items() if truth["outputs"]}
    scores = [
        marker
        for marker in Records(folder / _SCORES).done()
        if current.get(_key(marker)) == marker["facts"]["truth_sha256"]
    ]
    left_out = {_key(marker): marker["facts"]["left_out"] for marker in pictures if not marker["outputs"]}
    write_tables(folder, Results(sections([marker["facts"] for marker in scores]), left_out, failed))
    _write_sheets(folder, truths, scores)


def _key(marker: Marker) -> tuple[str, str]:
    return marker["facts"]["case"], marker["facts"]["look"]


def _write_sheets(folder: Path, truths: Mapping[tuple[str, str], Marker], scores: Sequence[Marker]) -> None:
    pictures: dict[str, dict[str, dict[str, Path]]] = {}
    for marker in sorted(scores, key=lambda marker: method_place(marker["facts"]["method"])):
        facts, picture = marker["facts"], folder / _SCORES / f"{marker['id']}.png"
        pictures.setdefault(facts["case"], {}).setdefault(facts["look"], {})[facts["method"]] = picture
    make_folder(folder / _SHEETS)
    for case, looks in pictures.items():
        rows = [
            SheetRow(look, folder / _TRUTH / f"{truths[case, look]['id']}.png", looks[look])
            for look in sorted(looks, key=look_place)
        ]
        write_sheet(folder / _SHEETS / f"{case}.png", case, rows)
