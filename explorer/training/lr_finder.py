"""The learning-rate finder: the rate grows at every step until the loss diverges, and lower rates are tried.

The curve is that of Smith, Cyclical learning rates for training neural networks (2017). It says which rates are too
high, but not which of the others is best: that depends on the depth, the scale of the inputs and the length of
training. So several rates are tried for a short time each, from the same initial weights, and the one that reaches the
lowest loss is suggested. Reading the curve and the trials does not need TensorFlow.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.plain_text import decimal

if TYPE_CHECKING:
    from explorer.config import TrainingConfig
    from explorer.training.compiled_epoch import CompiledNetwork

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 420  # sixty steps per power of ten
EXPLODED = 4.0  # times the lowest smoothed loss
SMOOTHING = 0.95
# Of the smoothed loss: how many noisy first values are ignored, and the relative fall that counts as learning.
SETTLING, FALL = 10, 0.02
# The rates that are tried, as shares of the one with the lowest loss. Each is trained for that many steps, but for at
# most that many epochs, from that many sets of initial weights.
SHARES = tuple(10 ** (-number / 2) for number in range(7))
TRIAL_STEPS, TRIAL_EPOCHS, RESTARTS, COUNTED = 250, 2, 2, 0.4
# The best ones are trained longer by this factor, because a rate that is too high often fails only after some epochs.
FINALISTS, LONGER = 3, 4
# Of the losses of two trials: below this relative difference, the lower rate is preferred.
CLOSE = 0.02


@dataclass(frozen=True)
class Point:
    """One step: its learning rate, the loss of its batch before the update, and the smoothed loss so far."""

    rate: float
    loss: float
    smoothed: float


@dataclass(frozen=True)
class Trial:
    """A learning rate that was tried; `loss` is the highest of its restarts, infinite if one diverged."""

    rate: float
    loss: float


@dataclass(frozen=True)
class Suggestion:
    """The learning rate that a curve and trials suggest, None if the loss never fell.

    `turn` is the rate of the curve's lowest loss; `explanation` has a sentence or two. `trials` are the rates that were
    tried, and `finalists` the best of them, trained longer.
    """

    rate: float | None
    turn: float | None
    explanation: str
    trials: tuple[Trial, ...] = ()
    finalists: tuple[Trial, ...] = ()


def growing_rates() -> np.ndarray:
    """The learning rates of all steps, growing geometrically."""
    return np.geomspace(LOWEST, HIGHEST, STEPS)


def smooth(losses: Sequence[float]) -> np.ndarray:
    """The exponential moving average of the losses, with bias correction as in Adam."""
    average, smoothed = 0.0, []
    for number, loss in enumerate(losses, 1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed.append(average / (1 - SMOOTHING**number))
    return np.array(smoothed)


def exploded(smoothed: Sequence[float]) -> bool:
    """Whether the last smoothed loss is NaN or infinite, or more than `EXPLODED` times the lowest one."""
    best = min(smoothed[SETTLING:], default=math.inf)
    return not math.isfinite(smoothed[-1]) or smoothed[-1] > EXPLODED * best


def turning_point(rates: Sequence[float], losses: Sequence[float]) -> tuple[float | None, str]:
    """The rate at which the smoothed loss of the curve is lowest, and a sentence; None if the loss never fell."""
    finite = next((n for n, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
    smoothed = smooth(losses[:finite])[SETTLING:]
    if len(smoothed) < SETTLING:
        return None, "The loss became NaN or infinite almost immediately, so no learning rate can be suggested."
    lowest = int(np.argmin(smoothed))
    before = float(np.max(smoothed[: lowest + 1]))
    if smoothed[lowest] > (1 - FALL) * before:
        return None, "The loss did not fall at any learning rate: something else keeps the network from learning."
    turn = float(rates[SETTLING + lowest])
    after = "and was still falling there" if lowest == len(smoothed) - 1 else "and then rose again"
    return turn, f"As the rate grew, the loss was lowest at {turn:.2g} {after}."


def candidates(turn: float) -> tuple[float, ...]:
    """The learning rates to try below that of the lowest loss, each rounded to one digit, the highest first."""
    return tuple(dict.fromkeys(float(f"{turn * share:.1g}") for share in SHARES))


def best_trials(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that are trained longer: those with the lowest losses, by rate."""
    finite = [trial for trial in trials if math.isfinite(trial.loss)]
    return sorted(sorted(finite, key=lambda trial: trial.loss)[:FINALISTS], key=lambda trial: -trial.rate)


