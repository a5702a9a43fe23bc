"""What compiled programs return: the sums of training steps, and the evaluation of a split."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Totals:
    """Sums over the images so far: the loss including the penalty, the number classified correctly, and the penalty.

    `clipped` is the number of steps whose gradient was clipped.
    """

    loss: float = 0.0
    correct: int = 0
    penalty: float = 0.0
    clipped: int = 0


@dataclass(frozen=True)
class Evaluation:
    """Mean loss and accuracy (0–1) over a split, as `model.evaluate` returns them; the loss includes `penalty`.

    `correct` is bool `[N]`: whether each image is classified correctly.
    """

    loss: float
    accuracy: float
    penalty: float
    correct: np.ndarray = field(compare=False, repr=False)
