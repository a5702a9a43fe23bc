"""Data sets that people add: the registry on disk, and what reads, checks and divides their files."""
