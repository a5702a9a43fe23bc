"""A run folder as a zip archive: its files and their limits, and writing one."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import IO

from explorer.errors import RunError
from explorer.evaluation.file_check import LARGEST_FILE, MEBIBYTE
from explorer.files import MOST_BYTES, read_bytes, why
from explorer.runs import correct_images, decision_boundary, signals_log
from explorer.runs.cause import Cause
from explorer.runs.correct_images import CORRECT
from explorer.runs.decision_boundary import BOUNDARY
from explorer.runs.notes import NOTES
from explorer.runs.run import BEST, CHECKPOINT, CONFIG, DATASET, HISTORY, LOGS, MOST_HISTORY, SIGNALS, Run
from explorer.runs.status import ACTIVE, INTERRUPTED, RunStatus
from explorer.work_folder import STATUS

# The files of an archive with the most bytes of each. They are read in this order, the reverse of that in which a
# worker writes them: so the history of a run that is still training holds every epoch of the checkpoint and the model.
LIMITS = {
    CHECKPOINT: 4 * LARGEST_FILE,  # the weights, and up to two more numbers per weight for the optimizer
    BEST: LARGEST_FILE,
    HISTORY: MOST_HISTORY,
    SIGNALS: signals_log.MOST_BYTES,
    CORRECT: correct_images.FILE.most_bytes,
    BOUNDARY: decision_boundary.FILE.most_bytes,
    NOTES: MOST_BYTES,
    STATUS: MOST_BYTES,
    CONFIG: MOST_BYTES,
    DATASET: MOST_BYTES,
}
LINES = (HISTORY, SIGNALS, CORRECT, BOUNDARY)
# event files for TensorBoard, which has one folder per split
LOG_FOLDERS = ("train", "validation")
LOG_PREFIX, MOST_LOG_BYTES, MOST_LOGS = "events.out.tfevents.", 64 * MEBIBYTE, 100
EXPORTED_WHILE_ACTIVE = "it had not ended when it was exported"


def archive(run: Run) -> bytes:
    """The archive of a run; raises `RunError` for a run that cannot be read."""
    stream = io.BytesIO()
    write_archive(run, stream)
    return stream.getvalue()


def write_archive(run: Run, stream: IO[bytes]) -> None:
    """Writes the archive of a run as it is now, also while it is training; raises `RunError`."""
    config, status = run.config, run.status()  # raises, before anything is written, for an unreadable run
    assert config
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as zipped:
        for name, content in _contents(run):
            if name == STATUS:
                content = (json.dumps(at_rest(status).to_dict(), indent=2) + "\n").encode()
            # arrays hardly compress
            packing = zipfile.ZIP_STORED if name in (BEST, CHECKPOINT) else zipfile.ZIP_DEFLATED
            zipped.writestr(f"{run.name}/{name}", content, packing)


def at_rest(status: RunStatus) -> RunStatus:
    """The status of a run elsewhere, where no process trains it."""
    if status.status in ACTIVE:
        status = replace(status, status=INTERRUPTED, reason=EXPORTED_WHILE_ACTIVE, cause=Cause.PROCESS_ENDED, phase="")
    return replace(status, process=None, shipped=False)


def _contents(run: Run) -> Iterator[tuple[str, bytes]]:
    logs = [f"{LOGS}/{split}/{path.name}" for split in LOG_FOLDERS for path in _logs(run, split)]
    for name, most in [*LIMITS.items(), *((log, MOST_LOG_BYTES) for log in logs)]:
        try:
            content = read_bytes(run.path / name, most)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise RunError(f"{name} of {run.name} cannot be read: {why(error)}") from error
        yield name, content[: content.rfind(b"\n") + 1] if name in LINES else content


def _logs(run: Run, split: str) -> list:
    return sorted((run.path / LOGS / split).glob(f"{LOG_PREFIX}*"))[:MOST_LOGS]
