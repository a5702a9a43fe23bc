"""Dropout as a function of a seed, so that a resumed run drops what it would have dropped, and predictions that sample.

The arithmetic is that of Keras's own layers, which are in the saved model and do nothing when it predicts.
"""

import numpy as np

from explorer.training.frameworks import keras, tf

LAYERS = (keras.layers.Dropout, keras.layers.AlphaDropout)
# More than any network has layers: keeps the seeds of two steps apart.
LAYERS_A_STEP = 1024

# What SELU tends to far below zero, times -1 (Klambauer and others, Self-Normalizing Neural Networks, 2017).
_SELU_BOUND = 1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


def noise_of(seed: int, epoch: int) -> int:
    """What the random numbers of an epoch start from: a whole number of 31 bits."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0] >> 1)


def dropped(layer: keras.layers.Layer, values: tf.Tensor, rate: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """What a dropout layer makes of `values` while training; `seed` is two whole numbers, int32 `[2]`."""
    kept = tf.random.stateless_uniform(tf.shape(values), seed) >= rate
    if isinstance(layer, keras.layers.AlphaDropout):
        scale = tf.math.rsqrt((1 - rate) * (1 + rate * _SELU_BOUND**2))
        return scale * (tf.where(kept, values, -_SELU_BOUND) + _SELU_BOUND * rate)
    return tf.where(kept, values / (1 - rate), 0.0)


def predict_samples(model: keras.Model, images: np.ndarray, samples: int, seed: int = 0) -> np.ndarray:
    """Monte-Carlo dropout: class probabilities float32 `[samples, N, classes]`, each sample with other units silenced.

    Only dropout acts as in training; batch normalization keeps its averages. The layers before the first dropout are
    worked out once. A model without dropout gives equal samples. `model` is a plain chain of layers.
    """
    model_layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    places = [number for number, layer in enumerate(model_layers) if isinstance(layer, LAYERS)]
    first = places[0] if places else len(model_layers)

    def walk(values: tf.Tensor, chain: list[tuple[int, keras.layers.Layer]], sample: tf.Tensor) -> tf.Tensor:
        for number, layer in chain:
            if isinstance(layer, LAYERS):
                values = dropped(
                    layer, values, tf.constant(layer.rate), tf.stack([sample, seed * LAYERS_A_STEP + number])
                )
            else:
                values = layer(values, training=False)
        return values

    chain = list(enumerate(model_layers))
    begun = walk(tf.cast(images, tf.float32), chain[:first], tf.constant(0))
    finish = tf.function(lambda sample: walk(begun, chain[first:], sample), autograph=False)
    return np.stack([finish(tf.constant(sample)).numpy() for sample in range(samples)])
