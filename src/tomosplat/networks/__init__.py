"""Floor 5: plain torch modules; no rendering, no files."""

from tomosplat.networks.heads import perceptron
from tomosplat.networks.image_decoder import ImageDecoder
from tomosplat.networks.line_network import N_SEEN, LineNetwork
from tomosplat.networks.rendernet import RenderNet, RenderNetLayout
from tomosplat.networks.unet3d import PRESETS, Layout, UNet3D
from tomosplat.networks.vnet import VNET, VNET_LIGHT, VNet, VNetEncoder, VNetLayout

__all__ = [
    "N_SEEN",
    "PRESETS",
    "VNET",
    "VNET_LIGHT",
    "ImageDecoder",
    "Layout",
    "LineNetwork",
    "RenderNet",
    "RenderNetLayout",
    "UNet3D",
    "VNet",
    "VNetEncoder",
    "VNetLayout",
    "perceptron",
]
