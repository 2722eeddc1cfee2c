"""tomosplat: a CT, MRI or ultrasound scan as an interactive, photorealistic 3D scene.

The public surface is what ``__init__.pyi`` lists. Each name is loaded when it is first used: importing tomosplat loads
nothing heavy.
"""

import lazy_loader

from tomosplat import kernel_cache

__version__ = "0.1.0"

kernel_cache.choose_folder()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
