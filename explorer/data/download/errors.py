"""The exceptions that end a download or one of its sources."""

from explorer.data.formats import Unusable
from explorer.errors import DataError, ExplorerError


class Cancelled(ExplorerError):
    """The user cancelled the download."""


class Broken(Unusable):
    """A connection ended early; the download can be resumed."""


class Unwritable(DataError):
    """The data folder cannot be written to, so no other source would help."""
