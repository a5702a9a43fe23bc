"""Learning-rate schedules: pure functions of a configuration, the step and, for a plateau, the history."""

from collections.abc import Sequence

import numpy as np

from explorer.config import CONSTANT, COSINE, EXPONENTIAL, ONE_CYCLE, PLATEAU, TrainingConfig
from explorer.runs.history import EpochRecord

# A loss counts as lower if it is lower by more than this, as in `keras.callbacks.ReduceLROnPlateau`.
PLATEAU_DELTA = 1e-4


def rates(config: TrainingConfig, steps: int, epoch: int, history: Sequence[EpochRecord] = ()) -> np.ndarray:
    """The learning rate of each of the `steps` steps of an epoch (counted from 1): float64 `[steps]`.

    `history` holds the epochs before it; only a plateau uses it.
    """
    if config.schedule == PLATEAU:
        losses = [record.val_loss for record in history[: epoch - 1]]
        return np.full(steps, config.learning_rate * config.plateau_factor ** cuts(losses, config.plateau_patience))
    return rate_at(config, np.arange(steps) + (epoch - 1) * steps, steps)


def rate_at(config: TrainingConfig, step: np.ndarray, steps: int) -> np.ndarray:
    """The learning rate at given steps, counted from 0 over the whole run; `steps` per epoch, no history."""
    shapes = {ONE_CYCLE: _one_cycle, EXPONENTIAL: _exponential, COSINE: _cosine}
    if config.schedule in (CONSTANT, PLATEAU):
        return np.full(len(step), config.learning_rate)
    return config.learning_rate * shapes[config.schedule](config, np.asarray(step, float), steps)


def preview(config: TrainingConfig, steps: int, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Epochs (fractional, from 0) and their learning rates, at no more than `points` steps spread over the run."""
    last = config.epochs * steps - 1
    step = np.unique(np.linspace(0, last, min(points, last + 1)).round())
    return step / steps, rate_at(config, step, steps)


def cuts(losses: Sequence[float], patience: int) -> int:
    """How often a plateau cuts the rate over these validation losses, as counted by Keras's ReduceLROnPlateau."""
    best, waited, count = np.inf, 0, 0
    for loss in losses:
        if loss < best - PLATEAU_DELTA:
            best, waited = loss, 0
        else:
            waited += 1
            if waited >= patience:
                waited, count = 0, count + 1
    return count


def _one_cycle(config: TrainingConfig, step: np.ndarray, steps: int) -> np.ndarray:
    """Géron, Hands-On Machine Learning, 2nd edition, chapter 11: linear up, linear down, and a last tenth far below."""
    total = config.epochs * steps
    half = (total - (total // 10 + 1)) // 2
    if half == 0:  # too few steps to go up and down
        return np.interp(step, [0, total], [1, config.final_share])
    return np.interp(step, [0, half, 2 * half, total], [1, config.peak_factor, 1, config.final_share])


def _exponential(config: TrainingConfig, step: np.ndarray, steps: int) -> np.ndarray:
    return 0.1 ** (step / (steps * config.decay_epochs))


def _cosine(config: TrainingConfig, step: np.ndarray, steps: int) -> np.ndarray:
    """Linear warmup, then half a cosine to the final share at the last step (Loshchilov and Hutter, SGDR, 2017)."""
    warm, last = config.warmup_epochs * steps, config.epochs * steps - 1
    along = np.clip((step - warm) / max(1, last - warm), 0, 1)
    falling = config.final_share + (1 - config.final_share) * (1 + np.cos(np.pi * along)) / 2
    return np.where(step < warm, (step + 1) / max(1, warm), falling)
