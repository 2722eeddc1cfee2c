"""``tomosplat doctor``: what is this machine."""

from __future__ import annotations

from dataclasses import dataclass

from tomosplat.cli.command import Told


@dataclass(frozen=True, kw_only=True)
class Doctor(Told):
    """Tell what tomosplat found on this machine, what it uses of it, and what is missing."""

    def run(self) -> None:
        """Print the findings as JSON."""
        from tomosplat.pipeline.fidelity.inspection import describe_installation

        self.tell(describe_installation())
