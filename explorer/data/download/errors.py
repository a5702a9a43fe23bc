"""Why a fetch, or one of its sources, does not go on."""

from explorer.errors import DataError, ExplorerError


class Cancelled(ExplorerError):
    """The user stopped a fetch."""


class Unusable(Exception):
    """This source cannot give the data; its message is the reason shown to the user."""


class Broken(Unusable):
    """A connection ended early; what has arrived can be resumed."""


class Unwritable(DataError):
    """Our own folder takes no more: no other source would help."""
