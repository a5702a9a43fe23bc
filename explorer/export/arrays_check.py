"""Checks of the model and the checkpoint of an imported run."""

import zipfile

from explorer.config import TrainingConfig
from explorer.errors import CheckpointError
from explorer.evaluation.file_check import check_file
from explorer.runs.run import BEST, CHECKPOINT, Run
from explorer.training.checkpoint import Checkpoint

MOST_ARRAYS = 10_000  # an earlier version stored every array under its number


def check_arrays(run: Run, config: TrainingConfig) -> None:
    """Raises `ModelError` or `CheckpointError` unless the run's model and checkpoint are what they should be."""
    if (run.path / BEST).exists():
        check_file(run.path / BEST, BEST)
    if (run.path / CHECKPOINT).exists():
        _check_packing(run)
        checkpoint = Checkpoint.load(run.path / CHECKPOINT)
        shapes = [array.shape for array in checkpoint.arrays]  # those of the network are compared when it is resumed
        checkpoint.check(run.name, config, run.history(), shapes)


def _check_packing(run: Run) -> None:
    """Raises `CheckpointError` for a checkpoint that is compressed, as no checkpoint is: it could hold any size."""
    try:
        with zipfile.ZipFile(run.path / CHECKPOINT) as zipped:
            entries = zipped.infolist()
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"the checkpoint of {run.name} is damaged (it is not a complete zip file)") from error
    unpacked = sum(entry.file_size for entry in entries)
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if len(entries) > MOST_ARRAYS or not stored or unpacked > (run.path / CHECKPOINT).stat().st_size:
        raise CheckpointError(f"the checkpoint of {run.name} is packed in a way that no checkpoint is")
