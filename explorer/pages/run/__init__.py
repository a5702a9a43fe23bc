"""What is shown of one run: its curves, findings, internals and twin."""
