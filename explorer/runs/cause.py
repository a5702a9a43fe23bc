"""The causes for which a run ends, as an enumeration, written by the process that ends a run and read by all logic.

The sentence beside it, `RunStatus.reason`, is for people only: no code compares or parses it. The only exception is
`inferred`, for run folders of versions that wrote no causes.
"""

import re
from enum import StrEnum


class Cause(StrEnum):
    """Why a run is no longer active."""

    ALL_EPOCHS = "all_epochs"
    EARLY_STOPPING = "early_stopping"
    DIVERGED = "diverged"
    STOPPED_BY_REQUEST = "stopped_by_request"
    PAUSED_BY_REQUEST = "paused_by_request"
    PRUNED = "pruned"
    SWEEP_STOPPED = "sweep_stopped"
    """Paused by its sweep, which continues it when it is resumed."""
    PROCESS_ENDED = "process_ended"
    MEMORY_LIMIT = "memory_limit"
    """Its worker process exceeded the memory limit and was ended."""
    TIME_LIMIT = "time_limit"
    """It has trained as long as the server allows."""
    END_NOT_WRITTEN = "end_not_written"
    """Its end could not be written, as on a full disk."""
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    FOLDER_UNUSABLE = "folder_unusable"
    """A file in its folder could not be read or written."""
    CHECKPOINT_UNUSABLE = "checkpoint_unusable"
    DATA_UNAVAILABLE = "data_unavailable"
    FAULT = "fault"
    """An error of another kind."""
    UNKNOWN = "unknown"
    """A folder without a cause whose reason is not recognised."""


# What can be put right outside the run, by freeing space or downloading data: its settings are not at fault.
OUTSIDE = (Cause.DISK_FULL, Cause.FOLDER_UNUSABLE, Cause.OUT_OF_MEMORY, Cause.DATA_UNAVAILABLE)

# the reasons that versions without causes wrote, by status; the first pattern that matches counts
_SENTENCES = {
    "completed": (
        (r"early stopping", Cause.EARLY_STOPPING),
        (r"all [\d,]+ epochs are trained|trained for [\d,]+ epochs?", Cause.ALL_EPOCHS),
    ),
    "stopped": (
        (r"pruned by", Cause.PRUNED),
        (r"", Cause.STOPPED_BY_REQUEST),
    ),
    "paused": (
        (r"the (sweep|study) was stopped", Cause.SWEEP_STOPPED),
        (r"", Cause.PAUSED_BY_REQUEST),
    ),
    "failed": (
        (r"diverged", Cause.DIVERGED),
        (r"the checkpoint of |.* has a checkpoint of epoch ", Cause.CHECKPOINT_UNUSABLE),
        (
            r"the run folder cannot be written: .*(No space left on device|Disk quota exceeded|File too large)",
            Cause.DISK_FULL,
        ),
        (r"the run folder cannot be written|.* of .* cannot be (read|written|removed)", Cause.FOLDER_UNUSABLE),
        (r"this machine ran out of memory|depth and width: .* of memory", Cause.OUT_OF_MEMORY),
        (
            r".*( is not on this machine yet| was damaged \(.* is not used|scikit-learn is not installed)",
            Cause.DATA_UNAVAILABLE,
        ),
        (r".", Cause.FAULT),
    ),
    "interrupted": (
        (r"its worker was ended at the memory limit", Cause.MEMORY_LIMIT),
        (r"its process could not (write down|record)", Cause.END_NOT_WRITTEN),
        (r"run: .* (cannot be written down|could not be recorded)", Cause.END_NOT_WRITTEN),
        (r"its (worker )?process (ended|died)", Cause.PROCESS_ENDED),
    ),
}


def inferred(status: str, reason: str) -> Cause | None:
    """The cause of a run whose folder has none, inferred from its reason; None for an active run."""
    if status not in _SENTENCES:
        return None
    return next((cause for pattern, cause in _SENTENCES[status] if re.match(pattern, reason)), Cause.UNKNOWN)
