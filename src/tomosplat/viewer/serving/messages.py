"""What an error may say on the page: not where a file lies on this machine, nor what it is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_PATH = re.compile(r"(?<!\w)(?:~|[A-Za-z]:)?[/\\][^\s'\",;:()]+")
_UID = re.compile(r"\d+(?:\.\d+){5,}")


def public_message(error: Exception, paths: Mapping[Path, str]) -> str:
    """What an error says, without names of files and without what identifies a study.

    Args:
        error: Its first line is told; what follows lists what a folder holds.
        paths: The files that were read, and what to call each of them.
    """
    text = str(error).split("\n", 1)[0]
    for path, called in paths.items():
        for name in dict.fromkeys((str(path.absolute()), str(path), path.name)):
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?:[/\\][^\s'\",;:()]+)?(?!\w)", called, text)
        for name in _names_inside(path):
            text = text.replace(name, "a file")
    text = _UID.sub("(UID)", _PATH.sub("a file", text)).rstrip(": ")
    return text[:1].upper() + text[1:]


def _names_inside(folder: Path) -> list[str]:
    """Names of the files in a folder, long ones first; short ones could be words of a message."""
    if not folder.is_dir():
        return []
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    return sorted((name for name in names if len(name) > 3), key=len, reverse=True)
