"""Altair charts from tidy frames: pure functions, one per chart, with one shared palette."""
