"""The curves of a training: a line for each step, in a file that grows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tomosplat.errors import OutputError
from tomosplat.files.atomic import writing


@dataclass(frozen=True)
class Curves:
    """A file with a JSON object for each step; what it cannot write is an ``OutputError``.

    Attributes:
        path: The file; lines of steps that a kill undid are dropped when the training goes on.
    """

    path: Path

    def rewind(self, step: int) -> None:
        """Keep the lines of the first ``step`` steps."""
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
            with writing(self.path) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def add(self, values: dict[str, float]) -> None:
        """Append a line."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error
