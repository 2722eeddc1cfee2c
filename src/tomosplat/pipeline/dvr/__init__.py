"""Learned volume rendering, from files to files."""
