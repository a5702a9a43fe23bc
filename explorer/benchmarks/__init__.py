"""Measurements of speed and scale: an epoch, a sweep, the driver; figures and commands stand in its README."""
