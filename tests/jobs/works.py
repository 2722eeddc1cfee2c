"""What the tests of jobs do with a case: at the top of a module, since workers import it."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

from tomosplat.errors import InputError
from tomosplat.jobs import Case, Product, Stage, Staged, hash_data
from tomosplat.report import Progress


def case(name: str, *, cost: float = 1.0, content: str = "content", config: str = "config", **payload: Any) -> Case:
    return Case(name, {"id": name, **payload}, cost, hash_data(content), hash_data(config))


def write(payload: dict[str, Any], scratch: Path, progress: Progress) -> Product:
    """Leaves a trace, then does what the payload says."""
    if "trace" in payload:
        with Path(payload["trace"]).open("a") as file:
            file.write(payload["id"] + "\n")
    progress(1, 2)
    if payload.get("fail"):
        raise ValueError("no such anatomy")
    if payload.get("refuse"):
        raise InputError("this is no scan")
    if payload.get("die") or ("die_once" in payload and _first(payload["die_once"])):
        os.kill(os.getpid(), signal.SIGKILL)
    if "full_once" in payload and _first(payload["full_once"]):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))  # as on a full disk, no byte fits
    path = scratch / "part"
    try:
        path.write_text(payload.get("text", payload["id"]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if payload.get("sleep"):
        (Path(payload["trace"]).parent / "asleep").touch()
        time.sleep(payload["sleep"])
    return Product({f"{payload['id']}.txt": path, f"more/{payload['id']}.txt": _copy(path)}, {"fact": 1})


def decode(payload: dict[str, Any], scratch: Path, progress: Progress) -> None:
    """The first stage of ``STAGED``."""
    _leave(payload, scratch / "decoded", payload["id"])


def think(payload: dict[str, Any], scratch: Path, progress: Progress) -> None:
    """The second, for a GPU: held up if the payload names a file, until that is there."""
    _leave(payload, scratch / "thought", (scratch / "decoded").read_text() + " thought")
    if "hold" in payload:
        (Path(payload["trace"]).parent / "held").write_text(str(os.getpid()))
        while not Path(payload["hold"]).exists():
            time.sleep(0.02)


def encode(payload: dict[str, Any], scratch: Path, progress: Progress) -> Product:
    """All of it; what is missing is made."""
    decode(payload, scratch, progress)
    think(payload, scratch, progress)
    _leave(payload, scratch / "encoded", (scratch / "thought").read_text() + " encoded")
    return Product({f"{payload['id']}.txt": scratch / "encoded"})


STAGED = Staged((Stage(decode), Stage(think, gpu=True)), encode)


def _leave(payload: dict[str, Any], path: Path, text: str) -> None:
    """Write a file of a stage unless it is there, with a trace of who did: stage, case, process."""
    if path.exists():
        return
    with Path(payload["trace"]).open("a") as file:
        file.write(f"{path.name}:{payload['id']}:{os.getpid()}\n")
    path.write_text(text)


def _first(flag: str) -> bool:
    """Whether nobody has asked before."""
    try:
        Path(flag).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _copy(path: Path) -> Path:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    return copy
