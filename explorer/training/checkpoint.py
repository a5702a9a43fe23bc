"""The checkpoint of a run: one file with everything needed to continue it exactly."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from explorer.config import TrainingConfig
from explorer.errors import CheckpointError, RunError
from explorer.files import open_regular, replace_file, why
from explorer.plain_text import plain
from explorer.runs.history import EpochRecord
from explorer.zipped import DAMAGE

# settings that limit the length of a run do not affect what was trained so far
LENGTHS = ("epochs", "patience")
_LONGEST = 200  # characters of a reason
_POSITION = ("epoch", "step", "loss", "correct", "seconds", "penalty", "clipped", "settings", "record")
# an archive that is intact may still hold no checkpoint
_DAMAGE = (*DAMAGE, OSError, KeyError, TypeError, AttributeError, MemoryError)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after `epoch` completed epochs and `step` steps of the next one.

    Loss, penalty, correct count and clipped steps are the running totals of the unfinished epoch; `seconds` is the
    time it has taken. Patience and best epoch follow from the history, the order of the images from the seed and the
    epoch. `settings` (the configuration) and `record` (the history line of the last completed epoch) identify the
    run; both are empty in files of earlier versions.
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
    clipped: int = 0

    def __post_init__(self) -> None:
        for name in ("epoch", "step", "correct", "clipped"):
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                raise ValueError(f"{name} is {plain(repr(value))}")
        for name in ("loss", "seconds", "penalty"):
            value = getattr(self, name)
            if type(value) not in (int, float):
                raise ValueError(f"{name} is {plain(repr(value))}")
        if not isinstance(self.settings, dict) or not isinstance(json.loads(self.record or "{}"), dict):
            raise ValueError("it does not say of which run it is")

    def check(
        self, name: str, config: TrainingConfig, records: Sequence[EpochRecord], shapes: Sequence[tuple[int, ...]]
    ) -> None:
        """Raises `CheckpointError` unless it belongs to the named run, with this history and variables of these shapes.

        Call it before anything in the run's folder is changed.
        """
        if len(records) < self.epoch:
            raise CheckpointError(
                f"{name} has a checkpoint of epoch {self.epoch} but a history of {len(records)} epochs"
            )
        expected = config.to_dict()
        for key, value in self.settings.items():
            if key in expected and key not in LENGTHS and expected[key] != value:
                raise CheckpointError(
                    f"the checkpoint of {name} belongs to another run: its {key} is {plain(repr(value))}, "
                    f"not {expected[key]!r}"
                )
        if self.record and self.epoch and not _same(self.record, records[self.epoch - 1].to_json()):
            raise CheckpointError(
                f"the checkpoint of {name} belongs to another run: its epoch {self.epoch} differs from the history"
            )
        if [array.shape for array in self.arrays] != list(shapes):
            raise CheckpointError(f"the checkpoint of {name} belongs to another network: its arrays have other shapes")

    def save(self, path: Path) -> None:
        """Writes the file atomically."""
        position = {k: getattr(self, k) for k in _POSITION}
        position["arrays"] = [(array.dtype.str, array.shape) for array in self.arrays]
        # one array of bytes: writing hundreds of small arrays into an .npz separately is slow
        content = np.frombuffer(b"".join(array.tobytes() for array in self.arrays), np.uint8)
        with replace_file(path) as stream:
            np.savez(stream, position=np.array(json.dumps(position)), content=content)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Reads the file; raises `RunError` when it is missing, `CheckpointError` when it is damaged."""
        try:
            with open(open_regular(path), "rb") as file, np.load(file, allow_pickle=False) as stored:  # noqa: PTH123
                position = json.loads(str(stored["position"]))
                if "arrays" not in position:  # an earlier version stored every array under its number
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
            raise CheckpointError(
                f"the checkpoint of {path.parent.name} is damaged ({plain(why(error), _LONGEST)})"
            ) from error


def _same(line: str, other: str) -> bool:
    """Whether two history lines are equal in all fields that both contain."""
    one, two = json.loads(line), json.loads(other)
    return all(one[name] == two[name] for name in one.keys() & two.keys())
