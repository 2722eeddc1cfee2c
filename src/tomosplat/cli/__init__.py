"""Floor 8: one small dataclass per verb; no logic."""
