"""Floor 7: methods beside the truth: lists of scans in, tables out.

Lists of jobs, each made from those before and each done only once: path-traced pictures of every look, the scene that
every method makes of it, the scores of every scene.
"""
