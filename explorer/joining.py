"""Joins a running Dask scheduler with worker processes of this machine, until told to leave."""
