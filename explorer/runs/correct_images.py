"""The file of the validation images that a run classifies correctly, a line per epoch, to compare runs image by image.

Each line holds the number of the epoch and one bit per image, in the order of the validation split.
"""

from pathlib import Path

import numpy as np

from explorer.runs.epoch_bytes import EpochBytes

CORRECT = "correct.jsonl"
# ten thousand epochs of ten thousand images take 17 MB
FILE = EpochBytes("correct", 1 << 26)


def append(path: Path, epoch: int, correct: np.ndarray) -> None:
    """Adds one epoch; `correct` is bool `[N]`."""
    FILE.append(path, epoch, np.packbits(correct).tobytes())


def read(path: Path, epoch: int, images: int) -> np.ndarray | None:
    """Which of so many images were classified correctly after an epoch, bool `[images]`; None where that is unknown.

    As in a run of an earlier version, and for a damaged line.
    """
    packed = FILE.read(path, epoch, -(-images // 8))
    return None if packed is None else np.unpackbits(np.frombuffer(packed, np.uint8), count=images).astype(bool)
