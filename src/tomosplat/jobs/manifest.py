"""The list of cases on disk: one JSON object on each line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tomosplat.errors import OutputError
from tomosplat.jobs.case import Case


def write_manifest(path: Path, cases: Sequence[Case]) -> None:
    """Write id, inputs, cost, content hash, configuration hash and signature of cases.

    Raises:
        OutputError: The file cannot be written; the one before stays.
    """
    temporary = path.with_name(f".{path.name}")
    try:
        temporary.write_text("".join(json.dumps(_row(case)) + "\n" for case in cases), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}; nothing was left half-written") from error


def known_hashes(folder: Path) -> dict[tuple[str, str], str]:
    """Id and signature → content hash, from all manifests in a folder.

    A signature says that files look as they did, so that an archive need not be read again to find out what is done.
    """
    rows = (row for path in sorted(folder.glob("cases*.jsonl")) for row in _rows(path))
    return {(row["id"], row["signature"]): row["content_hash"] for row in rows if row.get("signature")}


def _row(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "inputs": list(case.inputs),
        "cost": case.cost,
        "content_hash": case.content_hash,
        "config_hash": case.config_hash,
        "signature": case.signature,
    }


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):  # what cannot be read is not known
        return []
