"""The view of one run: its curves, findings, internals and twin."""
