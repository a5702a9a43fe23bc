"""Training of a run folder by a worker process, which records everything that happens in the folder."""

import errno
import re
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import CheckpointError, DataError, ExplorerError, GoneError, MemoryShortError, RunError
from explorer.process import Process
from explorer.runs import cost_estimate
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord
from explorer.runs.run import BEST, CHECKPOINT, LOGS, Run
from explorer.runs.status import COMPILING, COMPLETED, FAILED, LOADING, PAUSED, RUNNING, STOPPED, TRAINING
from explorer.work_folder import FULL
from explorer.workers.run_control import stop_after_pause

ERROR_LOG = "error.log"
SECONDS_BETWEEN_PROGRESS = 0.25
# How long to retry writing the end of a run, as on a full disk, before raising an error.
SECONDS_FOR_AN_END = 10.0
START_AGAIN = (
    "its history and best.keras are unchanged; **Start again** on its page, or "
    "`python -m explorer resume --from-start`, trains it from the beginning"
)

# The status of a run by the cause for which training ended.
STATUS_OF = {
    Cause.ALL_EPOCHS: COMPLETED,
    Cause.EARLY_STOPPING: COMPLETED,
    Cause.DIVERGED: FAILED,
    Cause.STOPPED_BY_REQUEST: STOPPED,
    Cause.PAUSED_BY_REQUEST: PAUSED,
}


@dataclass(frozen=True)
class Watcher:
    """Callbacks for a caller in the same process: after each epoch, and after each group of steps."""

    on_epoch: Callable[[EpochRecord], None] = lambda record: None
    on_step: Callable[[int, int, int], None] = lambda epoch, step, steps: None


_cache = None


def programs():
    """The compiled networks and loaded data of this process; imports TensorFlow at the first call."""
    global _cache
    if _cache is None:
        from explorer.training.program_cache import ProgramCache

        _cache = ProgramCache()
    return _cache


def warm(config: TrainingConfig) -> bool:
    """Loads the data and compiles the network of a configuration, so that a run of it starts at once.

    Returns whether it had to be compiled.
    """
    cost_estimate.check_memory(config, psutil.virtual_memory().available)
    _, there = programs().network(config, datasets.load(config.dataset, config.validation_split))
    return not there


def execute(run: Run, watcher: Watcher | None = None) -> str:
    """Trains a run, from its checkpoint if there is one, and returns its final status.

    A completed run is left unchanged. After an error the run is `failed` with a reason, and the traceback is in
    `error.log`. Raises `InputError` if another process holds the run, `GoneError` if its folder was removed meanwhile,
    `RunError` if its end cannot be written.
    """
    with run.locked():
        if run.status().status == COMPLETED:
            return COMPLETED
        try:
            return _train(run, watcher or Watcher())
        except GoneError:
            raise
        except CheckpointError as error:
            return _end(run, FAILED, f"{error}; {START_AGAIN}", Cause.CHECKPOINT_UNUSABLE)
        except ExplorerError as error:
            return _end(run, FAILED, str(error), _cause(error))
        except Exception as error:  # the only catch-all: any error is recorded in the run's folder
            run.check_there()
            with suppress(OSError):  # on a full disk the reason matters more
                (run.path / ERROR_LOG).write_text(traceback.format_exc())
            return _end(run, FAILED, _sentence(error), _cause(error))


def _end(run: Run, status: str, reason: str, cause: Cause) -> str:
    """Writes how a run ended, retrying while that fails; raises `RunError` when it gives up."""
    wait, end = 0.1, time.monotonic() + SECONDS_FOR_AN_END
    while True:
        try:
            return run.end(status, reason, cause).status
        except OSError as error:
            run.check_there()
            if time.monotonic() > end:
                why = error.strerror or error
                raise RunError(f"run: {run.name} ended ({reason}), but this could not be recorded ({why})") from error
        time.sleep(wait)
        wait = min(2 * wait, 2.0)


def _train(run: Run, watcher: Watcher) -> str:
    if run.requested() == "stop":
        run.clear_request()
        return _end(run, STOPPED, "stopped before it started", Cause.STOPPED_BY_REQUEST)
    config = run.config
    _begin(run)
    cost_estimate.check_memory(config, psutil.virtual_memory().available)
    dataset = datasets.load(config.dataset, config.validation_split)
    cache = programs()
    from explorer.training.checkpoint import Checkpoint
    from explorer.training.trainer import train

    run.update(phase=COMPILING)
    checkpoint = Checkpoint.load(run.path / CHECKPOINT) if (run.path / CHECKPOINT).exists() else None
    network, cached = cache.network(config, dataset)
    history = _kept_history(run, network, checkpoint)
    run.update(
        phase=TRAINING,
        steps=network.steps_per_epoch,
        compiled=network.compiled,
        compile_seconds=0.0 if cached else network.compile_seconds,
        parameters=cost_estimate.parameters(config),
    )
    writer = _Writer(run, network, watcher, history)
    outcome = train(
        config,
        network,
        on_epoch=writer.epoch,
        on_step=writer.step,
        on_signals=run.append_signals,
        on_validation=run.append_correct,
        on_boundary=run.append_boundary,
        control=run.requested,
        history=history,
        checkpoint=checkpoint,
    )
    writer.close()
    return _write_outcome(run, outcome)


