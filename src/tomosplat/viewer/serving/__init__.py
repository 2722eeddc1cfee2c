"""The local server: scenes computed behind the page and shown as they come."""

from tomosplat.viewer.serving.server import Server, serve
from tomosplat.viewer.serving.sources import PreparedSource, ScanSource, SceneFileSource, Source

__all__ = ["PreparedSource", "ScanSource", "SceneFileSource", "Server", "Source", "serve"]
