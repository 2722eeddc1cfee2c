import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.files.scan_writer import write_scan

from tomosplat.anatomy import GROUP_OF_LABEL
from tomosplat.errors import EmptySceneError, FileFormatError, InputError, OutputError
from tomosplat.files.dataset import read_manifest
from tomosplat.geometry import Cameras
from tomosplat.lighting import load_rig
from tomosplat.pipeline.batch.case_lists import find_cases
from tomosplat.pipeline.datasets import ground_truth
from tomosplat.pipeline.datasets.ground_truth import make_case
from tomosplat.pipeline.datasets.looks import CaseOrder, Look
from tomosplat.pipeline.datasets.options import PrepareOptions
from tomosplat.pipeline.datasets.prepare import prepare_dataset
from tomosplat.render import PathTraceSettings, denoise, pathtrace
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions, apply_transfer
from tomosplat.volume import LabelMap, Volume
from tomosplat.volume.torso import torso

TINY = PrepareOptions(spacing=10, size=16, views=(3, 1, 2), samples=2, held_out_every=2, jitter_tf=1)


def prepare(folder, *sources, options=TINY):
    return prepare_dataset(sources, folder, options, Report())


def ignore(done: int, total: int) -> None:
    """Nobody watches."""


def order(source, options=TINY) -> CaseOrder:
    (case,), _ = find_cases([str(source)], options)
    return CaseOrder(case, options, {name: TransferFunctions.preset(name) for name in options.tf}, threads=2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    assert sorted(prepare(folder, "torso:0..1").done) == ["torso-0", "torso-1"]
    return folder


def test_a_shard_holds_inputs_views_and_pictures(dataset):
    manifest = read_manifest(dataset)
    assert list(manifest.cases) == ["torso-0", "torso-1"]
    shard = manifest.open("torso-0")
    volume, labels = torso(0, 10)
    np.testing.assert_array_equal(shard["values"], volume.values.round())
    np.testing.assert_array_equal(shard["labels"], labels.values)
    np.testing.assert_array_equal(shard["affine"], volume.grid.affine)
    assert (shard["values"].dtype, shard["labels"].dtype) == (np.int16, np.uint8)
    for shown, n in (("all", 3), ("skeleton", 1), ("organs", 2)):
        assert shard[f"{shown}/viewmats"].shape == (n, 4, 4)
        assert shard[f"{shown}/held_out"].tolist() == [i % 2 == 0 for i in range(n)]
        for tf in ("seen", "jitter-0"):
            rgba = shard[f"{shown}/{tf}/studio/rgba"]
            assert rgba.shape == (n, 16, 16, 4)
            assert rgba.dtype == np.float16
            assert rgba[..., 3].max() > 0.5
            assert shard[f"{shown}/{tf}/studio/samples"].tolist() == [2] * n
    assert shard.description["transfer_functions"].keys() == {"seen", "jitter-0"}
    preview = np.asarray(Image.open(dataset / "previews" / "torso-0.skeleton.png"))
    assert preview.shape == (16, 16, 3)
    assert preview.max() > 60


def test_pictures_are_what_the_path_tracer_makes_of_the_shards_own_data(dataset):
    shard = read_manifest(dataset).open("torso-1")
    grid = torso(1, 10)[0].grid
    volume, labels = Volume(shard["values"].astype(np.float32), grid, "HU"), LabelMap(shard["labels"], grid)
    functions = TransferFunctions.from_dict(shard.description["transfer_functions"]["jitter-0"])
    optical = apply_transfer(volume, labels, functions, GROUP_OF_LABEL)
    cameras = Cameras(shard["all/viewmats"], shard["all/Ks"], 16, 16)
    expected = pathtrace(optical, cameras, load_rig("studio"), settings=PathTraceSettings(samples=256))
    found = shard["all/jitter-0/studio/rgba"].astype(np.float32)
    np.testing.assert_allclose(found[..., 3].mean(), expected.alpha.mean(), rtol=0.03)
    np.testing.assert_allclose(found[..., :3].mean(), expected.radiance.mean(), rtol=0.1)


def test_denoised_pictures_are_those_of_the_filter(dataset, tmp_path):
    shard = read_manifest(dataset).open("torso-0")
    optical = apply_transfer(*torso(0, 10), TransferFunctions.preset("seen"), GROUP_OF_LABEL)
    look = Look("all", "seen", load_rig("studio"), Cameras(shard["all/viewmats"], shard["all/Ks"], 16, 16), tmp_path)
    settings = PathTraceSettings(samples=4, seed=3)
    ground_truth.trace_view(optical, look, 0, settings, clean=True)
    traced = pathtrace(optical, look.cameras[:1], look.rig, settings=settings)
    expected = denoise(traced)
    found = next(look.pieces("rgba"))
    np.testing.assert_allclose(found[..., :3], expected.radiance[:1], atol=1e-3)
    assert np.abs(found[..., :3] - traced.radiance).max() > 0.01
    assert next(look.pieces("relative_error")) == pytest.approx(traced.relative_error)


def test_cases_differ_in_views_and_jitter(dataset):
    first, second = (read_manifest(dataset).open(name) for name in ("torso-0", "torso-1"))
    assert np.abs(first["all/viewmats"] - second["all/viewmats"])[:, :3, :3].max() > 0.05
    drawn = [shard.description["transfer_functions"]["jitter-0"]["groups"] for shard in (first, second)]
    assert drawn[0] != drawn[1]


def test_done_cases_are_left_alone_and_changed_options_redo_them(dataset, tmp_path):
    out = shutil.copytree(dataset, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
    assert prepare(out, "torso:0..1", options=replace(TINY, workers=2)).skipped == ("torso-0", "torso-1")
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
    assert prepare(out, "torso:0", options=replace(TINY, samples=3)).done == ("torso-0",)
    assert read_manifest(out).open("torso-0")["all/seen/studio/samples"].tolist() == [3, 3, 3]
    assert read_manifest(out).open("torso-1")["all/seen/studio/samples"].tolist() == [2, 2, 2]


def test_a_shard_that_changed_is_refused(dataset, tmp_path):
    manifest = read_manifest(dataset)
    shard = tmp_path / "torso-0.safetensors"
    shard.write_bytes((dataset / shard.name).read_bytes()[:-1] + b"x")
    with pytest.raises(FileFormatError, match="not what the manifest says"):
        replace(manifest, folder=tmp_path).open("torso-0")


# Its worker, which runs all this too, kills it at a known moment: before the sixth picture.
DYING = """
import multiprocessing, os, signal
from tomosplat.cli import main
from tomosplat.pipeline.datasets import ground_truth

def trace_five(*given, trace=ground_truth.pathtrace, left=[None] * 5, **more):
    if not left:
        os.kill(multiprocessing.parent_process().pid, signal.SIGKILL)
        signal.pause()
    left.pop()
    return trace(*given, **more)

ground_truth.pathtrace = trace_five
if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_killed_and_resumed_it_gives_the_same_bytes(tmp_path):
    many = replace(TINY, size=24, views=(10, 5, 5), samples=4, jitter_tf=0)
    options = ["--spacing", "10", "--size", "24", "--views", "10", "5", "5", "--samples", "4", "--held-out-every", "2"]
    folder = tmp_path / "out"
    (tmp_path / "dying.py").write_text(DYING)
    command = [sys.executable, str(tmp_path / "dying.py"), "prepare", "torso:0", "-o", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        assert run.stderr is not None
        run.stderr.read()  # the worker holds it too: it ends with the last of them
    assert run.returncode == -signal.SIGKILL
    assert len(list(folder.rglob("[0-9]*.npz"))) == 5
    assert not list(folder.glob("*.safetensors"))

    assert prepare(folder, "torso:0", options=many).done == ("torso-0",)
    whole = make_case(order("torso:0", many), tmp_path, ignore)
    for name, path in whole.outputs.items():
        assert (folder / name).read_bytes() == path.read_bytes()
    assert not list(folder.rglob("*.npz"))


def test_no_finished_picture_is_traced_again(tmp_path, monkeypatch):
    calls = []

    def stopping_after(n):
        def trace(*arguments, **options):
            if len(calls) == n:
                raise KeyboardInterrupt
            calls.append(arguments)
            return pathtrace(*arguments, **options)

        return trace

    monkeypatch.setattr(ground_truth, "pathtrace", stopping_after(5))
    with pytest.raises(KeyboardInterrupt):
        make_case(order("torso:0"), tmp_path, ignore)
    monkeypatch.setattr(ground_truth, "pathtrace", stopping_after(-1))
    seen = []
    make_case(order("torso:0"), tmp_path, lambda done, total: seen.append((done, total)))
    assert len(calls) == 12
    assert seen[0] == (5, 12)
    assert seen[-1] == (12, 12)


@contextmanager
def files_up_to(n_bytes):
    """Stands in for a full disk: what is written beyond this fails, as it does there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("n_bytes", "n_pictures"), [(2000, 0), (100_000, 12)])
def test_a_full_disk_leaves_nothing_half_written_and_can_be_resumed(tmp_path, n_bytes, n_pictures):
    with files_up_to(n_bytes), pytest.raises(OutputError, match="nothing was left half-written"):
        make_case(order("torso:0"), tmp_path, ignore)
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert len(left) == n_pictures
    assert all(name.endswith(".npz") for name in left)
    assert "torso-0.safetensors" in make_case(order("torso:0"), tmp_path, ignore).outputs


def scan_with_labels(folder, keep) -> Path:
    volume, labels = torso(0, 10)
    folder.mkdir()
    write_scan(folder / "ct.nii.gz", volume.values.round().astype(np.int16), volume.grid.affine)
    write_scan(folder / "labels.nii.gz", np.where(keep(labels.values), labels.values, 0), volume.grid.affine)
    return folder


def test_sets_with_nothing_to_see_are_named(tmp_path):
    bones = scan_with_labels(tmp_path / "bones", lambda ids: GROUP_OF_LABEL[ids] == 7)
    options = replace(TINY, labels_name="labels.nii.gz")
    product = make_case(order(bones, options), tmp_path, ignore)
    assert product.facts["empty_sets"] == ["organs"]
    assert product.facts["views"] == {"all": 3, "skeleton": 1}
    nothing = scan_with_labels(tmp_path / "nothing", lambda ids: ids < 0)
    with pytest.raises(EmptySceneError, match="nothing of nothing is visible"):
        make_case(order(nothing, options), tmp_path, ignore)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 0}, "--size"),
        ({"views": (0, 0, 0)}, "--views"),
        ({"samples": 0}, "samples"),
        ({"jitter_tf": -1}, "--jitter-tf"),
        ({"tf": ("seen", "seen")}, "--tf"),
        ({"rigs": ()}, "--rigs"),
        ({"workers": 0}, "workers"),
    ],
)
def test_impossible_options_are_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        prepare(tmp_path / "out", "torso:0", options=replace(TINY, **change))
    assert not (tmp_path / "out").exists()
