"""Where compiled kernels are kept: apart for every state of the sources.

Numba takes a compiled kernel for current as long as the file that it stands in has the same size and date. It does not
look at the files whose functions it inlined, and files out of a wheel all have the same date, so after an upgrade old
kernels would run. A folder of its own for every state of the kernel sources rules that out.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tomosplat import machine


def choose_folder() -> None:
    """Point Numba to the folder for these sources, unless ``NUMBA_CACHE_DIR`` says otherwise."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        folder = machine.cache_dir() / "kernels" / sources_hash(Path(__file__).parent)
        os.environ["NUMBA_CACHE_DIR"] = str(folder)


def sources_hash(package: Path) -> str:
    """Fingerprint of all files below ``package`` that hold kernels."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes()
        if b"njit" in text or b"intrinsic" in text:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + text)
    return digest.hexdigest()[:16]
