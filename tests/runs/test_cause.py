"""Causes in run folders: written, read, and inferred from the sentences of earlier versions."""

import json

import pytest

from explorer.config import TrainingConfig
from explorer.errors import InputError
from explorer.runs.cause import Cause, inferred
from explorer.runs.status import ACTIVE, FAILED, INTERRUPTED, QUEUED, STATUSES, STOPPED, RunStatus
from explorer.runs.store import RunStore
from explorer.work_folder import STATUS
from explorer.workers.run_control import queue_again

DIGITS = TrainingConfig(dataset="digits")

# Every sentence that a version without causes has written, as it stands in its folders.
OLD = [
    (
        "completed",
        "early stopping: the validation loss has not fallen below that of epoch 38 for 20 epochs",
        Cause.EARLY_STOPPING,
    ),
    ("completed", "all 1,000 epochs are trained", Cause.ALL_EPOCHS),
    ("completed", "all 1 epochs are trained", Cause.ALL_EPOCHS),
    ("completed", "trained for 1 epoch", Cause.ALL_EPOCHS),
    ("completed", "trained for 1,000 epochs", Cause.ALL_EPOCHS),
    ("completed", "", Cause.UNKNOWN),
    ("stopped", "stopped in epoch 2, step 1,000 of 1,250", Cause.STOPPED_BY_REQUEST),
    ("stopped", "stopped before it started", Cause.STOPPED_BY_REQUEST),
    ("stopped", "stopped while it waited", Cause.STOPPED_BY_REQUEST),
    ("stopped", "stopped while queued", Cause.STOPPED_BY_REQUEST),
    ("stopped", "stopped while it was paused", Cause.STOPPED_BY_REQUEST),
    ("stopped", "stopped while it was queued", Cause.STOPPED_BY_REQUEST),
    ("stopped", "pruned by median: worse than the median of the other trials after epoch 1", Cause.PRUNED),
    ("stopped", "pruned by hyperband: not among the best third of its bracket after epoch 9", Cause.PRUNED),
    ("paused", "paused in epoch 2, step 8 of 45", Cause.PAUSED_BY_REQUEST),
    ("paused", "the sweep was stopped; it goes on here when the sweep is resumed", Cause.SWEEP_STOPPED),
    (
        "failed",
        "diverged: the training loss became NaN (not a number) in epoch 1, by step 8 of 45; a lower learning rate or "
        "scaled inputs may help",
        Cause.DIVERGED,
    ),
    ("failed", "diverged: the validation loss became infinite in epoch 2; a lower learning rate", Cause.DIVERGED),
    ("failed", "the checkpoint of r is damaged (File is not a zip file); its history", Cause.CHECKPOINT_UNUSABLE),
    ("failed", "the checkpoint of r is of another run: its width is 20, not 21; its", Cause.CHECKPOINT_UNUSABLE),
    ("failed", "the checkpoint of r belongs to another run: its width is 20, not 21; its", Cause.CHECKPOINT_UNUSABLE),
    ("failed", "r has a checkpoint of epoch 1 but a history of 0 epochs; its", Cause.CHECKPOINT_UNUSABLE),
    ("failed", "the run folder cannot be written: No space left on device", Cause.DISK_FULL),
    ("failed", "the run folder cannot be written: Disk quota exceeded", Cause.DISK_FULL),
    ("failed", "the run folder cannot be written: File too large", Cause.DISK_FULL),
    ("failed", "the run folder cannot be written: Permission denied", Cause.FOLDER_UNUSABLE),
    ("failed", "history.jsonl of r cannot be read: line 1: it is nested too deeply", Cause.FOLDER_UNUSABLE),
    ("failed", "request of r cannot be removed (Permission denied)", Cause.FOLDER_UNUSABLE),
    ("failed", "this machine ran out of memory; lower depth, width or batch size", Cause.OUT_OF_MEMORY),
    (
        "failed",
        "depth and width: 100 layers of 9,000 units need about 97.2 GB of memory and 8.1 GB are free; choose fewer "
        "layers or units",
        Cause.OUT_OF_MEMORY,
    ),
    (
        "failed",
        "CIFAR-10 is not on this machine yet; `python -m explorer data cifar10` fetches it",
        Cause.DATA_UNAVAILABLE,
    ),
    (
        "failed",
        "/data/cifar10.npz was damaged (its checksum is another) and is not used; fetch it again",
        Cause.DATA_UNAVAILABLE,
    ),
    ("failed", "scikit-learn is not installed; `pip install -r requirements.txt` brings it", Cause.DATA_UNAVAILABLE),
    ("failed", "ValueError: something", Cause.FAULT),
    ("failed", "", Cause.UNKNOWN),
    ("interrupted", "its process ended before the run did", Cause.PROCESS_ENDED),
    ("interrupted", "its worker process died (killed, or out of memory)", Cause.PROCESS_ENDED),
    ("interrupted", "its process could not write down how it ended", Cause.END_NOT_WRITTEN),
    ("interrupted", "its process could not record how it ended", Cause.END_NOT_WRITTEN),
    ("paused", "the study was stopped; this trial continues when the study is resumed", Cause.SWEEP_STOPPED),
    (
        "interrupted",
        "run: r ended (all 2 epochs are trained), which cannot be written down (No space left on device)",
        Cause.END_NOT_WRITTEN,
    ),
    ("interrupted", "its worker was ended at the memory limit, with 1.3 GB in use", Cause.MEMORY_LIMIT),
    ("interrupted", "", Cause.UNKNOWN),
]


