"""Training of one configuration, epoch by epoch, independent of pages, workers and folders."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from explorer.config import TrainingConfig
from explorer.plain_text import count
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord, best_epoch, epochs_without_improvement
from explorer.runs.signals import EpochSignals
from explorer.training import schedules
from explorer.training.augmentation import draws
from explorer.training.checkpoint import Checkpoint
from explorer.training.compiled_epoch import CompiledNetwork
from explorer.training.dropout import noise_of
from explorer.training.results import Totals

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
    on_validation: Callable[[int, np.ndarray], None] = lambda epoch, correct: None,
    on_boundary: Callable[[int, np.ndarray], None] = lambda epoch, probabilities: None,
    history: Sequence[EpochRecord] = (),
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Trains until early stopping, the last epoch, divergence or a request.

    `on_epoch(record, improved, checkpoint)` is called after each epoch, while `network.network` holds the weights
    that the record describes. `on_signals(signals)` is called before the first step, and after each epoch just before
    `on_epoch`; without it no signals are measured. So is `on_boundary(epoch, probabilities)`, for points in a plane.
    `on_validation(epoch, correct)` is called after each epoch too, just before; `correct` is bool `[N]`, whether each
    validation image is classified correctly. `control()` is called between calls of the compiled program. `history`
    and `checkpoint` continue an earlier run: the history must hold exactly the epochs of the checkpoint.
    """
    records = list(history)
    network.start(config)
    if checkpoint:
        checkpoint = _restored(checkpoint, config, network, records)
    else:
        checkpoint = Checkpoint(epoch=0, settings=config.to_dict())
        _look_at_the_start(network, on_signals, on_boundary)
    while (end := ending(config, records)) is None:
        epoch = checkpoint.epoch + 1
        rates = schedules.rates(config, network.steps_per_epoch, epoch, records)
        current = _Epoch(config, network, epoch, rates, checkpoint)
        if outcome := current.train(control, on_step, measured=on_signals is not None):
            return outcome
        records.append(record := current.record(on_signals, on_validation))
        checkpoint = Checkpoint(epoch, 0, arrays=_arrays(network), settings=config.to_dict(), record=record.to_json())
        _draw_boundary(epoch, network, on_boundary)
        on_epoch(record, best_epoch(records) is record, checkpoint)
    return end


def _look_at_the_start(
    network: CompiledNetwork,
    on_signals: Callable[[EpochSignals], None] | None,
    on_boundary: Callable[[int, np.ndarray], None],
) -> None:
    if on_signals:
        on_signals(network.signals(0, None))
    _draw_boundary(0, network, on_boundary)


def _draw_boundary(epoch: int, network: CompiledNetwork, on_boundary: Callable[[int, np.ndarray], None]) -> None:
    if network.data.spec.plane:
        on_boundary(epoch, network.boundary())


def _restored(
    checkpoint: Checkpoint, config: TrainingConfig, network: CompiledNetwork, records: Sequence[EpochRecord]
) -> Checkpoint:
    """Sets the network to a checkpoint, and returns that with the settings and the last record of this run."""
    for variable, value in zip(network.variables, checkpoint.arrays, strict=True):
        variable.assign(value)
    return replace(checkpoint, settings=config.to_dict(), record=records[-1].to_json() if records else "")


def ending(config: TrainingConfig, records: Sequence[EpochRecord]) -> Outcome | None:
    """How training ends after these epochs, None if it goes on; checked before the first step of a resumed run."""
    if not records:
        return None
    last = records[-1]
    if not math.isfinite(last.val_loss):
        return Outcome(Cause.DIVERGED, f"the validation loss became {_name(last.val_loss)} in epoch {last.epoch}")
    if len(records) >= config.epochs:
        return Outcome(Cause.ALL_EPOCHS, f"trained for {count(config.epochs, 'epoch')}")
    if epochs_without_improvement(records) < config.patience:
        return None
    return Outcome(
        Cause.EARLY_STOPPING,
        f"early stopping: the validation loss has not fallen below that of epoch {best_epoch(records).epoch} "
        f"for {count(config.patience, 'epoch')}",
    )


