"""Tidy frames to Altair charts: pure functions, one per chart, that share one palette."""
