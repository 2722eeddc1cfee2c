"""Floor 3: transfer functions, their presets and importers, and their application to a scan."""

from tomosplat.transfer.apply import apply_transfer, extinction_of_opacity
from tomosplat.transfer.jitter import JitterRanges, jittered
from tomosplat.transfer.transfer_function import (
    FOREGROUND_GROUPS,
    MAX_OPACITY,
    OPACITY_LENGTH_MM,
    Preset,
    TransferFunction,
    TransferFunctions,
)

__all__ = [
    "FOREGROUND_GROUPS",
    "MAX_OPACITY",
    "OPACITY_LENGTH_MM",
    "JitterRanges",
    "Preset",
    "TransferFunction",
    "TransferFunctions",
    "apply_transfer",
    "extinction_of_opacity",
    "jittered",
]
