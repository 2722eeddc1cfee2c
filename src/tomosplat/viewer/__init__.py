"""Floor 7: the scene in the browser: packing, sharing, the local server; the page itself is built from ``web/``."""
