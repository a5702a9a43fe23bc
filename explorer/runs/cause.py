"""Why a run ended, as data: one member for each way, written by whoever ends a run and read by all logic.

The sentence beside it, `RunStatus.reason`, is for people only: no code compares or parses it. The one exception is
`inferred`, for run folders from before causes were written.
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
    """Its worker process was ended at the memory limit."""
    END_NOT_WRITTEN = "end_not_written"
    """It ended in a way that could not be written down, as on a full disk."""
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    FOLDER_UNUSABLE = "folder_unusable"
    """A file in its folder could not be read or written."""
    CHECKPOINT_UNUSABLE = "checkpoint_unusable"
    DATA_UNAVAILABLE = "data_unavailable"
    FAULT = "fault"
    """An error of another kind."""
    UNKNOWN = "unknown"
    """A folder without a cause whose sentence is not known."""


# What runs said before causes were written, by their status; the first pattern that matches counts.
_SENTENCES = {
    "completed": (
        (r"early stopping", Cause.EARLY_STOPPING),
        (r"all [\d,]+ epochs are trained", Cause.ALL_EPOCHS),
    ),
    "stopped": (
        (r"pruned by", Cause.PRUNED),
        (r"", Cause.STOPPED_BY_REQUEST),
    ),
    "paused": (
        (r"the sweep was stopped", Cause.SWEEP_STOPPED),
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
        (r"its process could not write down|run: .* cannot be written down", Cause.END_NOT_WRITTEN),
        (r"its (worker )?process (ended|died)", Cause.PROCESS_ENDED),
    ),
}


def inferred(status: str, reason: str) -> Cause | None:
    """The cause of a run whose folder names none, from its sentence; None for one that is still active."""
    if status not in _SENTENCES:
        return None
    return next((cause for pattern, cause in _SENTENCES[status] if re.match(pattern, reason)), Cause.UNKNOWN)
