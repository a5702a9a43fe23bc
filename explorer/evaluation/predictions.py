"""What a model is asked and what it answers: the record that pages, exports and the cache share."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from explorer.config import FIELDS
from explorer.datasets import NOTEBOOK, Dataset
from explorer.errors import FieldError
from explorer.evaluation.figures import Evaluation
from explorer.files import replace_file

VALIDATION, TEST = "validation", "test"
SPLITS = (VALIDATION, TEST)
CARRIED, AUTOMATIC = "carried", "automatic"
SCALINGS = (AUTOMATIC, *FIELDS["input_scaling"].choices)


@dataclass(frozen=True)
class Request:
    """A model file and the images it is to see.

    `dataset` may be empty: then it is the one whose images fit. `scaling` is what happens to the pixels of a model that
    carries no scaling of its own; `automatic` leaves that to what is usual for its input. `division` says which images
    validate.
    """

    path: str
    name: str
    dataset: str = ""
    split: str = VALIDATION
    scaling: str = AUTOMATIC
    division: str = NOTEBOOK

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise FieldError("split", self.split, f"one of {', '.join(SPLITS)}")
        if self.scaling not in SCALINGS:
            raise FieldError("scaling", self.scaling, f"one of {', '.join(SCALINGS)}")

    @property
    def key(self) -> str:
        """All but the model, as a part of a file's name."""
        return f"{self.dataset or 'fitting'}-{self.division}-{self.split}-{self.scaling}"


@dataclass(frozen=True)
class Facts:
    """What is known of an opened model; `scaling` is `carried` or what was done to the pixels, `note` says why."""

    model_hash: str
    input_shape: tuple[int, ...]
    outputs: int
    parameters: int
    layers: int
    dataset: str
    scaling: str
    note: str = ""
    division: str = NOTEBOOK


@dataclass(frozen=True, eq=False)
class Predictions:
    """Probabilities float32 `[N, classes]` and losses float32 `[N]` of a split's images, in the split's order.

    `seconds` are without loading the model.
    """

    facts: Facts
    split: str
    probabilities: np.ndarray
    losses: np.ndarray
    seconds: float
    load_seconds: float

    def evaluation(self, dataset: Dataset) -> Evaluation:
        """The predictions beside the data set's labels."""
        labels = dataset.labels[getattr(dataset, self.split)].astype(np.int64)
        return Evaluation(self.probabilities, self.losses, labels, dataset.spec.class_names)

    def save(self, path: Path) -> None:
        """Writes them as one `.npz`."""
        told = {name: getattr(self, name) for name in ("split", "seconds", "load_seconds")}
        text = json.dumps({**told, "facts": asdict(self.facts)})
        with replace_file(path, durable=False) as stream:
            np.savez(stream, probabilities=self.probabilities, losses=self.losses, told=np.array(text))

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Those of `save`; raises `OSError` or `ValueError` for anything else."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                told = json.loads(str(stored["told"]))
                arrays = {name: stored[name] for name in ("probabilities", "losses")}
                return cls(_facts(told.pop("facts")), **arrays, **told)
        except (KeyError, TypeError, AttributeError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path.name} holds no predictions") from error


def _facts(values: Mapping[str, Any]) -> Facts:
    facts = Facts(**{f.name: values[f.name] for f in fields(Facts)})
    return replace(facts, input_shape=tuple(facts.input_shape))
