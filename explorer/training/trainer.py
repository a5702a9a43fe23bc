"""Training of one configuration, epoch by epoch, independent of pages, workers and folders."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.config import TrainingConfig
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord, best_epoch, epochs_without_improvement
from explorer.runs.signals import EpochSignals
from explorer.training import schedules
from explorer.training.checkpoint import Checkpoint
from explorer.training.compiled_epoch import CompiledNetwork, Totals
from explorer.training.dropout import noise_of

STOP, PAUSE = "stop", "pause"

# The target length of a call into the compiled program, so that a request takes effect within a second.
SECONDS_PER_CALL = 0.3
FIRST_CALL_STEPS = 8


@dataclass(frozen=True)
class Outcome:
    """How training ended: `cause` for programs, `reason` for people.

    `checkpoint` continues a stopped or paused run exactly.
    """

    cause: Cause
    reason: str
    checkpoint: Checkpoint | None = None


def image_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of the `count` training images in an epoch (counted from 1): int32 `[count]`."""
    return np.random.default_rng([seed, epoch]).permutation(count).astype(np.int32)


def train(
    config: TrainingConfig,
    network: CompiledNetwork,
    *,
    on_epoch: Callable[[EpochRecord, bool, Checkpoint], None],
    control: Callable[[], str | None] = lambda: None,
    on_step: Callable[[int, int], None] = lambda epoch, step: None,
    on_signals: Callable[[EpochSignals], None] | None = None,
    history: Sequence[EpochRecord] = (),
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Trains until early stopping, the last epoch, divergence or a request.

    `on_epoch(record, improved, checkpoint)` is called after each epoch, while `network.network` holds the weights
    that the record describes. `on_signals(signals)` is called before the first step, and after each epoch just before
    `on_epoch`; without it no signals are measured. `control()` is called between calls of the compiled program.
    `history` and `checkpoint` continue an earlier run: the history must hold exactly the epochs of the checkpoint.
    """
    records = list(history)
    network.start(config)
    if checkpoint is None:
        checkpoint = Checkpoint(epoch=0, settings=config.to_dict())
        if on_signals:
            on_signals(network.signals(0, None))
    else:
        for variable, value in zip(network.variables, checkpoint.arrays, strict=True):
            variable.assign(value)
        last = records[-1].to_json() if records else ""
        checkpoint = replace(checkpoint, settings=config.to_dict(), record=last)
    while (end := ending(config, records)) is None:
        epoch = checkpoint.epoch + 1
        rates = schedules.rates(config, network.steps_per_epoch, epoch, records)
        record = _train_epoch(config, network, epoch, rates, checkpoint, control, on_step, on_signals)
        if isinstance(record, Outcome):
            return record
        records.append(record)
        improved = best_epoch(records) is record
        checkpoint = Checkpoint(epoch, 0, arrays=_arrays(network), settings=config.to_dict(), record=record.to_json())
        on_epoch(record, improved, checkpoint)
    return end


def ending(config: TrainingConfig, records: Sequence[EpochRecord]) -> Outcome | None:
    """How training ends after these epochs, None if it goes on; checked before the first step of a resumed run."""
    if not records:
        return None
    last = records[-1]
    if not math.isfinite(last.val_loss):
        return Outcome(Cause.DIVERGED, f"the validation loss became {_name(last.val_loss)} in epoch {last.epoch}")
    if len(records) >= config.epochs:
        return Outcome(Cause.ALL_EPOCHS, f"all {config.epochs:,} epochs are trained")
    if epochs_without_improvement(records) < config.patience:
        return None
    return Outcome(
        Cause.EARLY_STOPPING,
        f"early stopping: the validation loss has not fallen below that of epoch {best_epoch(records).epoch} "
        f"for {config.patience:,} epochs",
    )


def _train_epoch(
    config: TrainingConfig,
    network: CompiledNetwork,
    epoch: int,
    rates: np.ndarray,
    begun: Checkpoint,
    control: Callable[[], str | None],
    on_step: Callable[[int, int], None],
    on_signals: Callable[[EpochSignals], None] | None,
) -> EpochRecord | Outcome:
    started = time.perf_counter() - begun.seconds
    order = image_order(config.seed, epoch, network.data.training.size)
    noise = noise_of(config.seed, epoch)
    step, totals = begun.step, Totals(begun.loss, begun.correct, begun.penalty)
    steps_per_call, last, before = FIRST_CALL_STEPS, network.steps_per_epoch - 1, None
    while step < network.steps_per_epoch:
        request = control()
        if request in (STOP, PAUSE):
            seconds = time.perf_counter() - started
            totalled = {"loss": totals.loss, "penalty": totals.penalty, "correct": totals.correct, "seconds": seconds}
            here = replace(begun, step=step, arrays=_arrays(network), **totalled)
            cause = Cause.STOPPED_BY_REQUEST if request == STOP else Cause.PAUSED_BY_REQUEST
            status = "stopped" if request == STOP else "paused"
            return Outcome(cause, f"{status} in epoch {epoch}, step {step:,} of {network.steps_per_epoch:,}", here)
        called = time.perf_counter()
        stop = min(step + steps_per_call, network.steps_per_epoch)
        if on_signals and step < last:
            stop = min(stop, last)
        elif on_signals:  # the last step in a call of its own, so that its update can be measured
            before = network.probe.kernels()
        totals = network.train_steps(order, step, stop, totals, rates, noise)
        if not math.isfinite(totals.loss):
            return Outcome(
                Cause.DIVERGED,
                f"the training loss became {_name(totals.loss)} in epoch {epoch}, by step {stop:,} "
                f"of {network.steps_per_epoch:,}",
            )
        steps_per_call = max(1, int(SECONDS_PER_CALL * (stop - step) / (time.perf_counter() - called)))
        step = stop
        on_step(epoch, step)
    validation = network.evaluate(network.data.validation)
    if on_signals:
        on_signals(network.signals(epoch, before))
    count = network.data.training.size
    return EpochRecord(
        epoch=epoch,
        loss=totals.loss / count,
        accuracy=totals.correct / count,
        val_loss=validation.loss,
        val_accuracy=validation.accuracy,
        learning_rate=float(f"{float(network.optimizer.learning_rate):.7g}"),  # a float32 holds no more digits
        seconds=time.perf_counter() - started,
        penalty=totals.penalty / count,
        val_penalty=validation.penalty,
    )


def _arrays(network: CompiledNetwork) -> list[np.ndarray]:
    # copies: `numpy()` may share the variable's memory, which the next step changes
    return [np.array(variable.numpy()) for variable in network.variables]


def _name(value: float) -> str:
    return "NaN (not a number)" if math.isnan(value) else "infinite"
