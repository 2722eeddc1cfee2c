"""Floor 5: plain torch modules; no rendering, no files."""

from tomosplat.networks.unet3d import PRESETS, Layout, UNet3D

__all__ = ["PRESETS", "Layout", "UNet3D"]
