"""Workers on other machines, which share no storage with the run queue."""
