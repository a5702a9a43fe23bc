"""The part of the evaluation that runs in the task process: checks a model file, opens it with Keras, evaluates it.

Each public function is one task; `opened_model.py` imports TensorFlow.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path

import numpy as np
from cachetools import LRUCache

from explorer.config import RAW, STANDARDIZED
from explorer.data import datasets
from explorer.data.datasets import DATASETS, Dataset
from explorer.data.spec import DatasetSpec
from explorer.errors import ExplorerError, ModelError
from explorer.evaluation.file_check import check_file, copy
from explorer.evaluation.load_failures import cause
from explorer.evaluation.opened_model import BATCH, Inside, OpenedModel, load
from explorer.evaluation.outputs import cross_entropies, probabilities, read
from explorer.evaluation.predictions import AUTOMATIC, CARRIED, Facts, Predictions, Request

KEPT_MODELS = 4
_kept: LRUCache[str, OpenedModel] = LRUCache(KEPT_MODELS)


def _in_a_sentence(question: Callable) -> Callable:
    """Turns whatever Keras, TensorFlow or h5py raise for a model into a `ModelError`."""

    @wraps(question)
    def wrapped(request: Request, *arguments):
        try:
            return question(request, *arguments)
        except ExplorerError:
            raise
        except Exception as error:  # they raise all kinds of errors for a bad file
            raise ModelError(f"model: {request.name!r} cannot be opened by Keras: {cause(error)}") from error

    return wrapped


@_in_a_sentence
def predict(request: Request) -> Predictions:
    """The predictions of a model file for a split of its data set, or their mean over dropout samples.

    Raises `ModelError` for a file that cannot be opened or does not fit, `DataError` without the images.
    """
    started = time.perf_counter()
    opened = _open(request)
    dataset = _dataset(opened, request)
    facts = _facts(opened, request, dataset.spec)
    load_seconds = time.perf_counter() - started
    started = time.perf_counter()
    images, labels = dataset.split(request.split)
    answers = opened.answers(images, labels, facts)
    reading = read(answers.outputs, opened.ending, request.outputs, request.name)
    if request.samples:
        predicted, losses, spread = opened.sampled(images, labels, facts, reading, request.samples)
    else:
        predicted, spread = probabilities(answers.outputs, reading), None
        own = reading.checked or reading.from_sums
        losses = answers.losses if own else cross_entropies(answers.outputs, labels, reading)
    return Predictions(
        replace(facts, reading=reading.kind, reading_note=reading.note, choices=reading.choices),
        request.split,
        predicted,
        losses,
        seconds=time.perf_counter() - started,
        load_seconds=load_seconds,
        division=request.division,
        samples=request.samples,
        spread=spread,
        penalty=answers.penalty,
    )


@_in_a_sentence
def predict_images(request: Request, images: np.ndarray) -> np.ndarray:
    """The probabilities float32 `[N, classes]` of images uint8 `[N, *image_shape]`."""
    opened = _open(request)
    spec = _spec(opened, request)
    facts = _facts(opened, request, spec)

    def outputs(images: np.ndarray) -> np.ndarray:
        return opened.answers(images, np.zeros(len(images), "uint8"), facts).outputs

    # how to read the outputs is inferred from images of the data set: a single one would not be enough
    known = datasets.load(spec.name).split("validation")[0][:BATCH] if datasets.available(spec.name) else images
    reading = read(outputs(known), opened.ending, request.outputs, request.name)
    return probabilities(outputs(images), reading)


@_in_a_sentence
def look_inside(request: Request) -> Inside:
    """The first layer's weights as images, and histograms of every layer's weights."""
    opened = _open(request)
    return opened.inside(_spec(opened, request))


# --- opening ----------------------------------------------------------------------------------------------


def _open(request: Request) -> OpenedModel:
    """The model of a file as it is now, from the cache if it was opened before."""
    path = Path(request.path)
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        # one copy is checked, hashed and opened: the file itself may be replaced in between
        copied = Path(folder) / f"model{path.suffix.lower()}"
        try:
            copy(path, request.name, copied)
        except OSError as error:
            raise ModelError(f"model: {request.name!r} cannot be read ({error.strerror or 'unknown'})") from error
        with copied.open("rb") as stream:
            model_hash = hashlib.file_digest(stream, "sha256").hexdigest()
        key = model_hash + copied.suffix
        if key not in _kept:
            check_file(copied, request.name)
            _kept[key] = load(copied, model_hash, request.name)
    return _kept[key]


# --- fitting the images -----------------------------------------------------------------------------------


def _spec(opened: OpenedModel, request: Request) -> DatasetSpec:
    """The data set of a model: the requested one, else the one whose images fit."""
    features = int(np.prod(opened.input_shape))
    if request.dataset:
        spec = datasets.spec_of(request.dataset)
        if not _fits(opened.input_shape, spec):
            raise ModelError(
                f"model: {opened.name!r} expects inputs of shape {_shape(opened.input_shape)}, but those of "
                f"{spec.title} have {_shape(spec.image_shape)}"
            )
    else:
        fitting = [spec for spec in DATASETS.values() if _fits(opened.input_shape, spec)]
        if not fitting:
            known = ", ".join(f"{_shape(spec.image_shape)} in {spec.title}" for spec in DATASETS.values())
            raise ModelError(
                f"model: {opened.name!r} expects inputs of shape {_shape(opened.input_shape)} ({features:,} values); "
                f"available are {known}"
            )
        spec = next((spec for spec in fitting if opened.outputs == spec.classes), fitting[0])
    if opened.outputs != spec.classes:
        raise ModelError(
            f"model: {opened.name!r} has {opened.outputs} outputs, but {spec.title} has {spec.classes} classes"
        )
    return spec


def _fits(shape: tuple[int, ...], spec: DatasetSpec) -> bool:
    return shape in (spec.image_shape, (*spec.image_shape, 1), (spec.features,))


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _dataset(opened: OpenedModel, request: Request) -> Dataset:
    spec = _spec(opened, request)
    datasets.check_available(spec.name)
    return datasets.load(spec.name, request.division)


def _facts(opened: OpenedModel, request: Request, spec: DatasetSpec) -> Facts:
    if opened.carries_scaling():
        return opened.facts(spec.name, CARRIED, "the model scales the pixels itself")
    if request.scaling != AUTOMATIC:
        return opened.facts(spec.name, request.scaling, "the model has no scaling layer; this scaling was chosen")
    if len(opened.input_shape) == 1:
        why = "the model takes flat images and has no scaling layer, so standardized pixels are assumed"
        return opened.facts(spec.name, STANDARDIZED, why)
    why = "the model takes unflattened images and has no scaling layer, so raw pixels are assumed"
    return opened.facts(spec.name, RAW, why)
