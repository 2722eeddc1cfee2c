"""Floor 5: plain torch modules; no rendering, no files."""

from tomosplat.networks.line_network import N_SEEN, LineNetwork
from tomosplat.networks.unet3d import PRESETS, Layout, UNet3D

__all__ = ["N_SEEN", "PRESETS", "Layout", "LineNetwork", "UNet3D"]
