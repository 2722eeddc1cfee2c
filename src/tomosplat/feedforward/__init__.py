"""Floor 5: scan to scene in one pass of a network (Render-FM): input, head, tiled prediction, checkpoints."""
