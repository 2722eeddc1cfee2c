"""Blobs: what the page reads (docs/viewer-format.md)."""

from tomosplat.viewer.packing.blob import Blob
from tomosplat.viewer.packing.gaussians import pack_gaussians, unpack_gaussians
from tomosplat.viewer.packing.volume import pack_volume, unpack_volume

__all__ = ["Blob", "pack_gaussians", "pack_volume", "unpack_gaussians", "unpack_volume"]
