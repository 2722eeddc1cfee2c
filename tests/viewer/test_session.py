"""What a scene goes through: stages in order, first the scene and then the slices, edits of which the latest wins."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from tests.files.scan_writer import write_scan
from tests.patience import PATIENCE_S, until
from tests.viewer.serving import Client, HeldSource, ImprovingSource, few_gaussians, functions_named, going_source

from tomosplat.errors import EmptySceneError, InputError, TransferFunctionError
from tomosplat.files.scenes import SCENE_SUFFIXES, write_scene
from tomosplat.pipeline.options import PrimingOptions, ScanOptions
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.report import Report
from tomosplat.viewer.packing import Blob, pack_volume, unpack_gaussians
from tomosplat.viewer.serving import PreparedSource, serve
from tomosplat.volume.torso import torso

SPACING_MM = 6.0
#: Whoever waits so long meets the time limit of all tests.
FOR_EVER_S = 1e5


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("records") / "DOE_JOHN_19500101"
    folder.mkdir()
    volume, labels = torso(seed=0, spacing_mm=SPACING_MM)
    values = volume.values.round().astype(np.int16)
    return {
        "ct": write_scan(folder / "doe_ct.nii.gz", values, volume.grid.affine),
        "labels": write_scan(folder / "doe_labels.nii.gz", labels.values, volume.grid.affine),
    }


def reading(scan: dict[str, Path], **more: object) -> ScanOptions:
    return ScanOptions(**{"labels": scan["labels"], "spacing": SPACING_MM, **more})


def header_of(blob: bytes) -> dict:
    return json.loads(blob[12 : 12 + int.from_bytes(blob[8:12], "little")])


def colors_of(blob: bytes) -> np.ndarray:
    """Mean colour of all Gaussians, without what depends on the view."""
    header, sections = header_of(blob), {}
    at = 12 + int.from_bytes(blob[8:12], "little")
    for section in header["sections"]:
        sections[section["name"]] = blob[at : at + section["bytes"]]
        at += section["bytes"]
    return unpack_gaussians(Blob(header, sections)).sh[:, 0].mean(dim=0).numpy()


class Primed(NamedTuple):
    """A scan on a server, where some tests colour it anew, and what was there before."""

    client: Client
    told: list[dict]
    report: Report
    gaussians: bytes


@pytest.fixture(scope="module")
def primed(scan):
    report = Report()
    with serve(scan["ct"], reading=reading(scan), report=report) as server:
        client = Client(server)
        yield Primed(client, client.follow(), report, client.blob("gaussians"))


def test_the_stages_are_told_in_order_with_the_time_they_take(primed) -> None:
    told = primed.told
    names = [stage["name"] for stage in told[-1]["stages"]]
    expected = ["load libraries", "read scan", "read labels", "resample", "apply transfer function", "prime"]
    assert names == [*expected, "pack scene", "pack slices"]
    for status in told:
        assert [stage["name"] for stage in status["stages"]] == names[: len(status["stages"])]
        assert sum(stage["state"] == "running" for stage in status["stages"]) <= 1
    assert all(stage["state"] == "done" and stage["seconds"] >= 0 for stage in told[-1]["stages"])
    revisions = [status["revision"] for status in told]
    assert revisions == sorted(set(revisions))


def test_the_scene_is_there_before_the_slices(monkeypatch) -> None:
    source, let_go = HeldSource(), threading.Event()

    def pack_when_let_go(*scan):
        assert let_go.wait(PATIENCE_S)
        return pack_volume(*scan)

    monkeypatch.setattr("tomosplat.viewer.packing.pack_volume", pack_when_let_go)
    with serve(source) as server:
        client = Client(server)
        source.wait_for_begin()
        status = client.status()
        assert (status["gaussians"], status["volume"], status["state"]) == (None, False, "working")
        source.let_go()
        until(lambda: client.status()["gaussians"] is not None)
        status = client.status()
        assert (status["volume"], status["state"]) == (False, "working")
        assert client.get("/api/scenes/1/volume").status == 404
        assert header_of(client.blob("gaussians"))["count"] == source.n_gaussians
        let_go.set()
        status = client.follow(after=status["revision"])[-1]
        assert (status["volume"], status["kind"], status["message"]) == (True, "primed", None)


def test_the_blobs_are_those_of_the_scan(primed) -> None:
    gaussians, volume = header_of(primed.gaussians), header_of(primed.client.blob("volume"))
    assert gaussians["count"] == primed.report.facts["scenes"][0]["gaussians"]
    assert len(gaussians["organs"]) > 20
    assert {functions["name"] for functions in gaussians["presets"]} == {"seen", "unseen"}
    assert np.linalg.norm(np.array(volume["affine"])[:3, 0]) == pytest.approx(SPACING_MM)


def test_the_report_has_the_stages_and_a_list_of_scenes(primed) -> None:
    report = primed.report
    assert {"read scan", "prime", "pack scene", "pack slices"} <= set(report.stages)
    assert [scene["title"] for scene in report.facts["scenes"]] == ["CT, 6 mm"]
    json.dumps(report.to_dict())


def test_nothing_that_is_sent_names_a_file_or_a_folder(primed, scan) -> None:
    client, told = primed.client, primed.told
    everything = b"".join(
        [
            json.dumps(told).encode(),
            client.get("/api/scenes").body,
            client.get("/api/nothing").body,
            json.dumps(header_of(client.blob("gaussians"))).encode(),
            json.dumps(header_of(client.blob("volume"))).encode(),
        ]
    ).lower()
    for word in (b"doe", b"19500101", b"records", str(scan["ct"].parent).lower().encode(), b"nii"):
        assert word not in everything


def test_an_edit_gives_a_later_revision_with_other_colours(primed) -> None:
    client = primed.client
    before, blob = client.status(), client.blob("gaussians")
    green = {**header_of(blob)["presets"][0], "groups": {"1": [[0, 0, 1, 0, 0], [400, 0, 1, 0, 1]]}}
    answer = client.post("/api/scenes/1/transfer", json.dumps(green).encode())
    assert answer.status == 202
    told = client.follow(after=before["revision"])
    assert told[-1]["gaussians"] > before["gaussians"]
    assert [stage["name"] for stage in told[-1]["stages"]] == ["apply transfer function", "prime", "pack scene"]
    assert told[-1]["volume"]
    red, green, blue = colors_of(client.blob("gaussians"))
    assert green > 2 * max(red, blue, 0)
    red, green, blue = colors_of(blob)
    assert green < 2 * max(red, blue, 0)


def test_an_edit_that_hides_everything_keeps_the_scene_and_says_why(primed) -> None:
    client = primed.client
    before, blob = client.status(), client.blob("gaussians")
    nothing = {**header_of(blob)["presets"][0], "groups": {"1": [[0, 1, 1, 1, 0]]}}
    client.post("/api/scenes/1/transfer", json.dumps(nothing).encode())
    after = client.follow(after=before["revision"])[-1]
    assert after["state"] == "ready"
    assert "visible" in after["message"]
    assert after["gaussians"] == before["gaussians"]
    assert client.blob("gaussians") == blob


def test_an_edit_in_another_unit_is_refused_in_words(primed) -> None:
    client = primed.client
    before = client.status()
    other = {**header_of(client.blob("gaussians"))["presets"][0], "unit": "arbitrary"}
    client.post("/api/scenes/1/transfer", json.dumps(other).encode())
    assert "arbitrary" in client.follow(after=before["revision"])[-1]["message"]


def test_of_several_edits_only_the_latest_is_shown() -> None:
    source = HeldSource()
    with serve(source) as server:
        client = Client(server)
        source.let_go()
        first = client.follow()[-1]
        source.wait_for_begin()
        client.post("/api/scenes/1/transfer", functions_named("0.1"))
        source.wait_for_begin()  # it is being primed when the others are asked for
        for name in ("0.2", "0.3", "0.9"):
            client.post("/api/scenes/1/transfer", functions_named(name))
        working = client.status()
        assert (working["state"], working["gaussians"]) == ("working", first["gaussians"])
        source.let_go(2)
        last = client.follow(after=working["revision"])[-1]
        assert source.primed == ["0.5", "0.9"], "the first was given up, the ones between never begun"
        assert last["gaussians"] > first["gaussians"]


def test_an_edit_while_the_first_scene_is_primed_waits_for_it() -> None:
    source = HeldSource()
    with serve(source) as server:
        client = Client(server)
        source.wait_for_begin()
        assert client.post("/api/scenes/1/transfer", functions_named("0.7")).status == 202
        source.let_go()
        source.wait_for_begin()  # now the edit is held
        first, blob = client.status(), client.blob("gaussians")
        assert source.primed == ["0.5"]
        assert (first["state"], first["volume"]) == ("working", True)
        source.let_go()
        second = client.follow(after=first["revision"])[-1]
        assert source.primed == ["0.5", "0.7"]
        assert second["gaussians"] > first["gaussians"]
        assert (colors_of(client.blob("gaussians")) > colors_of(blob)).all()


def test_a_long_poll_sleeps_until_something_changes() -> None:
    source = HeldSource()
    with serve(source) as server:
        client = Client(server)
        source.wait_for_begin()
        revision = client.status()["revision"]
        heard: list[dict] = []
        listening = threading.Thread(target=lambda: heard.append(client.status(after=revision)))
        listening.start()
        listening.join(0.4)
        assert heard == []
        source.let_go()
        listening.join(PATIENCE_S)
        assert heard[0]["revision"] > revision


def test_a_scan_and_scene_at_hand_are_shown_at_once_and_primed_anew_when_asked() -> None:
    volume, labels = torso(seed=0, spacing_mm=10.0)
    prepared = PreparedScan(volume, labels)
    with serve(PreparedSource(prepared, few_gaussians(), PrimingOptions(light="none")), titles=["Torso"]) as server:
        client = Client(server)
        first = client.follow()[-1]
        header = header_of(client.blob("gaussians"))
        assert (header["title"], header["count"]) == ("Torso", 50)
        client.post("/api/scenes/1/transfer", functions_named("seen"))
        client.follow(after=first["revision"])
        assert header_of(client.blob("gaussians"))["count"] > 50


def test_a_better_scene_comes_behind_the_first_and_behind_every_edit() -> None:
    source = ImprovingSource()

    def follow(after: int = 0) -> dict:
        """Until the scene is improved; before that, what was primed is shown."""
        source.let_go()
        until(lambda: client.status()["kind"] == "primed" and client.status()["gaussians"] not in (None, shown))
        assert header_of(client.blob("gaussians"))["count"] == source.n_gaussians
        source.improve()
        last = client.follow(after=after)[-1]
        assert (last["kind"], last["state"]) == ("predicted", "ready")
        assert header_of(client.blob("gaussians"))["count"] == source.n_gaussians + 1
        return last

    shown = None
    with serve(source) as server:
        client = Client(server)
        first = follow()
        names = [stage["name"] for stage in first["stages"]]
        assert names == ["read scan", "prime", "pack scene", "pack slices", "predict"]
        shown = first["gaussians"]
        client.post("/api/scenes/1/transfer", functions_named("0.9"))
        second = follow(first["revision"])
        assert second["gaussians"] > shown
        assert source.primed == ["0.5", "0.9"]


@pytest.mark.parametrize("suffix", SCENE_SUFFIXES)
def test_a_scene_file_is_served_without_slices(tmp_path, suffix: str) -> None:
    path = tmp_path / f"DOE_JOHN{suffix}"
    write_scene(path, few_gaussians(7))
    with serve(path) as server:
        client = Client(server)
        status = client.follow()[-1]
        assert (status["kind"], status["volume"]) == ("file", False)
        assert client.get("/api/scenes").json == [{"id": "1", "title": "Scene", "state": "ready"}]
        assert header_of(client.blob("gaussians"))["count"] == 7
        assert client.get("/api/scenes/1/volume").status == 404
        assert client.post("/api/scenes/1/transfer", functions_named("1")).status == 409


def test_a_scan_that_fails_is_told_on_the_page_without_its_name(scan, tmp_path) -> None:
    cut = tmp_path / "DOE_JOHN.nii.gz"
    cut.write_bytes(scan["ct"].read_bytes()[:5000])
    with serve(cut) as server:
        client = Client(server)
        status = client.follow(until="failed")[-1]
        assert "The scan is" in status["message"]
        assert "DOE" not in status["message"]
        assert str(tmp_path) not in status["message"]
        assert (status["gaussians"], status["volume"]) == (None, False)
        assert client.get("/api/scenes/1/gaussians").status == 404
        assert client.post("/api/scenes/1/transfer", functions_named("seen")).status == 409
        with pytest.raises(InputError, match=r"DOE_JOHN\.nii\.gz"):
            server.wait(linger_s=FOR_EVER_S)  # not that long: the page has been told


def test_a_page_that_is_about_to_open_is_waited_for(tmp_path) -> None:
    (tmp_path / "bad.ply").write_bytes(b"hello")
    opened = threading.Event()

    def open_page() -> None:
        opened.set()
        client.follow(until="failed")

    with serve(tmp_path / "bad.ply") as server:
        client = Client(server)
        late = threading.Timer(1.5, open_page)
        late.start()
        with pytest.raises(InputError):
            server.wait(linger_s=FOR_EVER_S)
        assert opened.is_set()
        late.join()


def test_a_scene_that_fails_does_not_keep_others_from_being_served() -> None:
    class Empty(HeldSource):
        def scan(self, report: Report):
            raise EmptySceneError("nothing is visible")

    class Broken(HeldSource):
        def scan(self, report: Report):
            raise ZeroDivisionError("/home/doe/secret")

    failed: list[tuple[str, Exception]] = []
    with serve(
        Empty(), Broken(), going_source(), titles=["a", "b", "c"], on_failure=lambda *told: failed.append(told)
    ) as server:
        client = Client(server)
        assert client.follow(1, until="failed")[-1]["message"] == "Nothing is visible"
        assert (
            client.follow(2, until="failed")[-1]["message"] == "Unexpected ZeroDivisionError; the terminal tells more"
        )
        client.follow(3)
        assert [scene["state"] for scene in client.get("/api/scenes").json] == ["failed", "failed", "ready"]
        assert [(title, type(error)) for title, error in failed] == [("a", EmptySceneError), ("b", ZeroDivisionError)]


def test_scenes_without_titles_are_told_apart_by_number() -> None:
    with serve(going_source(), going_source()) as server:
        client = Client(server)
        client.follow(2)
        assert [scene["title"] for scene in client.get("/api/scenes").json] == ["1: CT, 1.5 mm", "2: CT, 1.5 mm"]
        assert header_of(client.blob("gaussians", scene=2))["title"] == "2: CT, 1.5 mm"


def test_what_can_be_refused_without_reading_is_refused_before_a_port_is_opened(scan, tmp_path) -> None:
    with pytest.raises(InputError, match="absent"):
        serve(tmp_path / "absent.nii.gz")
    with pytest.raises(InputError, match="absent"):
        serve(tmp_path / "absent.ply")
    with pytest.raises(InputError, match="absent"):
        serve(scan["ct"], reading=reading(scan, labels=tmp_path / "absent.nii.gz"))
    with pytest.raises(TransferFunctionError, match="sene"):
        serve(scan["ct"], reading=reading(scan, tf="sene"))
    with pytest.raises(InputError, match="--labels"):
        serve(scan["ct"], scan["ct"], reading=reading(scan))


def test_the_same_scene_is_sent_as_the_same_bytes() -> None:
    sent = []
    for _ in range(2):
        with serve(going_source()) as server:
            client = Client(server)
            client.follow()
            sent.append(client.get("/api/scenes/1/gaussians").body)
    assert sent[0] == sent[1]
    assert len(sent[0]) < len(gzip.decompress(sent[0]))
