"""Floor 6: how the feed-forward network learns; from baked light first, then from pictures."""
