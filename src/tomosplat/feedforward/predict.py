"""The network run over a scan of any size, and the scene that it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tomosplat.errors import DivergedError, EmptySceneError, InputError
from tomosplat.feedforward.encoding import IntensityScale, encode_scan
from tomosplat.feedforward.head import N_CHANNELS, Primed, activate
from tomosplat.feedforward.lights import light_field
from tomosplat.feedforward.model import Model
from tomosplat.feedforward.tiles import Tile, Triple, choose_core, tiles
from tomosplat.gaussians import GaussianScene
from tomosplat.report import Progress
from tomosplat.volume import OpticalVolume, Unit

#: Renderers skip what is less opaque.
_MIN_OPACITY = 1 / 255
DEFAULT_MEMORY = 4_000_000_000


class Said(NamedTuple):
    """What the network said of a primed scene.

    Attributes:
        offsets: [N, 37] float32 of its Gaussians.
        how: For the scene's provenance; JSON-serialisable.
    """

    offsets: Tensor
    how: Mapping[str, Any]


class Prediction(NamedTuple):
    """What came out.

    Attributes:
        scene: The Gaussians that can be seen.
        n_dropped: How many were left out because they are too faint to be drawn.
        n_tiles: How many parts the scan was cut into.
    """

    scene: GaussianScene
    n_dropped: int
    n_tiles: int


def predict(
    model: Model,
    optical: OpticalVolume,
    primed: Primed,
    *,
    unit: Unit = "HU",
    tile: int | None = None,
    memory: int = DEFAULT_MEMORY,
    bf16: bool | None = None,
    progress: Progress | None = None,
) -> Prediction:
    """Let the network change a primed scene.

    Args:
        model: The network.
        optical: What is visible, with the scan's values.
        primed: The same scan primed as the model expects it.
        unit: Of the scan's values.
        tile: Edge of the tiles in voxels of the half-resolution grid, rounded up to what the network allows; by default
            as large as ``memory`` allows. With "channel" norm the result is the same but for rounding.
        memory: Bytes that the network may use beside the scan itself.
        bf16: Compute in bfloat16; by default where the processor, or the GPU that the network is on, has it.
        progress: Called after each tile.

    Raises:
        InputError: The model expects another kind of priming.
        UnitsError: The network does not know values of this unit.
        MemoryLimitError: The memory is not enough.
        EmptySceneError: Nothing that could be seen came out.
        DivergedError: What came out is not finite.
    """
    return change(
        primed, ask(model, optical, primed, unit=unit, tile=tile, memory=memory, bf16=bf16, progress=progress)
    )


def ask(
    model: Model,
    optical: OpticalVolume,
    primed: Primed,
    *,
    unit: Unit = "HU",
    tile: int | None = None,
    memory: int = DEFAULT_MEMORY,
    bf16: bool | None = None,
    progress: Progress | None = None,
) -> Said:
    """The first half of ``predict``: all that the network is needed for, where its weights lie (CPU or GPU).

    Raises:
        InputError: The model expects another kind of priming.
        UnitsError: The network does not know values of this unit.
        MemoryLimitError: The memory is not enough.
    """
    bf16 = has_bf16(model.device) if bf16 is None else bf16
    shape = half_shape(optical)
    layout = model.settings.layout
    if tile is None:
        core = choose_core(shape, layout, memory, 2 if bf16 else 4)
    elif tile < 1:
        raise InputError(f"tile must be at least 1 voxel, got {tile}")
    else:
        edge = -(-tile // (layout.multiple // 2)) * (layout.multiple // 2)
        core = (edge, edge, edge)
    parts = list(tiles(shape, core, layout))
    if len(parts) > 1 and layout.norm == "instance":
        raise InputError(f"a network with instance norm sees the scan as a whole; {tile} voxels do not hold it")
    how = {
        "checkpoint": model.sha256,
        "preset": model.settings.preset,
        "light_channels": model.settings.light_channels,
        "tiles": len(parts),
        "precision": "bfloat16" if bf16 else "float32",
        "device": model.device.type,
    }
    return Said(offsets_of(model, optical, primed, parts, unit=unit, bf16=bf16, progress=progress), how)


def change(primed: Primed, said: Said) -> Prediction:
    """The second half: the primed scene as the network wants it.

    Raises:
        EmptySceneError: Nothing that could be seen came out.
        DivergedError: What came out is not finite.
    """
    with torch.no_grad():
        scene = activate(primed, said.offsets)
    broken = [name for name, tensor in scene.unmeasured().tensors().items() if not bool(tensor.isfinite().all())]
    if broken:
        raise DivergedError(f"the network makes {', '.join(broken)} that are not finite; take another checkpoint")
    keep = scene.opacities >= _MIN_OPACITY
    if not bool(keep.any()):
        raise EmptySceneError(f"all of the {len(scene):,} Gaussians came out too faint to be drawn")
    scene = replace(scene, provenance={**scene.provenance, "prediction": dict(said.how)})
    return Prediction(scene.select(keep), int((~keep).sum()), said.how["tiles"])


def offsets_of(
    model: Model,
    optical: OpticalVolume,
    primed: Primed,
    parts: list[Tile],
    *,
    unit: Unit = "HU",
    bf16: bool,
    progress: Progress | None = None,
) -> Tensor:
    """What the network says of each Gaussian, [N, 37] float32; tiles without Gaussians are passed over.

    Raises:
        InputError: The model expects another kind of priming.
        UnitsError: The network does not know values of this unit.
    """
    scale = model.scale_of(unit)
    lit = primed.features is not None
    if lit != (model.settings.light == "march"):
        raise InputError(f"this checkpoint predicts over scenes primed with --light {model.settings.light}")
    offsets = torch.zeros(len(primed.scene), N_CHANNELS)
    for done, tile in enumerate(parts, start=1):
        low, high = np.array(tile.low), np.array(tile.high)
        inside = np.flatnonzero(((primed.places >= low) & (primed.places < high)).all(axis=1))
        if len(inside):
            field = _field(model, scale, optical, primed, tile, bf16)
            i, j, k = (primed.places[inside] - np.array(tile.shown_low)).T
            offsets[torch.from_numpy(inside)] = field[:, i, j, k].T.float()
        if progress:
            progress(done, len(parts))
    return offsets


def half_shape(optical: OpticalVolume) -> Triple:
    """Voxels of the half-resolution grid."""
    i, j, k = ((n + 1) // 2 for n in optical.grid.shape)
    return i, j, k


def has_bf16(device: torch.device | None = None) -> bool:
    """Whether a device, by default this processor, multiplies bfloat16 in hardware."""
    if device is not None and device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _field(
    model: Model, scale: IntensityScale, optical: OpticalVolume, primed: Primed, tile: Tile, bf16: bool
) -> Tensor:
    """The network's result for what a tile shows, [37, ...]; computed where the network is, returned on the CPU."""
    low, shape = tile.shown_low, tile.shown_shape
    full_low, full_shape = (2 * low[0], 2 * low[1], 2 * low[2]), (2 * shape[0], 2 * shape[1], 2 * shape[2])
    scan = torch.from_numpy(encode_scan(optical, scale, full_low, full_shape))[None].to(model.device)
    light = None
    if model.settings.light_channels and primed.features is not None:
        first, last = np.array(low), np.array(tile.shown_high)
        shown = ((primed.places >= first) & (primed.places < last)).all(axis=1)
        light = torch.from_numpy(light_field(primed.places[shown] - first, primed.features[shown], shape))[None].to(
            model.device
        )
    # On a GPU the same bytes each time, in the precision that was said.
    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), exact, torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
        return model.network(scan, light)[0].cpu()  # type: ignore[no-any-return]
