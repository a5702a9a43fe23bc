"""What a model is asked and what it answers: the record that pages, exports and the cache share."""

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from explorer import records
from explorer.config import FIELDS
from explorer.data.datasets import BOOK, DATASETS, NOTEBOOK, Dataset
from explorer.errors import FieldError
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.outputs import AUTOMATIC, OUTPUTS, PROBABILITIES
from explorer.files import read_bytes, replace_file
from explorer.records import Real, Seconds

VALIDATION, TEST = "validation", "test"
SPLITS = (VALIDATION, TEST)
CARRIED = "carried"
MOST_SAMPLES = 100
# what a kept answer holds; one of another version is asked anew
VERSION = 2
SCALINGS = (AUTOMATIC, *FIELDS["input_scaling"].choices)


def samples(text: str) -> int:
    """A number of samples from text, 0 for none; raises `FieldError`."""
    if not text.isdecimal() or int(text) > MOST_SAMPLES:
        raise FieldError("samples", text, f"a whole number from 0 to {MOST_SAMPLES}")
    return int(text)


@dataclass(frozen=True)
class Request:
    """A model file and the images it is to see.

    `dataset` may be empty: then it is the one whose images fit. `scaling` is what happens to the pixels of a model that
    carries no scaling of its own; `automatic` leaves that to what is usual for its input. `outputs` says what they are;
    `automatic` finds it out. `division` says how the run
    that the model comes from divided its images: what it was trained on must not validate it. With `samples` the answer
    is the mean of so many, each with other units silenced by dropout (Monte-Carlo dropout).
    """

    path: str
    name: str
    dataset: str = ""
    split: str = VALIDATION
    scaling: str = AUTOMATIC
    division: str = NOTEBOOK
    samples: int = 0
    outputs: str = AUTOMATIC

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise FieldError("split", self.split, f"one of {', '.join(SPLITS)}")
        if self.scaling not in SCALINGS:
            raise FieldError("scaling", self.scaling, f"one of {', '.join(SCALINGS)}")
        if self.outputs not in OUTPUTS:
            raise FieldError("outputs", self.outputs, f"one of {', '.join(OUTPUTS)}")
        samples(str(self.samples))

    @property
    def key(self) -> str:
        """All but the model, as a part of a file's name."""
        own = "" if self.division == NOTEBOOK else f"-{self.division}"
        own += f"-{self.samples}samples" if self.samples else ""
        own += "" if self.outputs == AUTOMATIC else f"-{self.outputs}"
        return f"{self.dataset or 'fitting'}-{self.split}-{self.scaling}{own}"


@dataclass(frozen=True)
class Facts:
    """What is known of an opened model; `scaling` is `carried` or what was done to the pixels, `note` says why.

    `reading` is what its outputs are, `reading_note` says why where that is no matter of course, and `choices` are what
    a person may take them for. `penalties` are the kinds of its regularizers in words, empty without one. `origin` says
    which version before Keras 3 wrote it, empty for none.
    """

    model_hash: str
    input_shape: tuple[int, ...]
    outputs: int
    parameters: int
    layers: int
    dataset: str
    scaling: str
    note: str = ""
    dropout_layers: int = 0
    reading: str = PROBABILITIES
    reading_note: str = ""
    choices: tuple[str, ...] = ()
    penalties: str = ""
    origin: str = ""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Probabilities float32 `[N, classes]` and losses float32 `[N]` of a split's images, in the split's order.

    The losses are cross-entropies; `penalty` is what the model's regularizers add to their mean, as in Keras.

    `seconds` are without loading the model. With `samples` the probabilities are the mean over so many, and `spread`
    float32 `[N]` is the standard deviation over them of the probability of the class that the mean prefers.
    """

    facts: Facts
    split: str
    probabilities: np.ndarray
    losses: np.ndarray
    seconds: float
    load_seconds: float
    division: str = NOTEBOOK
    samples: int = 0
    spread: np.ndarray | None = None
    penalty: float = 0.0

    def evaluation(self, dataset: Dataset) -> Evaluation:
        """The predictions beside the data set's labels."""
        labels = dataset.labels[getattr(dataset.divided(self.division), self.split)].astype(np.int64)
        return Evaluation(self.probabilities, self.losses, labels, dataset.spec.class_names, self.penalty)

    def save(self, path: Path) -> None:
        """Writes them as one `.npz`."""
        told = {name: getattr(self, name) for name in _TOLD}
        text = json.dumps({"version": VERSION, **told, "facts": asdict(self.facts)})
        arrays = {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}
        with replace_file(path, durable=False) as stream:
            np.savez(stream, told=np.array(text), **arrays)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Those of `save` in this version; raises `OSError` or `ValueError` for anything else."""
        content = read_bytes(path, MOST_KEPT)
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                if sum(member.file_size for member in stored.zip.infolist()) > MOST_KEPT:  # it may be packed
                    raise ValueError(f"{path.name} holds too much")
                told = records.from_json(str(stored["told"]).encode(), _Told)
                if told.version != VERSION:
                    raise ValueError(f"{path.name} was kept by another version")
                arrays = {name: stored[name] for name in _ARRAYS if name != "spread" or told.samples}
        except Exception as error:  # a damaged archive has a dozen kinds of them, from BadZipFile to MemoryError
            raise ValueError(f"{path.name} holds no predictions") from error
        found = cls(told.facts, **arrays, **{name: getattr(told, name) for name in _TOLD})
        if not found.fits():
            raise ValueError(f"{path.name} holds predictions of another data set")
        return found

    def answers(self, request: Request) -> bool:
        """Whether they are about the images that a request names."""
        asked = (request.split, request.division, request.samples, request.dataset or self.facts.dataset)
        return asked == (self.split, self.division, self.samples, self.facts.dataset)

    def fits(self) -> bool:
        """Whether there is a prediction for each image of the split, each of numbers."""
        spec = DATASETS.get(self.facts.dataset)
        if spec is None or self.facts.outputs != spec.classes:
            return False
        images = spec.test_images if self.split == TEST else spec.counts(self.division)[1]
        shapes = {"probabilities": (images, spec.classes), "losses": (images,), "spread": (images,)}
        arrays = {name: getattr(self, name) for name in _ARRAYS if name != "spread" or self.samples}
        return all(array.dtype == np.float32 and array.shape == shapes[name] for name, array in arrays.items())


_TOLD = ("split", "seconds", "load_seconds", "division", "samples", "penalty")
_ARRAYS = ("probabilities", "losses", "spread")
MOST_KEPT = 1 << 26  # ten thousand images of ten classes have half a megabyte


class _Told(msgspec.Struct):
    version: int
    split: Literal[SPLITS]
    seconds: Seconds
    load_seconds: Seconds
    division: Literal[NOTEBOOK, BOOK]
    samples: Annotated[int, Meta(ge=0, le=MOST_SAMPLES)]
    penalty: Real
    facts: Facts
