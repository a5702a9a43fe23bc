"""Where runs are trained: the run queue, its worker processes, and the processes for tasks that must not wait."""
