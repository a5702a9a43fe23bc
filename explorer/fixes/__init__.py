"""Fixes that are proven: which ones a run's findings suggest, their runs, and their effect on the same images."""
