"""Floor 6: how the feed-forward network learns; from scenes fitted to pictures first, then from pictures."""
