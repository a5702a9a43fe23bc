"""The run queue, its worker processes, and task processes for work that must not wait for training."""
