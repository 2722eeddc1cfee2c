"""Gaussians as records of 64 bytes (docs/viewer-format.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tomosplat.errors import UnitsError
from tomosplat.gaussians import GaussianScene
from tomosplat.viewer.packing.numbers import (
    FloatArray,
    cholesky,
    from_int8,
    from_octahedral,
    from_rgb9e5,
    from_uint16,
    to_float16,
    to_int8,
    to_octahedral,
    to_rgb9e5,
    to_uint16,
    uncholesky,
)

#: Where each part of a Gaussian lies; the order and the sizes are the format.
RECORD = np.dtype(
    [
        ("mean", "<u2", 3),
        ("opacity", "<u2"),
        ("value", "<u2"),
        ("label", "u1"),
        ("gain_exponent", "u1"),
        ("cov_factor", "<f2", 6),
        ("direction", "<i2", 2),
        ("light", "<u4"),
        ("base", "<f2", 3),
        ("precision_exponent", "u1"),
        ("sh_exponent", "u1"),
        ("precision_factor", "i1", 6),
        ("gain", "i1", 9),
        ("sh", "i1", 9),
    ]
)
Records = NDArray[np.void]


@dataclass(frozen=True)
class Ranges:
    """What a scene's 16-bit numbers refer to.

    Attributes:
        low: [3] mm, lowest corner of the box of the means.
        high: [3] mm.
        values: Lowest and highest value, None where the scene has none.
    """

    low: FloatArray
    high: FloatArray
    values: tuple[float, float] | None

    @classmethod
    def of(cls, scene: GaussianScene) -> Ranges:
        """The ranges of a scene of at least one Gaussian."""
        means, values = array(scene.means), scene.values
        span = (float(values.min()), float(values.max())) if values is not None else None
        return cls(means.min(axis=0), means.max(axis=0), span)


def encode(scene: GaussianScene, ranges: Ranges) -> Records:
    """One record for each Gaussian, in the scene's order.

    Raises:
        UnitsError: A value is NaN, infinite or out of the format's range, a direction is no unit vector, or a
            matrix is not positive semi-definite.
    """
    _check(scene)
    n = len(scene)
    records = np.zeros(n, dtype=RECORD)
    records["mean"] = to_uint16(array(scene.means), ranges.low, ranges.high)
    records["opacity"] = np.rint(array(scene.opacities) * 65535)
    if scene.values is not None and ranges.values is not None:
        records["value"] = to_uint16(array(scene.values), *ranges.values)
    records["label"] = scene.labels.cpu().numpy()
    records["cov_factor"] = to_float16(cholesky(array(scene.covs), "scene.covs"), "scene.covs (square root)")
    records["direction"] = to_octahedral(array(scene.means_dir))
    light = scene.illumination if scene.illumination is not None else torch.ones(n, 3)
    records["light"] = to_rgb9e5(array(light), "scene.illumination")
    sh = array(scene.sh)
    records["base"] = to_float16(sh[:, 0], "scene.sh")
    factors = cholesky(array(scene.precisions_dir), "scene.precisions_dir")
    records["precision_exponent"], records["precision_factor"] = to_int8(factors, "scene.precisions_dir (square root)")
    records["gain_exponent"], records["gain"] = to_int8(array(scene.gains).reshape(n, 9), "scene.gains")
    records["sh_exponent"], records["sh"] = to_int8(sh[:, 1:].reshape(n, 9), "scene.sh")
    return records


def decode(records: Records, ranges: Ranges) -> dict[str, Any]:
    """The scene's tensors by name, float64: exactly the numbers that the records say."""
    n = len(records)
    directional = from_int8(records["sh_exponent"], records["sh"]).reshape(n, 3, 3)
    arrays = {
        "means": from_uint16(records["mean"], ranges.low, ranges.high),
        "means_dir": from_octahedral(records["direction"]),
        "covs": uncholesky(records["cov_factor"].astype(np.float64)),
        "gains": from_int8(records["gain_exponent"], records["gain"]).reshape(n, 3, 3),
        "precisions_dir": uncholesky(from_int8(records["precision_exponent"], records["precision_factor"])),
        "opacities": records["opacity"] / 65535,
        "sh": np.concatenate([records["base"][:, None].astype(np.float64), directional], axis=1),
        "illumination": from_rgb9e5(records["light"]),
    }
    if ranges.values is not None:
        arrays["values"] = from_uint16(records["value"], *ranges.values)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return {**tensors, "labels": torch.from_numpy(records["label"].copy())}


def array(tensor: Tensor) -> FloatArray:
    """A tensor's numbers in float64."""
    numbers: FloatArray = tensor.detach().cpu().double().numpy()
    return numbers


def _check(scene: GaussianScene) -> None:
    for name, tensor in scene.unmeasured().tensors().items():
        # A sum is finite only if every term is.
        if not bool(torch.isfinite(tensor.sum(dtype=torch.float64))):
            raise UnitsError(f"scene.{name} holds NaN or infinite values; drop these Gaussians")
    if bool(((scene.opacities < 0) | (scene.opacities > 1)).any()):
        raise UnitsError(f"scene.opacities must lie in 0..1, found {scene.opacities.min()} to {scene.opacities.max()}")
    lengths = scene.means_dir.norm(dim=1)
    if bool(((lengths - 1).abs() > 1e-3).any()):
        raise UnitsError(f"scene.means_dir must be unit vectors, found lengths {lengths.min()} to {lengths.max()}")
