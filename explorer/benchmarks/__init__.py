"""Benchmarks of an epoch, of a sweep and of the driver; README.md holds the results and commands."""
