"""Dropout as a function of a seed, so that a resumed run drops the same units; and Monte-Carlo dropout predictions.

The arithmetic is that of Keras's own layers, which the saved model contains and which do nothing at prediction.
"""

import numpy as np

from explorer.training.frameworks import keras, tf

LAYERS = (keras.layers.Dropout, keras.layers.AlphaDropout)
# More layers than any network has: keeps the seeds of different steps apart.
LAYERS_PER_STEP = 1024

# Minus the limit of SELU at minus infinity (Klambauer et al., Self-Normalizing Neural Networks, 2017).
_SELU_BOUND = 1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


def noise_of(seed: int, epoch: int) -> int:
    """The dropout seed of an epoch: an integer of 31 bits."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0] >> 1)


def dropped(layer: keras.layers.Layer, values: tf.Tensor, rate: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The output of a dropout layer in training; `seed` is int32 `[2]`."""
    kept = tf.random.stateless_uniform(tf.shape(values), seed) >= rate
    if isinstance(layer, keras.layers.AlphaDropout):
        scale = tf.math.rsqrt((1 - rate) * (1 + rate * _SELU_BOUND**2))
        return scale * (tf.where(kept, values, -_SELU_BOUND) + _SELU_BOUND * rate)
    return tf.where(kept, values / (1 - rate), 0.0)


def predict_samples(model: keras.Model, images: np.ndarray, samples: int, seed: int = 0) -> np.ndarray:
    """Monte-Carlo dropout: class probabilities float32 `[samples, N, classes]`, each with different units dropped.

    Only dropout acts as in training; batch normalization uses its moving averages. The layers before the first dropout
    are computed once. A model without dropout gives equal samples. `model` must be a plain stack of layers.
    """
    model_layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    places = [number for number, layer in enumerate(model_layers) if isinstance(layer, LAYERS)]
    first = places[0] if places else len(model_layers)

    def walk(values: tf.Tensor, chain: list[tuple[int, keras.layers.Layer]], sample: tf.Tensor) -> tf.Tensor:
        for number, layer in chain:
            if isinstance(layer, LAYERS):
                values = dropped(
                    layer, values, tf.constant(layer.rate), tf.stack([sample, seed * LAYERS_PER_STEP + number])
                )
            else:
                values = layer(values, training=False)
        return values

    chain = list(enumerate(model_layers))
    begun = walk(tf.cast(images, tf.float32), chain[:first], tf.constant(0))
    finish = tf.function(lambda sample: walk(begun, chain[first:], sample), autograph=False)
    return np.stack([finish(tf.constant(sample)).numpy() for sample in range(samples)])