def suggest(turn: float | None, sentence: str, trials: Sequence[Trial], finalists: Sequence[Trial]) -> Suggestion:
    """What the curve's turning point and the trials suggest: of the rates whose loss is about lowest, the lowest."""
    best = min((trial.loss for trial in finalists), default=math.inf)
    if turn is None or not math.isfinite(best):
        text = sentence if turn is None else f"{sentence} All learning rates that were tried below it diverged."
        return Suggestion(None, turn, text, tuple(trials), tuple(finalists))
    rate = min(trial.rate for trial in finalists if trial.loss <= best * (1 + CLOSE))
    text = (
        f"{sentence} Of {len(trials)} rates from there down, each tried from {RESTARTS} sets of initial weights, the "
        f"best {len(finalists)} were trained {LONGER} times as long, and {decimal(rate)} reached the lowest "
        "validation loss."
    )
    return Suggestion(rate, turn, text, tuple(trials), tuple(finalists))


def measure(config: "TrainingConfig", network: "CompiledNetwork") -> Iterator[Point]:
    """Trains a new network of a configuration with a growing rate until the loss diverges; yields every step.

    The configuration's schedule is ignored.
    """
    network.start(config)
    trainer, losses = _Steps(network, config), []
    for number, rate in enumerate(growing_rates().tolist()):
        losses.append(trainer.train(rate, number, number + 1))
        smoothed = smooth(losses)
        yield Point(rate, losses[-1], float(smoothed[-1]))
        if exploded(smoothed):
            return


def search(config: "TrainingConfig", network: "CompiledNetwork", points: Sequence[Point]) -> Suggestion:
    """Tries rates below the turning point of the measured curve, and suggests one."""
    turn, sentence = turning_point([point.rate for point in points], [point.loss for point in points])
    trials = [try_rate(config, network, rate) for rate in candidates(turn)] if turn is not None else []
    finalists = [try_longer(config, network, trial.rate) for trial in best_trials(trials)]
    return suggest(turn, sentence, trials, finalists)


def try_rate(config: "TrainingConfig", network: "CompiledNetwork", rate: float) -> Trial:
    """Trains new networks with a constant rate for a short time; the loss is the mean of the last steps."""
    steps = _trial_steps(network)
    counted = max(1, round(COUNTED * steps))
    losses = []
    for start in _restarts(config, network):
        start.train(rate, 0, steps - counted)
        losses.append(start.train(rate, steps - counted, steps))
    return Trial(rate, _worst(losses))


def try_longer(config: "TrainingConfig", network: "CompiledNetwork", rate: float) -> Trial:
    """Trains new networks with a constant rate for longer; the loss is that of the validation images afterwards."""
    losses = []
    for start in _restarts(config, network):
        start.train(rate, 0, LONGER * _trial_steps(network))
        evaluation = network.evaluate(network.data.validation)
        losses.append(evaluation.loss - evaluation.penalty)
    return Trial(rate, _worst(losses))


def _trial_steps(network: "CompiledNetwork") -> int:
    return min(TRIAL_STEPS, TRIAL_EPOCHS * network.steps_per_epoch)


def _restarts(config: "TrainingConfig", network: "CompiledNetwork") -> Iterator["_Steps"]:
    for restart in range(RESTARTS):
        start = config.with_(seed=abs(config.seed - restart))  # the highest seed has no next one
        network.start(start)
        yield _Steps(network, start)


def _worst(losses: Sequence[float]) -> float:
    return max(loss if math.isfinite(loss) else math.inf for loss in losses)


class _Steps:
    """Trains a new network of a configuration step by step, each step with its own learning rate."""

    def __init__(self, network: "CompiledNetwork", config: "TrainingConfig"):
        self._network, self._config = network, config
        self._epoch, self._order, self._draws = 0, None, None

    def train(self, rate: float, first: int, stop: int) -> float:
        """Trains from one step to another, counted from the start, and returns the mean loss."""
        from explorer.training.dropout import noise_of
        from explorer.training.results import Totals

        network, loss, images = self._network, 0.0, 0
        rates = np.full(network.steps_per_epoch, rate)
        while first < stop:
            epoch, step = divmod(first, network.steps_per_epoch)
            end = min(network.steps_per_epoch, step + stop - first)
            self._draw(epoch + 1)
            noise = noise_of(self._config.seed, epoch + 1)
            totals = network.train_steps(self._order, step, end, Totals(), rates, noise, self._draws)
            loss += totals.loss - totals.penalty
            images += sum(network.images_of(number) for number in range(step, end))
            first += end - step
        return loss / images if images else math.nan

    def _draw(self, epoch: int) -> None:
        from explorer.training.augmentation import draws
        from explorer.training.trainer import image_order

        if epoch != self._epoch:  # made once for all steps of an epoch
            images = self._network.data.training.size
            self._epoch, self._order = epoch, image_order(self._config.seed, epoch, images)
            self._draws = draws(self._config, epoch, images, self._network.steps_per_epoch)
