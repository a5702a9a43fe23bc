"""The few errors a user can meet: each message is one sentence that says what to do about it."""


class ExplorerError(Exception):
    """A fault with a message for the user; the command line ends with `exit_status`."""

    exit_status = 1


class InputError(ExplorerError):
    """Something the user asked for is not possible as asked."""

    exit_status = 2


class FieldError(InputError):
    """A value outside what a field allows, as `field: value is not allowed; it must be …`."""

    def __init__(self, field: str, value: object, allowed: str):
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field}: {_shown(value)} is not allowed; it must be {allowed}")

    def __reduce__(self) -> tuple:  # it crosses between processes
        return FieldError, (self.field, self.value, self.allowed)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python prints no number of more than some thousand digits
        return "a number of thousands of digits"


class ModelError(InputError):
    """A model file that is not opened, or that does not fit the images."""


class DataError(ExplorerError):
    """A data set that is missing, damaged or could not be fetched."""


class RunError(ExplorerError):
    """A run folder that cannot be read, written or started."""


class EngineError(ExplorerError):
    """The workers could not be started or reached."""
