"""Path-traced pictures to learn from and to measure by: what ``tomosplat prepare`` makes."""
