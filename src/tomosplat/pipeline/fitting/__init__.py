"""Scenes fitted to pictures, given or traced."""