def _begin(run: Run) -> None:
    here = Process.current()
    run.update(
        status=RUNNING,
        reason="",
        cause=None,
        started=time.time(),
        ended=None,
        process=here,
        host=here.host,
        phase=LOADING,
        epoch=0,
        step=0,
    )


def _kept_history(run: Run, network, checkpoint) -> list[EpochRecord]:
    """Truncates the run's folder to a checkpoint, or to nothing without one, and returns its history."""
    if checkpoint is None:
        history = run.keep_epochs(0, fresh=True)
        (run.path / BEST).unlink(missing_ok=True)  # of an earlier start, whose epochs were just removed
        return history
    # before the history is truncated to it
    checkpoint.check(run.name, run.config, run.history(), [tuple(v.shape) for v in network.variables])
    return run.keep_epochs(checkpoint.epoch)


def _write_outcome(run: Run, outcome) -> str:
    run.check_there()
    if outcome.checkpoint:
        outcome.checkpoint.save(run.path / CHECKPOINT)
    else:  # completed or diverged: there is nothing to continue
        (run.path / CHECKPOINT).unlink(missing_ok=True)
    request = run.take_request()
    reason = outcome.reason
    if outcome.cause == Cause.DIVERGED:
        reason = f"diverged: {reason}; a lower learning rate or scaled inputs may help"
    _end(run, STATUS_OF[outcome.cause], reason, outcome.cause)
    return stop_after_pause(run, request)


@contextmanager
def _event_files() -> Iterator[None]:
    """Raises TensorFlow's error for a file that cannot be written as the `OSError` behind it."""
    from explorer.training.frameworks import tf

    try:
        yield
    except tf.errors.OpError as error:
        line = re.sub(r"^{{.*?}} | \[Op:.*$", "", (error.message or type(error).__name__).splitlines()[0])
        full = isinstance(error, (tf.errors.ResourceExhaustedError, tf.errors.OutOfRangeError))  # its ENOSPC, its EFBIG
        raise OSError(errno.ENOSPC if full else errno.EIO, line.rpartition("; ")[2]) from error


class _Writer:
    """Writes each epoch into the run folder before anyone is notified."""

    @_event_files()
    def __init__(self, run: Run, network, watcher: Watcher, history: list[EpochRecord]):
        from explorer.training.frameworks import tf
        from explorer.training.model_file import save_network

        self._run, self._network, self._watcher = run, network, watcher
        self._save = save_network
        self._reported = 0.0
        self._summary = tf.summary
        # rewritten from the history: a killed process may have missed an epoch, or written one that was not kept
        shutil.rmtree(run.path / LOGS, ignore_errors=True)
        self._boards = {
            split: tf.summary.create_file_writer(str(run.path / LOGS / split)) for split in ("train", "validation")
        }
        for record in history:
            self._board(record)

    def epoch(self, record: EpochRecord, improved: bool, checkpoint) -> None:
        """History first, then the model, then the checkpoint: a kill in between loses only this epoch."""
        self._run.append(record)
        if improved:
            self._save(self._network.network, self._run.path / BEST, record)
        checkpoint.save(self._run.path / CHECKPOINT)
        self._board(record)
        self._run.check_there()
        self._watcher.on_epoch(record)

    def step(self, epoch: int, step: int) -> None:
        """Writes the progress within an epoch, a few times per second."""
        steps = self._network.steps_per_epoch
        self._watcher.on_step(epoch, step, steps)
        now = time.monotonic()
        if now - self._reported > SECONDS_BETWEEN_PROGRESS:
            self._reported = now
            self._run.update(epoch=epoch, step=step)

    @_event_files()
    def _board(self, record: EpochRecord) -> None:
        scalars = {
            "train": {
                "loss": record.loss,
                "accuracy": record.accuracy,
                "learning_rate": record.learning_rate,
            },
            "validation": {"loss": record.val_loss, "accuracy": record.val_accuracy},
        }
        if self._run.config.l2:
            scalars["train"]["penalty"], scalars["validation"]["penalty"] = record.penalty, record.val_penalty
        if self._run.config.clip_norm:
            scalars["train"]["clipped"] = record.clipped
        for split, values in scalars.items():
            with self._boards[split].as_default():
                for name, value in values.items():
                    self._summary.scalar(f"epoch_{name}", value, step=record.epoch - 1)
                self._boards[split].flush()

    @_event_files()
    def close(self) -> None:
        """Closes the TensorBoard files."""
        for board in self._boards.values():
            board.close()


def _cause(error: Exception) -> Cause:
    if isinstance(error, OSError):
        return Cause.DISK_FULL if error.errno in FULL else Cause.FOLDER_UNUSABLE
    if isinstance(error, MemoryShortError) or _is_out_of_memory(error):
        return Cause.OUT_OF_MEMORY
    if isinstance(error, DataError):
        return Cause.DATA_UNAVAILABLE
    return Cause.FOLDER_UNUSABLE if isinstance(error, RunError) else Cause.FAULT


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"the run folder cannot be written: {error.strerror or error}"
    if _is_out_of_memory(error):
        return "this machine ran out of memory; lower depth, width or batch size"
    text = (str(error) or "no message").splitlines()[0]
    return f"{type(error).__name__}: {text[:300]}"