class _Epoch:
    """One epoch, trained in calls of the compiled program from where its checkpoint stands."""

    def __init__(
        self, config: TrainingConfig, network: CompiledNetwork, epoch: int, rates: np.ndarray, begun: Checkpoint
    ):
        self._started = time.perf_counter() - begun.seconds
        self._network, self._epoch, self._rates, self._begun = network, epoch, rates, begun
        self._order = image_order(config.seed, epoch, network.data.training.size)
        self._noise = noise_of(config.seed, epoch)
        self._draws = draws(config, epoch, network.data.training.size, network.steps_per_epoch)
        self._totals = Totals(begun.loss, begun.correct, begun.penalty, begun.clipped)
        self._step, self._steps_per_call = begun.step, FIRST_CALL_STEPS
        self._before: list | None = None

    def train(
        self, control: Callable[[], str | None], on_step: Callable[[int, int], None], *, measured: bool
    ) -> Outcome | None:
        """Trains to the epoch's end and returns None, or how training ended before.

        When layer statistics are `measured`, the last step is a call of its own, so that its update can be measured.
        """
        steps = self._network.steps_per_epoch
        while self._step < steps:
            request = control()
            if request in (STOP, PAUSE):
                return self._requested(request)
            called = time.perf_counter()
            stop = min(self._step + self._steps_per_call, steps)
            if measured and self._step < steps - 1:
                stop = min(stop, steps - 1)
            elif measured:
                self._before = self._network.probe.kernels()
            self._totals = self._network.train_steps(
                self._order, self._step, stop, self._totals, self._rates, self._noise, self._draws
            )
            if not math.isfinite(self._totals.loss):
                reason = f"the training loss became {_name(self._totals.loss)} in epoch {self._epoch}"
                return Outcome(Cause.DIVERGED, f"{reason}, by step {stop:,} of {steps:,}")
            seconds = time.perf_counter() - called
            self._steps_per_call = max(1, int(SECONDS_PER_CALL * (stop - self._step) / seconds))
            self._step = stop
            on_step(self._epoch, stop)
        return None

    def _requested(self, request: str) -> Outcome:
        seconds = time.perf_counter() - self._started
        here = replace(
            self._begun, step=self._step, arrays=_arrays(self._network), seconds=seconds, **asdict(self._totals)
        )
        cause = Cause.STOPPED_BY_REQUEST if request == STOP else Cause.PAUSED_BY_REQUEST
        status = "stopped" if request == STOP else "paused"
        steps = self._network.steps_per_epoch
        return Outcome(cause, f"{status} in epoch {self._epoch}, step {self._step:,} of {steps:,}", here)

    def record(
        self,
        on_signals: Callable[[EpochSignals], None] | None,
        on_validation: Callable[[int, np.ndarray], None],
    ) -> EpochRecord:
        """Evaluates the trained epoch on the validation images, measures its layers, and returns its record."""
        validation = self._network.evaluate(self._network.data.validation)
        on_validation(self._epoch, validation.correct)
        if on_signals:
            on_signals(self._network.signals(self._epoch, self._before))
        totals, count = self._totals, self._network.data.training.size
        return EpochRecord(
            epoch=self._epoch,
            loss=totals.loss / count,
            accuracy=totals.correct / count,
            val_loss=validation.loss,
            val_accuracy=validation.accuracy,
            # a float32 holds no more digits
            learning_rate=float(f"{float(self._network.optimizer.learning_rate):.7g}"),
            seconds=time.perf_counter() - self._started,
            penalty=totals.penalty / count,
            val_penalty=validation.penalty,
            clipped=totals.clipped / self._network.steps_per_epoch,
        )


def _arrays(network: CompiledNetwork) -> list[np.ndarray]:
    # copies: `numpy()` may share the variable's memory, which the next step changes
    return [np.array(variable.numpy()) for variable in network.variables]


def _name(value: float) -> str:
    return "NaN (not a number)" if math.isnan(value) else "infinite"
