"""Workers on other machines that share no storage with the run queue."""
