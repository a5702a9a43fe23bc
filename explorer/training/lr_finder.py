"""The learning-rate finder: the rate grows at every step until the loss explodes, and the curve suggests a rate.

Smith, Cyclical learning rates for training neural networks (2017); the curve is read as by Géron: take a tenth of the
rate at which the loss starts to rise. Reading the curve does not need TensorFlow.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.config import TrainingConfig
    from explorer.training.compiled_epoch import CompiledNetwork

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 420  # sixty steps per power of ten
EXPLODED = 4.0  # times the lowest smoothed loss
SMOOTHING = 0.95
# Of the smoothed loss: how many noisy first values are ignored, and the relative fall that counts as learning.
SETTLING, FALL = 10, 0.02


@dataclass(frozen=True)
class Point:
    """One step: its learning rate, the loss of its batch before the update, and the smoothed loss so far."""

    rate: float
    loss: float
    smoothed: float


@dataclass(frozen=True)
class Suggestion:
    """The learning rate that a curve suggests, None if the loss never fell; `turn` is the rate of the lowest loss.

    `words` is the explanation, in a sentence.
    """

    rate: float | None
    turn: float | None
    words: str


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


def suggest(rates: Sequence[float], losses: Sequence[float]) -> Suggestion:
    """The learning rate that the losses of the steps suggest: a tenth of the rate with the lowest smoothed loss."""
    finite = next((n for n, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
    smoothed = smooth(losses[:finite])[SETTLING:]
    if len(smoothed) < SETTLING:
        text = "The loss became NaN or infinite almost immediately, so no learning rate can be suggested."
        return Suggestion(None, None, text)
    lowest = int(np.argmin(smoothed))
    before = float(np.max(smoothed[: lowest + 1]))
    if smoothed[lowest] > (1 - FALL) * before:
        text = "The loss did not fall at any learning rate: something else keeps the network from learning."
        return Suggestion(None, None, text)
    turn = float(rates[SETTLING + lowest])
    rate = float(f"{turn / 10:.1g}")
    after = "and was still falling there" if lowest == len(smoothed) - 1 else "and rose again after it"
    text = f"The loss was lowest at a learning rate of {turn:.2g} {after}; a tenth of that is {rate:g}."
    return Suggestion(rate, turn, text)


def measure(config: "TrainingConfig", network: "CompiledNetwork") -> Iterator[Point]:
    """Trains a new network of a configuration with a growing rate until the loss explodes; yields every step.

    The configuration's schedule is ignored.
    """
    from explorer.training.compiled_epoch import Totals
    from explorer.training.dropout import noise_of
    from explorer.training.trainer import image_order

    network.start(config)
    size, losses = network.data.training.size, []
    for number, rate in enumerate(growing_rates().tolist()):
        epoch, step = divmod(number, network.steps_per_epoch)
        if step == 0:
            order, noise = image_order(config.seed, epoch + 1, size), noise_of(config.seed, epoch + 1)
        rates = np.full(network.steps_per_epoch, rate)
        loss = network.train_steps(order, step, step + 1, Totals(), rates, noise).loss
        losses.append(loss / network.images_of(step))
        smoothed = smooth(losses)
        yield Point(rate, losses[-1], float(smoothed[-1]))
        if exploded(smoothed):
            return
