"""Which model, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tomosplat.dvr.renderer import Classification
from tomosplat.errors import InputError
from tomosplat.networks import VNET, VNET_LIGHT, RenderNetLayout, VNetLayout

ModelName = Literal["lookup", "mlp", "vnet4-4", "vnetl16-4", "vnetl16-17", "dvrnet", "rendernet"]
_LIGHT = ("vnetl16-4", "vnetl16-17")


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """A model of the paper (Weiss and Navab 2021, table 1) in a size.

    Attributes:
        name: Which.
        width: Channels of the finest level of a V-Net, or behind the 3D convolutions of RenderNet; None as the paper.
        levels: Resolutions of a V-Net; None as the paper.
        depth: Samples along a ray of RenderNet.
        dropout: Of a V-Net; RenderNet has half as much.
        classification: "post" maps samples, as the paper does; "pre" maps voxels and is faster. VNet4-4 is both.
        associated: Whether emission is multiplied by opacity (see ``March``).
        recompute: Gradient checkpointing: less memory, more time, the same result.

    Raises:
        InputError: A value is out of its range.
    """

    name: ModelName
    width: int | None = None
    levels: int | None = None
    depth: int = 128
    dropout: float = 0.5
    classification: Classification = "post"
    associated: bool = False
    recompute: bool = False

    def __post_init__(self) -> None:
        if self.name not in get_args(ModelName):
            raise InputError(f"there is no model {self.name!r}; choose one of {', '.join(get_args(ModelName))}")
        if self.width is not None and self.width < 1:
            raise InputError(f"width must be at least 1, got {self.width}")
        deepest = len((VNET_LIGHT if self.name in _LIGHT else VNET).features)
        if self.levels is not None and not 2 <= self.levels <= deepest:
            raise InputError(f"levels of {self.name} must lie between 2 and {deepest}, got {self.levels}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout must lie in 0..1, 1 excluded, got {self.dropout}")

    @property
    def vnet(self) -> VNetLayout:
        """Layout of a V-Net of this size."""
        layout = VNET_LIGHT if self.name in _LIGHT else VNET
        n = self.levels or len(layout.features)
        cut = VNetLayout(layout.features[:n], layout.down_blocks[: n - 1], layout.up_blocks[: n - 1], self.dropout)
        return cut if self.width is None else cut.scaled(self.width)

    @property
    def rendernet(self) -> RenderNetLayout:
        """Layout of a RenderNet of this size."""
        layout = RenderNetLayout(depth=self.depth, dropout=self.dropout / 2)
        return layout if self.width is None else layout.scaled(self.width, self.depth)
