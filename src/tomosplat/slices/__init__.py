"""Floor 6: volumes, labels and meshes from few slices; see ``docs/architecture.md``."""

from tomosplat.slices.stack import Axis, SliceStack, TrackedFrames

__all__ = ["Axis", "SliceStack", "TrackedFrames"]
