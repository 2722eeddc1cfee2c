"""``tomosplat view`` as a program: it says where the page is, serves, and ends on Ctrl-C without leaving anything."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import SPACING_MM
from tests.patience import PATIENCE_S, until

# A shell that runs tests in the background has them ignore Ctrl-C, and their children with them.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from tomosplat.cli import main
sys.exit(main())
"""
NO_INTERRUPTS = pytest.mark.skipif(os.name == "nt", reason="a test cannot press Ctrl-C for one process on Windows")


@contextmanager
def viewing(tmp_path: Path, *arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running program and the address that it printed; temporary files would lie in ``tmp_path / "tmp"``."""
    (tmp_path / "tmp").mkdir()
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp"), "BROWSER": "false"},
    )
    try:
        assert program.stdout is not None
        lines = iter(program.stdout.readline, "")
        yield program, next(line.strip() for line in lines if line.startswith("http://"))
    finally:
        program.kill()
        program.communicate()


def status_of(url: str, after: int = 0) -> dict:
    base, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/\?token=(.+)", url).groups()
    request = urllib.request.Request(f"{base}/api/scenes/1/status?after={after}", headers={"X-Tomosplat-Token": token})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def until_ready(url: str) -> dict:
    status = status_of(url)
    while status["state"] == "working":
        status = status_of(url, status["revision"])
    assert status["state"] == "ready", status
    return status


def interrupted(program: subprocess.Popen[str], url: str, folder: Path) -> str:
    """Press Ctrl-C; returns what stderr held."""
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=PATIENCE_S)
    assert program.returncode == 0, err
    assert "Traceback" not in err
    port = int(re.search(r":(\d+)/", url)[1])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert list((folder / "tmp").iterdir()) == []
    return err


@NO_INTERRUPTS
def test_a_scan_is_served_until_ctrl_c_and_a_report_tells_how(small_scan, tmp_path) -> None:
    arguments = ("view", small_scan.ct, "--labels", small_scan.labels, "--spacing", SPACING_MM, "--no-browser")
    with viewing(tmp_path, *arguments, "--report", tmp_path / "run.json") as (program, url):
        assert until_ready(url)["volume"]
        err = interrupted(program, url, tmp_path)
    assert "prime" in err
    assert url.partition("token=")[2] not in err
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["scenes"][0]["gaussians"] > 100
    assert {"read scan", "prime", "pack scene"} <= set(report["stages_s"])


@NO_INTERRUPTS
def test_ctrl_c_while_a_scan_is_being_primed(small_scan, tmp_path) -> None:
    with viewing(tmp_path, "view", small_scan.ct, "--spacing", 3, "--no-browser") as (program, url):
        until(lambda: bool(status_of(url)["stages"]))
        interrupted(program, url, tmp_path)


def test_the_demo_ends_with_its_scan_and_scene_in_the_browser(run, tmp_path, monkeypatch) -> None:
    from tomosplat.pipeline import demo
    from tomosplat.viewer.serving import Server
    from tomosplat.volume.torso import torso

    def wait_for_all(server: Server, linger_s: float) -> None:
        shown.append(until_ready(server.url))
        raise KeyboardInterrupt

    shown: list[dict] = []
    monkeypatch.setattr(demo, "torso", lambda: torso(spacing_mm=SPACING_MM))
    monkeypatch.setattr(demo, "_TURN_FRAMES", 1)
    monkeypatch.setattr(Server, "wait", wait_for_all)
    code, out, err = run("demo", "--phantom", "--size", 16, "-o", tmp_path / "demo", "--view", "--no-browser")
    assert code == 0, err
    assert "http://127.0.0.1:" in out
    assert (shown[0]["kind"], shown[0]["volume"]) == ("primed", True)
    assert [stage["name"] for stage in shown[0]["stages"]] == ["pack scene", "pack slices"]


def test_a_scan_that_cannot_be_read_ends_the_command(run, small_scan, tmp_path) -> None:
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(small_scan.ct.read_bytes()[:5000])
    code, out, err = run("view", cut, "--no-browser")
    assert code == 2
    assert "http://127.0.0.1:" in out
    assert err.count("cut.nii.gz") == 1
    assert "Traceback" not in err


def test_bad_arguments_are_refused_before_anything_is_served(run, small_scan, small_scene, tmp_path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        cases = {
            ("absent.nii.gz",): "absent.nii.gz does not exist",
            (): "nothing to view",
            (small_scene, "--port", port): "in use; try --port",
            (small_scene, "--port", 99999): "cannot listen",
            (small_scene, "--title", "a", "b"): "--title names 2 scenes",
            (small_scan.ct, "--tf", "sene"): "sene",
            (small_scan.ct, "--organs", "nose"): "nose",
            (small_scan.ct, small_scan.ct, "--labels", small_scan.labels): "--labels",
        }
        for arguments, says in cases.items():
            code, out, err = run("view", *arguments, "--no-browser")
            assert code == 2, arguments
            assert says in err
            assert out == ""


def test_letting_others_in_is_warned_of(run, tmp_path) -> None:
    (tmp_path / "bad.ply").write_bytes(b"hello")
    code, out, err = run("view", tmp_path / "bad.ply", "--no-browser", "--host", "0.0.0.0")
    assert code == 2
    assert out.startswith("http://127.0.0.1:")
    assert "nothing is encrypted" in err
    assert "encrypted" not in run("view", tmp_path / "bad.ply", "--no-browser")[2]


def test_the_browser_is_opened_at_the_page_unless_there_is_no_screen(run, tmp_path, monkeypatch) -> None:
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url))
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "bad.ply").write_bytes(b"hello")
    monkeypatch.setenv("DISPLAY", ":0")
    out = run("view", tmp_path / "bad.ply")[1]
    assert opened == [out.splitlines()[0]]
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(variable, raising=False)
    run("view", tmp_path / "bad.ply")
    monkeypatch.setenv("DISPLAY", ":0")
    run("view", tmp_path / "bad.ply", "--no-browser")
    assert len(opened) == 1
