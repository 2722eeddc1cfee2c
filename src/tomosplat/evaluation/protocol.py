"""What is compared with what: the looks, the views, and the pictures that are the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tomosplat.anatomy import VISIBLE_SETS
from tomosplat.errors import InputError
from tomosplat.evaluation.options import EvaluateOptions
from tomosplat.geometry import Cameras, FloatArray, fibonacci_directions, frame_points
from tomosplat.pipeline.batch.case_lists import Source
from tomosplat.pipeline.fitting.traced_views import can_denoise
from tomosplat.pipeline.options import RigName
from tomosplat.pipeline.transfer_files import load_transfer_functions
from tomosplat.transfer import TransferFunctions

#: What counts as foreground: where the truth hides more than this of what is behind.
FOREGROUND_ALPHA = 0.02
#: Noise of the truth, as PSNR in dB between its two seeds, above which a look is flagged.
LEAST_FLOOR_DB = 38.0
#: By how much the sphere of test views is turned about the patient's long axis against that of the fitting views: no
#: two of 20 and 40 are then nearer than 7.6 degrees, those of one sphere being 40 and 28 apart.
_TURN_RAD = 3.67


@dataclass(frozen=True)
class ChosenLook:
    """A visible set in transfer functions.

    Attributes:
        shown: The visible set.
        tf: What the transfer functions are called.
        functions: The transfer functions.
    """

    shown: str
    tf: str
    functions: TransferFunctions

    @classmethod
    def parse(cls, text: str) -> ChosenLook:
        """Read SET/TF; ``skeleton`` alone means ``skeleton/seen``.

        Raises:
            InputError: There is no such set.
            TransferFunctionError: There are no such transfer functions.
        """
        shown, _, tf = text.partition("/")
        if shown not in VISIBLE_SETS:
            raise InputError(f"--looks {text}: expected {', '.join(VISIBLE_SETS)}, each with /seen, /unseen or /FILE")
        tf = tf or "seen"
        return cls(shown, Path(tf).stem, load_transfer_functions(tf))

    @property
    def name(self) -> str:
        """As in tables."""
        return f"{self.shown}/{self.tf}"

    @property
    def visible(self) -> list[int] | None:
        """Label ids that are shown, None for all."""
        return VISIBLE_SETS[self.shown]


@dataclass(frozen=True)
class Protocol:
    """What the truth and all numbers beside it depend on, but for scan and look."""

    rig: RigName
    size: int
    fit_views: int
    test_views: int
    fit_samples: int
    test_samples: int
    denoised: bool
    seed: int

    @classmethod
    def of(cls, options: EvaluateOptions) -> Protocol:
        """As the options ask for it.

        Raises:
            InputError: One is out of its range.
        """
        counts = ("size", "test_views", "fit_samples", "test_samples", "workers", "finetune_iterations", "iterations")
        for name, least in {**dict.fromkeys(counts, 1), "fit_views": 2, "seed": 0}.items():
            if getattr(options, name) < least:
                raise InputError(f"--{name.replace('_', '-')} must be at least {least}, got {getattr(options, name)}")
        return cls(
            options.rig,
            options.size,
            options.fit_views,
            options.test_views,
            options.fit_samples,
            options.test_samples,
            can_denoise() and not options.raw,
            options.seed,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)

    def fit_cameras(self, outline: FloatArray) -> Cameras:
        """The views that scenes are fitted to, around what is visible ([M, 3] mm)."""
        return frame_points(outline, fibonacci_directions(self.fit_views), self.size, self.size)

    def test_cameras(self, outline: FloatArray) -> Cameras:
        """The views that scenes are compared in: another Fibonacci sphere, turned about the patient's long axis."""
        c, s = np.cos(_TURN_RAD), np.sin(_TURN_RAD)
        turned = fibonacci_directions(self.test_views) @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        return frame_points(outline, turned, self.size, self.size)


@dataclass(frozen=True)
class LookOrder:
    """Everything that a worker is told about one look at one scan.

    Attributes:
        source: The scan.
        look: What is shown of it.
        protocol: How.
        threads: How many to use; workers share the processors.
    """

    source: Source
    look: ChosenLook
    protocol: Protocol
    threads: int

    @property
    def id(self) -> str:
        """Name of the look's files."""
        return f"{self.source.id}.{self.look.shown}-{self.look.tf}"

    def configuration(self) -> dict[str, Any]:
        """Everything but scan and protocol that its pictures and scenes depend on; JSON-serialisable."""
        reading = asdict(self.source.reading) | {"labels": self.source.reading.labels is not None}
        return {"shown": self.look.shown, "functions": self.look.functions.to_dict(), "reading": reading}


def chosen_looks(names: Sequence[str]) -> list[ChosenLook]:
    """The looks asked for.

    Raises:
        InputError: None is asked for, one twice, or one that there is not.
    """
    looks = [ChosenLook.parse(name) for name in names]
    if not looks or len({look.name for look in looks}) < len(looks):
        raise InputError(f"--looks must name at least one look and each once, got {' '.join(names) or 'none'}")
    return looks


def look_place(name: str) -> tuple[int, str]:
    """Sorts looks by name: the visible sets in their order, then transfer functions."""
    return list(VISIBLE_SETS).index(name.split("/")[0]), name
