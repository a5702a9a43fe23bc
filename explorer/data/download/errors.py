"""The exceptions that end a download or one of its sources."""

from explorer.errors import DataError, ExplorerError


class Cancelled(ExplorerError):
    """The user cancelled the download."""


class Unusable(Exception):
    """This source cannot provide the data; the message is the reason shown to the user."""


class Broken(Unusable):
    """A connection ended early; the download can be resumed."""


class Unwritable(DataError):
    """The data folder cannot be written to, so no other source would help."""
