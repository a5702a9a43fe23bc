"""The learning-rate range test: the rate grows at every step until the loss explodes, and the curve says which to take.

Smith, Cyclical learning rates for training neural networks (2017); the reading of the curve is Géron's: take a tenth
of the rate at which the loss turns up. What reads the curve knows no TensorFlow.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.config import TrainingConfig
    from explorer.training.compiled_epoch import CompiledNetwork

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 420  # sixty steps for each power of ten
EXPLODED = 4.0  # times the lowest smoothed loss
SMOOTHING = 0.95
# Of the smoothed loss: the noise of its first values, and what counts as having learned something.
SETTLING, FALL = 10, 0.02


@dataclass(frozen=True)
class Point:
    """One step: its learning rate, the loss of its batch before the step, and that smoothed over the steps so far."""

    rate: float
    loss: float
    smoothed: float


@dataclass(frozen=True)
class Suggestion:
    """What a curve says: the rate to take, None when it never fell; `turn` is where the loss was lowest.

    `words` say it in a sentence.
    """

    rate: float | None
    turn: float | None
    words: str


def growing_rates() -> np.ndarray:
    """The rates of all steps, each the same number of times the one before."""
    return np.geomspace(LOWEST, HIGHEST, STEPS)


def smooth(losses: Sequence[float]) -> np.ndarray:
    """A moving average that forgets exponentially and owes nothing to its start."""
    average, found = 0.0, []
    for number, loss in enumerate(losses, 1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        found.append(average / (1 - SMOOTHING**number))
    return np.array(found)


def exploded(smoothed: Sequence[float]) -> bool:
    """Whether the last smoothed loss is no number or `EXPLODED` times the lowest one."""
    best = min(smoothed[SETTLING:], default=math.inf)
    return not math.isfinite(smoothed[-1]) or smoothed[-1] > EXPLODED * best


def suggest(rates: Sequence[float], losses: Sequence[float]) -> Suggestion:
    """The learning rate that the losses of a range test suggest: a tenth of where the smoothed loss was lowest."""
    finite = next((n for n, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
    smoothed = smooth(losses[:finite])[SETTLING:]
    if len(smoothed) < SETTLING:
        return Suggestion(None, None, "The loss was no number almost at once: no learning rate can be read from this.")
    lowest = int(np.argmin(smoothed))
    before = float(np.max(smoothed[: lowest + 1]))
    if smoothed[lowest] > (1 - FALL) * before:
        words = "The loss fell at no learning rate: something else keeps the network from learning."
        return Suggestion(None, None, words)
    turn = float(rates[SETTLING + lowest])
    rate = float(f"{turn / 10:.1g}")
    seen = "where it was still falling" if lowest == len(smoothed) - 1 else "and rose again behind it"
    return Suggestion(rate, turn, f"The loss was lowest at a rate of {turn:.2g}, {seen}; a tenth of that is {rate:g}.")


def measure(config: "TrainingConfig", network: "CompiledNetwork") -> Iterator[Point]:
    """Trains a fresh network of a configuration with a growing rate and tells each step, until the loss explodes.

    The schedule of the configuration is not used; everything else is.
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
