"""tomosplat: a CT, MRI or ultrasound scan as an interactive, photorealistic 3D scene."""

__version__ = "0.1.0"
