"""Sweeps: a search space, a study on disk, and the driver that trains its trials over the run queue."""
