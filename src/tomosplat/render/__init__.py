"""Floor 4: 6D Gaussians to images. Public functions choose a backend; ``reference`` is the truth, ``cpu`` is fast."""

from tomosplat.render.rasterization import RenderOutput, rasterize

__all__ = ["RenderOutput", "rasterize"]
