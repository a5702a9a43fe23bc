"""The Fault gallery page."""
