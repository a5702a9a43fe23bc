"""What the task process does with a model file: checks it, opens it with Keras, asks it.

The only module of this room that imports TensorFlow, and only inside functions. Each public function is one question.
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
    """What a model has learnt, to look at.

    `filters` are float32 `[n, *image_shape]`, the first weights of the first dense layer; `histograms` hold for each
    layer with weights its name, how many, the edges of the bins and the share of weights in each.
    """

    filters: np.ndarray
    units: int
    histograms: list[tuple[str, int, np.ndarray, np.ndarray]]


def _in_a_sentence(question: Callable) -> Callable:
    """Has whatever Keras, TensorFlow or h5py raise for a model told as `ModelError`."""

    @wraps(question)
    def asked(request: Request, *arguments):
        try:
            return question(request, *arguments)
        except ExplorerError:
            raise
        except Exception as error:  # they raise anything for a file that they do not understand
            raise ModelError(f"model: {request.name!r} cannot be opened by Keras: {cause(error)}") from error

    return asked


@_in_a_sentence
def predict(request: Request) -> Predictions:
    """The probabilities that a model file gives to a split of its data set, or their mean over samples of its dropout.

    Raises `ModelError` for a file that is not opened or does not fit, `DataError` without the images.
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

    # what the outputs are is told from images of the data set: a single one may look like anything
    known = datasets.load(spec.name).split("validation")[0][:BATCH] if datasets.available(spec.name) else images
    reading = read(outputs(known), opened.ending, request.outputs, request.name)
    return probabilities(outputs(images), reading)


@_in_a_sentence
def look_inside(request: Request) -> Inside:
    """The first layer's weights as images, and how the weights of every layer are spread."""
    opened = _open(request)
    return opened.inside(_spec(opened, request))


# --- opening ----------------------------------------------------------------------------------------------


def _open(request: Request) -> "_Opened":
    """The model of a file as it is now; one that was opened before is still here."""
    path = Path(request.path)
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        # what is checked, hashed and opened is one copy: the file itself may be replaced in between
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
            raise ModelError(f"model: {name!r} holds what Keras 3 does not read; {way_out(version)}") from error
        raise
    return _Opened(model, model_hash, name, version)


