"""The part of the evaluation that runs in the task process: checks a model file, opens it with Keras, evaluates it.

The only module of this package that imports TensorFlow, and only inside functions. Each public function is one task.
"""

import hashlib
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from pathlib import Path

import numpy as np

from explorer.config import RAW, STANDARDIZED, UNIT
from explorer.data import datasets
from explorer.data.datasets import DATASETS, Dataset, DatasetSpec
from explorer.errors import DataError, ExplorerError, ModelError
from explorer.evaluation.causes import DESCRIPTION, UNKNOWN, cause
from explorer.evaluation.file_check import check_file, copy
from explorer.evaluation.graph import ending, flat, mixes_images, penalty_words, unknown_penalty
from explorer.evaluation.keras2 import keep_activations, modernise, way_out
from explorer.evaluation.outputs import Reading, cross_entropies, probabilities, read
from explorer.evaluation.predictions import AUTOMATIC, CARRIED, Facts, Predictions, Request

BATCH = 1000
KEPT_MODELS = 4
FILTERS = 100
HISTOGRAM_BINS = 41
MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


@dataclass(frozen=True, eq=False)
class Inside:
    """The learned weights of a model, for display.

    `filters` are float32 `[n, *image_shape]`, the weights of the first units of the first dense layer; `histograms`
    hold for each dense layer its name, its number of weights, the bin edges and the share of weights in each bin.
    """

    filters: np.ndarray
    units: int
    histograms: list[tuple[str, int, np.ndarray, np.ndarray]]


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
        found, losses, spread = opened.sampled(images, labels, facts, reading, request.samples)
    else:
        found, spread = probabilities(answers.outputs, reading), None
        own = reading.checked or reading.from_sums
        losses = answers.losses if own else cross_entropies(answers.outputs, labels, reading)
    return Predictions(
        replace(facts, reading=reading.kind, reading_note=reading.note, choices=reading.choices),
        request.split,
        found,
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

    def outputs(shown: np.ndarray) -> np.ndarray:
        return opened.answers(shown, np.zeros(len(shown), "uint8"), facts).outputs

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


def _open(request: Request) -> "_Opened":
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
            _kept[key] = _load(copied, model_hash, request.name)
    _kept.move_to_end(key)
    while len(_kept) > KEPT_MODELS:
        _kept.popitem(last=False)
    return _kept[key]


_kept: "OrderedDict[str, _Opened]" = OrderedDict()


def _load(path: Path, model_hash: str, name: str) -> "_Opened":
    from explorer.training.frameworks import keras

    version = modernise(path, name)
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        if version and cause(error) in (DESCRIPTION, UNKNOWN):
            raise ModelError(f"model: {name!r} contains parts that Keras 3 cannot read; {way_out(version)}") from error
        raise
    return _Opened(model, model_hash, name, version)


@dataclass(frozen=True, eq=False)
class _Answers:
    """Outputs float32 `[N, classes]` of the model, their cross-entropies `[N]` as if they were probabilities, and the
    mean of what the regularizers add to the loss."""

    outputs: np.ndarray
    losses: np.ndarray
    penalty: float


class _Opened:
    """A model that Keras has opened, with finite weights, one input and one output."""

    def __init__(self, model, model_hash: str, name: str, version: str = ""):
        from explorer.training.frameworks import keras

        self.model, self.hash, self.name = model, model_hash, name
        self.origin = f"written by Keras {version}" if version else ""
        if version and keep_activations(flat(model), keras):
            self.origin += "; its hard_sigmoid (slope 0.2) is kept"
        shapes = [shape for shape in (model.input_shape, model.output_shape) if not isinstance(shape, tuple)]
        if shapes or None in model.input_shape[1:] or len(model.output_shape) != 2:
            raise ModelError(
                f"model: {name!r} must have one input of fixed shape and one output, a vector for each image"
            )
        self.input_shape, self.outputs = tuple(model.input_shape[1:]), model.output_shape[1]
        if layer := mixes_images(model):
            raise ModelError(
                f"model: the layer {layer!r} of {name!r} normalizes over the images of a batch, so the "
                "prediction for an image depends on the others"
            )
        for layer in flat(model):
            for weight in layer.weights:
                if not np.isfinite(weight.numpy()).all():
                    raise ModelError(
                        f"model: {name!r} cannot be used: the layer {layer.name!r} has NaN or infinite weights, as "
                        "after training that diverged"
                    )
        if layer := unknown_penalty(model):
            raise ModelError(
                f"model: the layer {layer!r} of {name!r} has an activity regularizer that is not L1 or L2, which Keras "
                "cannot evaluate; save the model without it"
            )
        self.ending = ending(model)
        self._forward = self._compiled()

    def _compiled(self):
        """The TensorFlow function from images and labels to outputs, losses and penalty; XLA compiles too slowly."""
        from explorer.training.frameworks import keras, tf

        model, features = self.model, int(np.prod(self.input_shape))
        numbers = tf.TensorSpec([features], tf.float32)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, features], tf.uint8),
                tf.TensorSpec([None], tf.uint8),
                numbers,
                numbers,
            ]
        )
        def forward(images, labels, mean, scale):
            scaled = (tf.cast(images, tf.float32) - mean) * scale
            outputs = model(tf.reshape(scaled, [-1, *self.input_shape]), training=False)
            penalty = tf.add_n([tf.constant(0.0), *(tf.cast(tf.reduce_sum(one), tf.float32) for one in model.losses)])
            outputs = tf.cast(outputs, tf.float32)
            self.ending = replace(self.ending, keeps_sums=hasattr(outputs, "_keras_logits"))
            # within a compiled function Keras computes the loss from the logits, as its `evaluate` does
            return outputs, keras.losses.sparse_categorical_crossentropy(labels, outputs), penalty

        compiled = forward.get_concrete_function()
        # TensorFlow plans its execution at the first call, which belongs to opening the model
        compiled(tf.zeros([1, features], tf.uint8), tf.zeros([1], tf.uint8), tf.zeros([features]), tf.ones([features]))
        return compiled

    def facts(self, dataset: str, scaling: str, note: str) -> Facts:
        from explorer.training.dropout import LAYERS as DROPOUT

        layers = flat(self.model)
        return Facts(
            model_hash=self.hash,
            input_shape=self.input_shape,
            outputs=self.outputs,
            # as everywhere else here, without those of the input scaling
            parameters=sum(layer.count_params() for layer in layers if type(layer).__name__ != "Normalization"),
            layers=len(layers),
            dataset=dataset,
            scaling=scaling,
            note=note,
            dropout_layers=sum(isinstance(layer, DROPOUT) for layer in layers),
            penalties=penalty_words(self.model),
            origin=self.origin,
        )

    def carries_scaling(self) -> bool:
        """Whether the model has a scaling layer before its first dense layer."""
        for layer in flat(self.model):
            if type(layer).__name__ in ("Normalization", "Rescaling"):
                return True
            if type(layer).__name__ == "Dense":
                return False
        return False

    def answers(self, images: np.ndarray, labels: np.ndarray, facts: Facts) -> _Answers:
        """The outputs of the model for images uint8 `[N, *image_shape]`."""
        from explorer.training.frameworks import tf

        mean, variance = _scaling(facts)
        scale = tf.constant((1 / np.sqrt(variance)).astype("float32"))
        pixels, mean = images.reshape(len(images), -1), tf.constant(mean)
        batches = [slice(start, start + BATCH) for start in range(0, len(pixels), BATCH)]
        found = [self._forward(tf.constant(pixels[at]), tf.constant(labels[at]), mean, scale) for at in batches]
        outputs, losses = (np.concatenate([part[number].numpy() for part in found]) for number in (0, 1))
        # weighted by the number of images in each batch, like Keras
        counts = [len(pixels[at]) for at in batches]
        penalty = float(np.average([float(part[2]) for part in found], weights=counts))
        if not (np.isfinite(outputs).all() and np.isfinite(penalty)):
            raise ModelError(f"model: {self.name!r} gives NaN or infinite outputs for these images")
        return _Answers(outputs, losses, penalty)

    def sampled(
        self, images: np.ndarray, labels: np.ndarray, facts: Facts, reading: Reading, samples: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Monte-Carlo dropout: mean probabilities `[N, classes]`, their losses `[N]`, and the spread `[N]`."""
        from explorer.training.dropout import predict_samples

        chain = [layer for layer in self.model.layers if type(layer).__name__ != "InputLayer"]
        if any(hasattr(layer, "layers") or type(layer).__name__ in MERGING for layer in chain):
            raise ModelError(f"model: {self.name!r} is not a plain stack of layers, so its dropout cannot be sampled")
        center, variance = _scaling(facts)
        scaled = (images.reshape(len(images), -1) - center) / np.sqrt(variance)
        outputs = predict_samples(self.model, scaled.reshape(-1, *self.input_shape), samples)
        found = probabilities(outputs, reading)
        mean = found.mean(axis=0)
        every = np.arange(len(images))
        losses = -np.log(np.maximum(mean[every, labels], np.finfo("float32").tiny))
        return mean, losses, found[:, every, mean.argmax(axis=1)].std(axis=0)

    def inside(self, spec: DatasetSpec) -> Inside:
        weighted = [layer for layer in flat(self.model) if layer.weights]
        dense = next((layer for layer in weighted if type(layer).__name__ == "Dense"), None)
        filters, units = np.zeros((0, *spec.image_shape), "float32"), 0
        if dense is not None and dense.kernel.shape[0] == spec.features:
            kernel = dense.kernel.numpy().T.astype("float32")
            filters, units = kernel[:FILTERS].reshape(-1, *spec.image_shape), len(kernel)
        histograms = []
        for layer in weighted:
            if type(layer).__name__ == "Dense":
                values = layer.kernel.numpy().ravel()
                counts, edges = np.histogram(values, bins=HISTOGRAM_BINS)
                histograms.append((layer.name, values.size, edges, counts / values.size))
        return Inside(filters, units, histograms)


# --- fitting the images -----------------------------------------------------------------------------------


def _spec(opened: _Opened, request: Request) -> DatasetSpec:
    """The data set of a model: the requested one, else the one whose images fit."""
    features = int(np.prod(opened.input_shape))
    if request.dataset:
        spec = datasets.spec_of(request.dataset)
        if not _fits(opened.input_shape, spec):
            raise ModelError(
                f"model: {opened.name!r} expects images of shape {_shape(opened.input_shape)}, but those of "
                f"{spec.title} have {_shape(spec.image_shape)}"
            )
    else:
        spec = next((spec for spec in DATASETS.values() if _fits(opened.input_shape, spec)), None)
        if spec is None:
            known = ", ".join(f"{_shape(spec.image_shape)} in {spec.title}" for spec in DATASETS.values())
            raise ModelError(
                f"model: {opened.name!r} expects images of shape {_shape(opened.input_shape)} ({features:,} values); "
                f"available are {known}"
            )
    if opened.outputs != spec.classes:
        raise ModelError(
            f"model: {opened.name!r} has {opened.outputs} outputs, but {spec.title} has {spec.classes} classes"
        )
    return spec


def _fits(shape: tuple[int, ...], spec: DatasetSpec) -> bool:
    return shape in (spec.image_shape, (*spec.image_shape, 1), (spec.features,))


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _dataset(opened: _Opened, request: Request) -> Dataset:
    spec = _spec(opened, request)
    if not datasets.available(spec.name):
        raise DataError(
            f"dataset: {spec.name!r} is not on this machine yet; `python -m explorer data {spec.name}` fetches it"
        )
    return datasets.load(spec.name, request.division)


def _facts(opened: _Opened, request: Request, spec: DatasetSpec) -> Facts:
    if opened.carries_scaling():
        return opened.facts(spec.name, CARRIED, "the model scales the pixels itself")
    if request.scaling != AUTOMATIC:
        return opened.facts(spec.name, request.scaling, "the model has no scaling layer; this scaling was chosen")
    if len(opened.input_shape) == 1:
        why = "the model takes flat images and has no scaling layer, so standardized pixels are assumed"
        return opened.facts(spec.name, STANDARDIZED, why)
    why = "the model takes unflattened images and has no scaling layer, so raw pixels are assumed"
    return opened.facts(spec.name, RAW, why)


def _scaling(facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, float32 `[features]`, of the scaling applied to the pixels before the model."""
    spec = DATASETS[facts.dataset]
    if facts.scaling == STANDARDIZED:
        return _statistics(facts.dataset)
    variance = spec.max_value**2 if facts.scaling == UNIT else 1.0
    return np.zeros(spec.features, "float32"), np.full(spec.features, variance, "float32")


@lru_cache(maxsize=len(DATASETS))
def _statistics(dataset: str) -> tuple[np.ndarray, np.ndarray]:
    from explorer.training.tensors import feature_statistics

    images, _ = datasets.load(dataset).split("train")
    return feature_statistics(images.reshape(len(images), -1))