@pytest.mark.parametrize(("status", "reason", "cause"), OLD)
def test_a_folder_without_a_cause_has_that_of_its_sentence(store, status, reason, cause):
    run = store.create(DIGITS)
    run.end(status, reason)
    without(run)
    assert run.status() == RunStatus.from_dict(json.loads((run.path / STATUS).read_text()))
    assert (run.status().cause, run.status().reason) == (cause, reason)
    [listed] = RunStore(store.folder).list()
    assert (listed.state, listed.status.cause) == (status, cause)


def without(run) -> None:
    """Makes a status what earlier versions wrote."""
    status = json.loads((run.path / STATUS).read_text())
    del status["cause"]
    (run.path / STATUS).write_text(json.dumps(status))


def test_every_cause_that_an_old_folder_can_have_is_inferred_from_some_sentence():
    newer = {Cause.TIME_LIMIT}  # of versions that write causes
    assert {cause for _, _, cause in OLD} == set(Cause) - newer


@pytest.mark.parametrize("status", STATUSES)
def test_whatever_has_ended_has_a_cause_and_nothing_else(status):
    assert (inferred(status, "a sentence of nobody") is None) == (status in ACTIVE)


def test_a_cause_that_is_written_counts_whatever_the_sentence_says(store):
    run = store.create(DIGITS)
    assert run.status().cause is None
    run.end(FAILED, "diverged: early stopping, pruned by hand", Cause.DATA_UNAVAILABLE)
    assert json.loads((run.path / STATUS).read_text())["cause"] == "data_unavailable"
    assert run.status().cause is Cause.DATA_UNAVAILABLE
    assert RunStatus.from_dict(run.status().to_dict()) == run.status()


def test_a_run_that_is_queued_again_has_no_cause(store):
    for status in (STOPPED, INTERRUPTED):
        run = store.create(DIGITS)
        run.end(status, "")
        queue_again(run)
        assert (run.status().status, run.status().cause) == (QUEUED, None)


# what a person can put right and then go on; any other failure would come again
PUT_RIGHT = {Cause.DISK_FULL, Cause.FOLDER_UNUSABLE, Cause.OUT_OF_MEMORY, Cause.DATA_UNAVAILABLE}


@pytest.mark.parametrize("cause", Cause)
def test_a_run_that_failed_can_be_resumed_with_a_checkpoint_or_for_a_cause_outside_it(cause):
    failed = RunStatus(FAILED, "a reason", cause)
    assert failed.can_resume(has_checkpoint=True)
    assert failed.can_resume(has_checkpoint=False) is (cause in PUT_RIGHT)


def test_a_run_whose_data_were_gone_is_resumed_from_its_start(store):
    run = store.create(TrainingConfig(dataset="digits"))
    run.end(FAILED, "its data are not on this machine", Cause.DATA_UNAVAILABLE)
    queue_again(run)
    assert run.status().status == QUEUED
    run.end(FAILED, "a layer has no such name", Cause.FAULT)
    with pytest.raises(InputError, match="for lack of disk space, memory or data, can be resumed"):
        queue_again(run)
