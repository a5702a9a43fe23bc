"""The file of a run's decision boundary, a line per epoch, for points in a plane in two classes.

Each line holds the number of the epoch and the probability of the second class at each point of a grid, one byte each.
"""

from pathlib import Path

import numpy as np

from explorer.runs.epoch_bytes import EpochBytes

BOUNDARY = "boundary.jsonl"
SIDE = 50  # points of the grid per axis: cells of a fiftieth of the plane look smooth, and are drawn twice per second
# ten thousand epochs take 34 MB
FILE = EpochBytes("boundary", 1 << 26)


def grid(edge: float) -> np.ndarray:
    """The centres of the grid's cells between -`edge` and `edge`, float32 `[SIDE², 2]`; x changes first."""
    along = (np.arange(SIDE, dtype="float32") + 0.5) * (2 * edge / SIDE) - edge
    x, y = np.meshgrid(along, along)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def append(path: Path, epoch: int, probabilities: np.ndarray) -> None:
    """Adds one epoch, 0 before the first step; `probabilities` is float `[SIDE²]`."""
    FILE.append(path, epoch, np.rint(255 * np.nan_to_num(probabilities, nan=0.5)).astype(np.uint8).tobytes())


def last(path: Path) -> tuple[int, np.ndarray] | None:
    """The last epoch and its probabilities, float32 `[SIDE²]`; None for a run without."""
    last_line = FILE.last(path, SIDE * SIDE)
    return last_line and (last_line[0], np.frombuffer(last_line[1], np.uint8) / np.float32(255))


def read(path: Path, epoch: int) -> np.ndarray | None:
    """The probabilities after an epoch, float32 `[SIDE²]`; None where they are unknown."""
    content = FILE.read(path, epoch, SIDE * SIDE)
    return None if content is None else np.frombuffer(content, np.uint8) / np.float32(255)
