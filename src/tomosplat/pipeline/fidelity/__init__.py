"""How far a scene is from the truth."""
