"""Everything that continuing a run exactly needs, as one file."""

import json
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from explorer.config import TrainingConfig
from explorer.errors import CheckpointError, RunError
from explorer.files import replace_file
from explorer.runs.history import EpochRecord

# how long a run may go on changes nothing of what was trained
LENGTHS = ("epochs", "patience")
_POSITION = ("epoch", "step", "loss", "correct", "seconds", "penalty", "settings", "record")
# all that NumPy and zipfile raise for bytes that are not a whole archive of arrays
_DAMAGE = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError),
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error),
)


@dataclass(frozen=True)
class Checkpoint:
    """A run's state after `epoch` finished epochs and `step` steps of the next.

    Loss, penalty and correct count are the running totals of the unfinished epoch, `seconds` the time it has taken.
    Patience and best epoch follow from the history; the order of the images from the seed and the epoch.
    `settings` and `record`, the configuration and the last finished epoch's line of the history, tell whose it is;
    both are empty in files of earlier versions.
    """

    epoch: int
    step: int = 0
    loss: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    arrays: list[np.ndarray] = field(default_factory=list)
    penalty: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    record: str = ""

    def __post_init__(self) -> None:
        for name in ("epoch", "step", "correct"):
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                raise ValueError(f"{name} is {value!r}")

    def check(
        self, name: str, config: TrainingConfig, records: Sequence[EpochRecord], shapes: Sequence[tuple[int, ...]]
    ) -> None:
        """Raises `CheckpointError` when it is not of the run of a name, with this history and variables of such shapes.

        To be asked before anything in the run's folder is changed.
        """
        if len(records) < self.epoch:
            raise CheckpointError(
                f"{name} has a checkpoint of epoch {self.epoch} but a history of {len(records)} epochs"
            )
        own = config.to_dict()
        for key, value in self.settings.items():
            if key in own and key not in LENGTHS and own[key] != value:
                raise CheckpointError(
                    f"the checkpoint of {name} is of another run: its {key} is {value!r}, not {own[key]!r}"
                )
        if self.record and self.epoch and not _same(self.record, records[self.epoch - 1].to_json()):
            raise CheckpointError(
                f"the checkpoint of {name} is of another run: its epoch {self.epoch} is not that of the history"
            )
        if [array.shape for array in self.arrays] != list(shapes):
            raise CheckpointError(f"the checkpoint of {name} is of another network: its arrays have other shapes")

    def save(self, path: Path) -> None:
        """Writes the file whole or not at all."""
        position = {k: getattr(self, k) for k in _POSITION}
        position["arrays"] = [(array.dtype.str, array.shape) for array in self.arrays]
        # one array of bytes: each array of an .npz costs 0.1 ms, and there are hundreds of small ones
        content = np.frombuffer(b"".join(array.tobytes() for array in self.arrays), np.uint8)
        with replace_file(path) as stream:
            np.savez(stream, position=np.array(json.dumps(position)), content=content)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Reads the file; raises `RunError` when it is missing, `CheckpointError` when it is damaged."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                position = json.loads(str(stored["position"]))
                if "arrays" not in position:  # of an earlier version: every array by its number
                    names = sorted(name for name in stored.files if name != "position")
                    return cls(**position, arrays=[stored[name] for name in names])
                content = stored["content"]
            arrays, start = [], 0
            for kind, shape in position.pop("arrays"):
                end = start + np.dtype(kind).itemsize * math.prod(shape)
                arrays.append(content[start:end].view(kind).reshape(shape))
                start = end
            return cls(**position, arrays=arrays)
        except FileNotFoundError:
            raise RunError(f"{path.parent.name} has no checkpoint to resume from") from None
        except _DAMAGE as error:
            raise CheckpointError(f"the checkpoint of {path.parent.name} is damaged ({error})") from error


def _same(line: str, other: str) -> bool:
    """Whether two lines of a history are equal in all that both versions have written."""
    one, two = json.loads(line), json.loads(other)
    return all(one[name] == two[name] for name in one.keys() & two.keys())
