"""The few errors a user can meet: each message is one sentence that says what to do about it."""


class ExplorerError(Exception):
    """A fault with a message for the user; the command line ends with `exit_status`."""

    exit_status = 1


class InputError(ExplorerError):
    """Something the user asked for is not possible as asked."""

    exit_status = 2


class MemoryShortError(InputError):
    """A network that needs more memory than is free."""


class FieldError(InputError):
    """A value outside what a field allows, as `field: value is not allowed; it must be …`."""

    def __init__(self, field: str, value: object, allowed: str):
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field}: {shown(value)} is not allowed; it must be {allowed}")

    def __reduce__(self) -> tuple:  # it crosses between processes
        return FieldError, (self.field, self.value, self.allowed)


LONGEST_SHOWN = 200


def shown(value: object) -> str:
    """A value as Python writes it, shortened; never an exception, whatever it is."""
    try:
        text = repr(value[: 2 * LONGEST_SHOWN] if isinstance(value, str) else value)
    except ValueError:  # Python prints no number of more than some thousand digits
        return "a number of thousands of digits"
    except RecursionError:
        return "something nested too deeply"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


class ModelError(InputError):
    """A model file that is not opened, or that does not fit the images."""


class DataError(ExplorerError):
    """A data set that is missing, damaged or could not be fetched."""


class RunError(ExplorerError):
    """A run folder that cannot be read, written or started."""


class GoneError(RunError):
    """A run folder that was removed or moved while a process worked in it."""


class CheckpointError(RunError):
    """A checkpoint that is damaged, or not of the run in whose folder it lies."""


class WorkersError(ExplorerError):
    """The workers could not be started or reached."""
