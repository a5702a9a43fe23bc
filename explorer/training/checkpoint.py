"""Everything that continuing a run exactly needs, as one file."""

import json
import math
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from explorer.errors import RunError
from explorer.files import replace_file


@dataclass(frozen=True)
class Checkpoint:
    """A run's state after `epoch` finished epochs and `step` steps of the next.

    Loss, penalty and correct count are the running totals of the unfinished epoch, `seconds` the time it has taken.
    Patience and best epoch follow from the history; the order of the images from the seed and the epoch.
    """

    epoch: int
    step: int = 0
    loss: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    arrays: list[np.ndarray] = field(default_factory=list)
    penalty: float = 0.0

    def save(self, path: Path) -> None:
        """Writes the file whole or not at all."""
        position = {k: getattr(self, k) for k in ("epoch", "step", "loss", "correct", "seconds", "penalty")}
        position["arrays"] = [(array.dtype.str, array.shape) for array in self.arrays]
        # one array of bytes: each array of an .npz costs 0.1 ms, and there are hundreds of small ones
        content = np.frombuffer(b"".join(array.tobytes() for array in self.arrays), np.uint8)
        with replace_file(path) as stream:
            np.savez(stream, position=np.array(json.dumps(position)), content=content)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Reads the file; raises `RunError` when it is missing or damaged."""
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
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise RunError(f"the checkpoint of {path.parent.name} is damaged ({error})") from error
