"""Requests to a saved model and its predictions: the records that pages, exports and the cache share."""

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
from explorer.data.datasets import DATASETS, Dataset
from explorer.data.split import BOOK, NOTEBOOK
from explorer.errors import FieldError
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.outputs import AUTOMATIC, OUTPUTS, PROBABILITIES
from explorer.files import read_bytes, replace_file
from explorer.records import Real, Seconds
from explorer.whole_number import whole_number

VALIDATION, TEST = "validation", "test"
SPLITS = (VALIDATION, TEST)
CARRIED = "carried"
MOST_SAMPLES = 100
# version of the cached files; one of another version is computed again
VERSION = 2
SCALINGS = (AUTOMATIC, *FIELDS["input_scaling"].choices)


samples = whole_number("samples", 0, MOST_SAMPLES)  # 0 for none


@dataclass(frozen=True)
class Request:
    """A model file and the images to predict.

    An empty `dataset` means the one whose images fit. `scaling` is applied to the pixels for a model without a scaling
    layer; `automatic` chooses it by the input shape. `outputs` says how to read the outputs; `automatic` infers it.
    `division` is how the model's run split its images: training images must not validate it. With `samples` the
    predictions are the mean of that many passes with dropout on (Monte-Carlo dropout).
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
        """Everything but the model, as part of a file name."""
        own = "" if self.division == NOTEBOOK else f"-{self.division}"
        own += f"-{self.samples}samples" if self.samples else ""
        own += "" if self.outputs == AUTOMATIC else f"-{self.outputs}"
        return f"{self.dataset or 'fitting'}-{self.split}-{self.scaling}{own}"


@dataclass(frozen=True)
class Facts:
    """Facts about an opened model; `scaling` is `carried` or the scaling applied to the pixels, `note` says why.

    `reading` is how its outputs are read, `reading_note` gives the reason where it is not obvious, and `choices` are
    the readings that a person may choose. `penalties` names the kinds of its regularizers, empty without one. `origin`
    says which version before Keras 3 wrote it, empty for Keras 3.
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

    `seconds` excludes loading the model. With `samples` the probabilities are the mean over that many passes, and
    `spread` float32 `[N]` is the standard deviation of the probability of the predicted class between them.
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
        """The predictions with the labels of the data set."""
        labels = dataset.labels[getattr(dataset.divided(self.division), self.split)].astype(np.int64)
        return Evaluation(self.probabilities, self.losses, labels, dataset.spec.class_names, self.penalty)

    def save(self, path: Path) -> None:
        """Writes them as one `.npz`."""
        header = {name: getattr(self, name) for name in _HEADER}
        text = json.dumps({"version": VERSION, **header, "facts": asdict(self.facts)})
        arrays = {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}
        with replace_file(path, durable=False) as stream:
            np.savez(stream, told=np.array(text), **arrays)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Reads a file of `save`; raises `OSError` or `ValueError` for anything else, also of another version."""
        content = read_bytes(path, MOST_KEPT)
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                if sum(member.file_size for member in stored.zip.infolist()) > MOST_KEPT:  # it may be compressed
                    raise ValueError(f"{path.name} contains too much")
                header = records.from_json(str(stored["told"]).encode(), _Header)
                if header.version != VERSION:
                    raise ValueError(f"{path.name} was written by another version")
                arrays = {name: stored[name] for name in _ARRAYS if name != "spread" or header.samples}
        except Exception as error:  # a damaged archive raises a dozen kinds, from BadZipFile to MemoryError
            raise ValueError(f"{path.name} contains no predictions") from error
        predictions = cls(header.facts, **arrays, **{name: getattr(header, name) for name in _HEADER})
        if not predictions.fits():
            raise ValueError(f"{path.name} contains predictions of another data set")
        return predictions

    def answers(self, request: Request) -> bool:
        """Whether they are for the images of a request."""
        asked = (request.split, request.division, request.samples, request.dataset or self.facts.dataset)
        return asked == (self.split, self.division, self.samples, self.facts.dataset)

    def fits(self) -> bool:
        """Whether the arrays have the shapes and types of the split."""
        spec = DATASETS.get(self.facts.dataset)
        if spec is None or self.facts.outputs != spec.classes:
            return False
        images = spec.test_images if self.split == TEST else spec.counts(self.division)[1]
        shapes = {"probabilities": (images, spec.classes), "losses": (images,), "spread": (images,)}
        arrays = {name: getattr(self, name) for name in _ARRAYS if name != "spread" or self.samples}
        return all(array.dtype == np.float32 and array.shape == shapes[name] for name, array in arrays.items())


_HEADER = ("split", "seconds", "load_seconds", "division", "samples", "penalty")
_ARRAYS = ("probabilities", "losses", "spread")
MOST_KEPT = 1 << 26  # ten thousand images of ten classes take half a megabyte


class _Header(msgspec.Struct):
    version: int
    split: Literal[SPLITS]
    seconds: Seconds
    load_seconds: Seconds
    division: Literal[NOTEBOOK, BOOK]
    samples: Annotated[int, Meta(ge=0, le=MOST_SAMPLES)]
    penalty: Real
    facts: Facts
