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

    Only dropout acts as in training; batch normalization uses its moving averages. What comes before the first dropout
    is computed once. A model without dropout gives equal samples. `model` must not have models as layers.
    """
    calls = _calls(model)
    places = [number for number, (layer, _, _) in enumerate(calls) if isinstance(layer, LAYERS)]
    first = places[0] if places else len(calls)

    def walk(known: dict[int, tf.Tensor], begin: int, end: int, sample: tf.Tensor) -> dict[int, tf.Tensor]:
        known = dict(known)
        for number, (layer, inputs, output) in enumerate(calls[begin:end], begin):
            values = [known[one] for one in inputs]
            if isinstance(layer, LAYERS):
                seed_here = tf.stack([sample, seed * LAYERS_PER_STEP + number])
                known[output] = dropped(layer, values[0], tf.constant(layer.rate), seed_here)
            else:
                known[output] = layer(values if len(values) > 1 else values[0], training=False)
        return known

    begun = walk({id(model.inputs[0]): tf.cast(images, tf.float32)}, 0, first, tf.constant(0))
    last = id(model.outputs[0])
    finish = tf.function(lambda sample: walk(begun, first, len(calls), sample)[last], autograph=False)
    return np.stack([finish(tf.constant(sample)).numpy() for sample in range(samples)])


def _calls(model: keras.Model) -> list[tuple[keras.layers.Layer, list[int], int]]:
    """Each layer after the input of a model in an order of computation, with what it takes and makes, by `id`."""
    calls, done, waiting = [], {id(model.inputs[0])}, [model.outputs[0]]
    while waiting:
        tensor = waiting[-1]
        layer, node, _ = tensor._keras_history
        inputs = layer._inbound_nodes[node].input_tensors
        if missing := [one for one in inputs if id(one) not in done]:
            waiting += missing
            continue
        waiting.pop()
        if id(tensor) not in done:
            done.add(id(tensor))
            calls.append((layer, [id(one) for one in inputs], id(tensor)))
    return calls
