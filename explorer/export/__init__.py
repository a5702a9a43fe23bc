"""Exports of a run: a Keras script, a notebook, a report and an archive that can be imported again."""
