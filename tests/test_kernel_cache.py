import os
import shutil
import subprocess
import sys
from pathlib import Path

import tomosplat
from tomosplat.kernel_cache import sources_hash

PACKAGE = Path(tomosplat.__file__).parent


def test_a_changed_kernel_source_gets_another_folder_and_other_files_do_not(tmp_path) -> None:
    copy = tmp_path / "tomosplat"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = sources_hash(copy)
    assert before == sources_hash(PACKAGE)
    (copy / "errors.py").write_text("# nothing\n")
    assert sources_hash(copy) == before
    kernels = copy / "render" / "cpu" / "projection.py"
    kernels.write_text(kernels.read_text().replace("0", "1", 1))
    assert sources_hash(copy) != before


def folder_chosen(**environment: str) -> str:
    code = "import os, tomosplat; print(os.environ['NUMBA_CACHE_DIR'])"
    clean = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_kernels_are_kept_in_the_users_cache_unless_told_otherwise(tmp_path) -> None:
    assert folder_chosen(TOMOSPLAT_CACHE=str(tmp_path)) == str(tmp_path / "kernels" / sources_hash(PACKAGE))
    assert folder_chosen(NUMBA_CACHE_DIR="elsewhere") == "elsewhere"