@dataclass(frozen=True, eq=False)
class _Answers:
    """Outputs float32 `[N, classes]` as the model gives them, their cross-entropies `[N]` as if they were
    probabilities, and the mean of what the regularizers add to the loss."""

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
            self.origin += ", whose hard_sigmoid (slope 0.2) it keeps"
        shapes = [shape for shape in (model.input_shape, model.output_shape) if not isinstance(shape, tuple)]
        if shapes or None in model.input_shape[1:] or len(model.output_shape) != 2:
            raise ModelError(f"model: {name!r} must take one array of images and give one row of numbers for each")
        self.input_shape, self.outputs = tuple(model.input_shape[1:]), model.output_shape[1]
        if layer := mixes_images(model):
            raise ModelError(
                f"model: the layer {layer!r} of {name!r} normalizes over the images of a batch, so no image has an "
                "answer of its own"
            )
        for layer in flat(model):
            for weight in layer.weights:
                if not np.isfinite(weight.numpy()).all():
                    raise ModelError(
                        f"model: {name!r} is broken: the layer {layer.name!r} has weights that are not finite (NaN or "
                        "infinite), as after training that diverged"
                    )
        if layer := unknown_penalty(model):
            raise ModelError(
                f"model: the layer {layer!r} of {name!r} has an activity regularizer that is not L1 or L2, which Keras "
                "cannot evaluate; save the model without it"
            )
        self.ending = ending(model)
        self._forward = self._compiled()

    def _compiled(self):
        """Images and labels to outputs, losses and penalty, by TensorFlow; XLA would take longer to compile."""
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
            # within a compiled function Keras takes the loss from what the softmax was made of, as its `evaluate` does
            return outputs, keras.losses.sparse_categorical_crossentropy(labels, outputs), penalty

        compiled = forward.get_concrete_function()
        # the first call is when TensorFlow makes its plan: a part of opening, some 0.1 s
        compiled(tf.zeros([1, features], tf.uint8), tf.zeros([1], tf.uint8), tf.zeros([features]), tf.ones([features]))
        return compiled

    def facts(self, dataset: str, scaling: str, note: str) -> Facts:
        from explorer.training.dropout import LAYERS as DROPOUT

        layers = flat(self.model)
        return Facts(
            model_hash=self.hash,
            input_shape=self.input_shape,
            outputs=self.outputs,
            # as everywhere else here: those of the input scaling are not counted
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
        """Whether pixels are scaled by a layer of the model."""
        for layer in flat(self.model):
            if type(layer).__name__ in ("Normalization", "Rescaling"):
                return True
            if type(layer).__name__ == "Dense":
                return False
        return False

    def answers(self, images: np.ndarray, labels: np.ndarray, facts: Facts) -> _Answers:
        """What the model says about images uint8 `[N, *image_shape]`."""
        from explorer.training.frameworks import tf

        mean, variance = _scaling(facts)
        scale = tf.constant((1 / np.sqrt(variance)).astype("float32"))
        pixels, mean = images.reshape(len(images), -1), tf.constant(mean)
        batches = [slice(start, start + BATCH) for start in range(0, len(pixels), BATCH)]
        found = [self._forward(tf.constant(pixels[at]), tf.constant(labels[at]), mean, scale) for at in batches]
        outputs, losses = (np.concatenate([part[number].numpy() for part in found]) for number in (0, 1))
        # as Keras averages: a batch counts as often as it has images
        counts = [len(pixels[at]) for at in batches]
        penalty = float(np.average([float(part[2]) for part in found], weights=counts))
        if not (np.isfinite(outputs).all() and np.isfinite(penalty)):
            raise ModelError(f"model: {self.name!r} answers with numbers that are not finite on these images")
        return _Answers(outputs, losses, penalty)

    def sampled(
        self, images: np.ndarray, labels: np.ndarray, facts: Facts, reading: Reading, samples: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Monte-Carlo dropout: mean probabilities `[N, classes]`, their losses `[N]`, and the spread `[N]`."""
        from explorer.training.dropout import predict_samples

        chain = [layer for layer in self.model.layers if type(layer).__name__ != "InputLayer"]
        if any(hasattr(layer, "layers") or type(layer).__name__ in MERGING for layer in chain):
            raise ModelError(f"model: {self.name!r} is no plain chain of layers, so its dropout cannot be sampled")
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
    """The data set that a model belongs to: the one that is asked for, else the one whose images fit."""
    features = int(np.prod(opened.input_shape))
    if request.dataset:
        spec = datasets.spec_of(request.dataset)
        if not _fits(opened.input_shape, spec):
            raise ModelError(
                f"model: {opened.name!r} takes images of shape {_shape(opened.input_shape)} and those of {spec.title} "
                f"have {_shape(spec.image_shape)}"
            )
    else:
        spec = next((spec for spec in DATASETS.values() if _fits(opened.input_shape, spec)), None)
        if spec is None:
            known = ", ".join(f"{_shape(spec.image_shape)} in {spec.title}" for spec in DATASETS.values())
            raise ModelError(
                f"model: {opened.name!r} takes images of shape {_shape(opened.input_shape)} ({features:,} numbers); "
                f"there are {known}"
            )
    if opened.outputs != spec.classes:
        raise ModelError(
            f"model: {opened.name!r} has {opened.outputs} outputs and {spec.title} has {spec.classes} classes"
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
        return opened.facts(spec.name, request.scaling, "the model carries no scaling; this one was asked for")
    if len(opened.input_shape) == 1:
        why = "the model takes flat images and carries no scaling, so standardised pixels are assumed"
        return opened.facts(spec.name, STANDARDIZED, why)
    why = "the model takes whole images and carries no scaling, so raw pixels are assumed"
    return opened.facts(spec.name, RAW, why)


def _scaling(facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, float32 `[features]`, of what is done to the pixels before the model sees them."""
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
