"""The errors that users may see, each with a message of one sentence."""


class ExplorerError(Exception):
    """An error with a message for the user; the command line ends with `exit_status`."""

    exit_status = 1


class InputError(ExplorerError):
    """Input that is not allowed or not possible."""

    exit_status = 2


class MemoryShortError(InputError):
    """A network that needs more memory than is free."""


class FieldError(InputError):
    """A value that a field does not allow, as `field: value is not allowed; it must be …`."""

    def __init__(self, field: str, value: object, allowed: str):
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field}: {quoted(value)} is not allowed; it must be {allowed}")

    def __reduce__(self) -> tuple:  # so that it can be pickled
        return FieldError, (self.field, self.value, self.allowed)


LONGEST_QUOTED = 200


def quoted(value: object) -> str:
    """The `repr` of any value, shortened; never raises."""
    try:
        text = repr(value[: 2 * LONGEST_QUOTED] if isinstance(value, str) else value)
    except ValueError:  # Python does not print numbers of more than some thousand digits
        return "a number with thousands of digits"
    except RecursionError:
        return "a value nested too deeply"
    return text if len(text) <= LONGEST_QUOTED else f"{text[:LONGEST_QUOTED]}…"


class ModelError(InputError):
    """A model file that cannot be opened, or does not fit the images."""


class DataError(ExplorerError):
    """A data set that is missing or damaged, or could not be downloaded."""


class RunError(ExplorerError):
    """A run folder that cannot be read, written or started."""


class GoneError(RunError):
    """A run folder that was removed or moved while a process was using it."""


class CheckpointError(RunError):
    """A checkpoint that is damaged or belongs to another run."""


class WorkersError(ExplorerError):
    """Workers that could not be started or reached."""
