"""Floor 7: the scene in the browser: packing, the local server, shared files; the page itself is built from ``web/``."""
