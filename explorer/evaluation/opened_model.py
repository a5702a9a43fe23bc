"""A model that Keras has opened: its outputs, samples with dropout, and weights for images of a data set.

The only module of this package that imports TensorFlow, and only inside functions.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from explorer.config import RAW
from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.data.spec import DatasetSpec
from explorer.errors import ModelError
from explorer.evaluation.graph import ending, flat, mixes_images, penalty_words, unknown_penalty
from explorer.evaluation.keras2 import keep_activations, modernise, way_out
from explorer.evaluation.load_failures import DESCRIPTION, UNKNOWN, cause
from explorer.evaluation.outputs import Reading, probabilities
from explorer.evaluation.predictions import CARRIED, Facts

BATCH = 1000
KEPT_STATISTICS = 8
FILTERS = 100
HISTOGRAM_BINS = 41


@dataclass(frozen=True, eq=False)
class Inside:
    """The learned weights of a model, for display.

    `filters` are float32 `[n, *image_shape]`, the weights of the first units of the first dense layer; `histograms`
    hold for each dense layer its name, its number of weights, the bin edges and the share of weights in each bin.
    """

    filters: np.ndarray
    units: int
    histograms: list[tuple[str, int, np.ndarray, np.ndarray]]


def load(path: Path, model_hash: str, name: str) -> "OpenedModel":
    """Opens a checked model file with Keras; raises `ModelError` for one that cannot be used here."""
    from explorer.training.frameworks import keras

    version = modernise(path, name)
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        if version and cause(error) in (DESCRIPTION, UNKNOWN):
            raise ModelError(f"model: {name!r} contains parts that Keras 3 cannot read; {way_out(version)}") from error
        raise
    return OpenedModel(model, model_hash, name, version)


@dataclass(frozen=True, eq=False)
class Answers:
    """Outputs float32 `[N, classes]` of the model, their cross-entropies `[N]` as if they were probabilities, and the
    mean of what the regularizers add to the loss."""

    outputs: np.ndarray
    losses: np.ndarray
    penalty: float


class OpenedModel:
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
                tf.TensorSpec([None, features], tf.float32),
                tf.TensorSpec([None], tf.uint8),
                numbers,
                numbers,
            ]
        )
        def forward(images, labels, mean, scale):
            scaled = (images - mean) * scale
            outputs = model(tf.reshape(scaled, [-1, *self.input_shape]), training=False)
            penalty = tf.add_n([tf.constant(0.0), *(tf.cast(tf.reduce_sum(one), tf.float32) for one in model.losses)])
            outputs = tf.cast(outputs, tf.float32)
            self.ending = replace(self.ending, keeps_sums=hasattr(outputs, "_keras_logits"))
            # within a compiled function Keras computes the loss from the logits, as its `evaluate` does
            return outputs, keras.losses.sparse_categorical_crossentropy(labels, outputs), penalty

        compiled = forward.get_concrete_function()
        # TensorFlow plans its execution at the first call, which belongs to opening the model
        compiled(tf.zeros([1, features]), tf.zeros([1], tf.uint8), tf.zeros([features]), tf.ones([features]))
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

    def answers(self, images: np.ndarray, labels: np.ndarray, facts: Facts) -> Answers:
        """The outputs of the model for images `[N, *image_shape]`."""
        from explorer.training.frameworks import tf

        mean, variance = _scaling(facts)
        scale = tf.constant((1 / np.sqrt(variance)).astype("float32"))
        pixels, mean = images.reshape(len(images), -1), tf.constant(mean)
        batches = [slice(start, start + BATCH) for start in range(0, len(pixels), BATCH)]
        parts = [
            self._forward(tf.constant(pixels[at].astype("float32")), tf.constant(labels[at]), mean, scale)
            for at in batches
        ]
        outputs, losses = (np.concatenate([part[number].numpy() for part in parts]) for number in (0, 1))
        # weighted by the number of images in each batch, like Keras
        counts = [len(pixels[at]) for at in batches]
        penalty = float(np.average([float(part[2]) for part in parts], weights=counts))
        if not (np.isfinite(outputs).all() and np.isfinite(penalty)):
            raise ModelError(f"model: {self.name!r} gives NaN or infinite outputs for these images")
        return Answers(outputs, losses, penalty)

    def sampled(
        self, images: np.ndarray, labels: np.ndarray, facts: Facts, reading: Reading, samples: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Monte-Carlo dropout: mean probabilities `[N, classes]`, their losses `[N]`, and the spread `[N]`."""
        from explorer.training.dropout import predict_samples

        if any(hasattr(layer, "layers") for layer in self.model.layers):
            raise ModelError(f"model: {self.name!r} has models as layers, so its dropout cannot be sampled")
        center, variance = _scaling(facts)
        scaled = (images.reshape(len(images), -1) - center) / np.sqrt(variance)
        outputs = predict_samples(self.model, scaled.reshape(-1, *self.input_shape), samples)
        sampled = probabilities(outputs, reading)
        mean = sampled.mean(axis=0)
        every = np.arange(len(images))
        losses = -np.log(np.maximum(mean[every, labels], np.finfo("float32").tiny))
        return mean, losses, sampled[:, every, mean.argmax(axis=1)].std(axis=0)

    def inside(self, spec: DatasetSpec) -> Inside:
        weighted = [layer for layer in flat(self.model) if layer.weights]
        dense = next((layer for layer in weighted if type(layer).__name__ == "Dense"), None)
        filters, units = np.zeros((0, *spec.image_shape), "float32"), 0
        if dense is not None and spec.pictures and dense.kernel.shape[0] == spec.features:
            kernel = dense.kernel.numpy().T.astype("float32")
            filters, units = kernel[:FILTERS].reshape(-1, *spec.image_shape), len(kernel)
        histograms = []
        for layer in weighted:
            if type(layer).__name__ == "Dense":
                values = layer.kernel.numpy().ravel()
                counts, edges = np.histogram(values, bins=HISTOGRAM_BINS)
                histograms.append((layer.name, values.size, edges, counts / values.size))
        return Inside(filters, units, histograms)


def _scaling(facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, float32 `[features]`, of the scaling applied to the pixels before the model."""
    from explorer.training.scaling import scaling_statistics

    kind = RAW if facts.scaling == CARRIED else facts.scaling
    return scaling_statistics(kind, DATASETS[facts.dataset], lambda: _statistics(facts.dataset))


@lru_cache(maxsize=KEPT_STATISTICS)
def _statistics(dataset: str) -> tuple[np.ndarray, np.ndarray]:
    from explorer.training.scaling import feature_statistics

    images, _ = datasets.load(dataset).split("train")
    return feature_statistics(images.reshape(len(images), -1))
