"""MR and ultrasound on a common scale: their values have no unit, and each scanner chooses its own factor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from skimage.filters import threshold_otsu

from tomosplat.errors import UnitsError
from tomosplat.volume.volume import Volume

#: Brighter than this share of the signal there is mostly fat, contrast agent, or what lies next to a coil.
_BRIGHT_PERCENTILE = 99.0


def relative_signal(volume: Volume) -> Volume:
    """Bring a scan without unit to signal relative to its own range, and note the factor.

    0 is the median of what Otsu's threshold leaves dark (air around the patient, or nothing at all), 1 the 99th
    percentile of the rest. Values are shifted and scaled, not clipped; a coil's falling sensitivity is not corrected.

    Raises:
        UnitsError: The values are in HU, or all the same.
    """
    if volume.unit == "HU":
        raise UnitsError(f"this scan is a CT in HU, not {volume.modality}")
    values = volume.values
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise UnitsError(f"all values of this {volume.modality} scan are {low:g}: there is no signal to show")
    threshold = threshold_otsu(values)
    dark = float(np.median(values[values <= threshold]))
    bright = float(np.percentile(values[values > threshold], _BRIGHT_PERCENTILE))
    scaled = (values - np.float32(dark)) / np.float32(bright - dark)
    note = f"signal of this {volume.modality} scan made relative: {dark:.5g} became 0 and {bright:.5g} became 1"
    return replace(volume, values=scaled, unit="relative").noted(note)
