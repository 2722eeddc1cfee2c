"""Floor 6: volume rendering learned from pictures (Weiss and Navab 2021, "Deep Direct Volume Rendering")."""
