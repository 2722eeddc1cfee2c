"""What an output folder remembers of its cases: done-markers, failures, and scratch folders of unfinished ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tomosplat.errors import OutputError
from tomosplat.jobs.case import Case, Product
from tomosplat.jobs.hashing import hash_file

_DONE, _FAILED = ".done.json", ".failed.json"


class Records:
    """The markers in an output folder.

    ``<id>.done.json`` holds id, both hashes, name, SHA-256 and size of each output, the product's facts, seconds, peak
    memory and versions; ``<id>.failed.json`` holds why there is no result; ``.scratch/<id>/<key>/`` is what a case has
    made so far.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def done(self) -> list[dict[str, Any]]:
        """All done-markers whose outputs are there and that no later try has failed, by id."""
        found = (_read(path) for path in sorted(self._folder.glob(f"*{_DONE}")))
        markers = [marker for marker in found if marker is not None and self._has_outputs(marker)]
        return [marker for marker in markers if not self._path(marker["id"], _FAILED).exists()]

    def is_done(self, case: Case) -> bool:
        """Whether the case was done with the same inputs and configuration and its outputs are still there."""
        marker = _read(self._path(case.id, _DONE))
        return (
            marker is not None
            and (marker["content_hash"], marker["config_hash"]) == (case.content_hash, case.config_hash)
            and self._has_outputs(marker)
        )

    def scratch(self, case: Case) -> Path:
        """The folder for what the case makes; what was made for other inputs or another configuration is removed."""
        mine = self._scratch_of(case) / case.key
        try:
            for old in self._scratch_of(case).glob("*"):
                if old != mine:
                    shutil.rmtree(old)
            mine.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the scratch folder {mine}: {error.strerror or error}") from error
        return mine

    def publish(self, case: Case, product: Product, circumstances: Mapping[str, Any]) -> None:
        """Move the outputs to their places and leave the done-marker; a kill at any moment can be made good.

        Raises:
            OutputError: A file cannot be moved or written; the case is not marked as done.
        """
        marker = {
            "id": case.id,
            "content_hash": case.content_hash,
            "config_hash": case.config_hash,
            "outputs": {
                name: {"sha256": hash_file(path), "bytes": path.stat().st_size}
                for name, path in sorted(product.outputs.items())
            },
            "facts": dict(product.facts),
            **circumstances,
        }
        done = self._path(case.id, _DONE)
        try:
            # Until the new marker stands, nothing may vouch for a mixture of old and new outputs.
            done.unlink(missing_ok=True)
            for name, path in product.outputs.items():
                target = self._folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
        except OSError as error:
            raise OutputError(f"cannot write the results of {case.id}: {error.strerror or error}") from error
        _write(done, marker)
        self._path(case.id, _FAILED).unlink(missing_ok=True)
        shutil.rmtree(self._scratch_of(case), ignore_errors=True)

    def write_failure(self, case: Case, failure: Mapping[str, Any]) -> None:
        """Leave word why a case has no result.

        Raises:
            OutputError: The marker cannot be written.
        """
        hashes = {"content_hash": case.content_hash, "config_hash": case.config_hash}
        _write(self._path(case.id, _FAILED), {"id": case.id, **hashes, **failure})

    def _has_outputs(self, marker: Mapping[str, Any]) -> bool:
        def there(name: str, size: int) -> bool:
            path = self._folder / name
            return path.is_file() and path.stat().st_size == size

        return all(there(name, output["bytes"]) for name, output in marker["outputs"].items())

    def _path(self, case_id: str, suffix: str) -> Path:
        return self._folder / f"{case_id}{suffix}"

    def _scratch_of(self, case: Case) -> Path:
        return self._folder / ".scratch" / case.id


def _read(path: Path) -> dict[str, Any] | None:
    try:
        marker: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a marker that cannot be read vouches for nothing
        return None
    return marker


def _write(path: Path, data: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}")
    try:
        temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}; nothing was left half-written") from error
