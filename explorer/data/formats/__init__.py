"""Readers of the formats in which data sets are published; they trust no byte and raise `Unusable`."""


class Unusable(Exception):
    """A source that cannot provide the data; the message is the reason shown to the user."""
