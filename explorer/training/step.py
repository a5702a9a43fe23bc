"""What happens to one batch in a compiled program: forward pass, loss, penalty, clipping of the gradients."""

from explorer.training.dropout import LAYERS as DROPOUT_LAYERS
from explorer.training.dropout import LAYERS_PER_STEP, dropped
from explorer.training.frameworks import keras, tf
from explorer.training.model import through


def forward(
    layers: list, pixels: tf.Tensor, scaling: tuple, dropout: tuple | None = None, present: tf.Tensor | None = None
) -> tf.Tensor:
    """Class probabilities of pixels `[batch, features]` under a scaling, which is mean and deviation `[features]`.

    `dropout` (rate, seed of the epoch, number of the step) is given in training only. Batch normalization takes its
    statistics only from the images that are `present`.
    """
    training, (mean, deviation) = dropout is not None, scaling
    places = {id(layer): number for number, layer in enumerate(layers)}

    def call(layer, values: tf.Tensor) -> tf.Tensor:
        if isinstance(layer, DROPOUT_LAYERS):
            if not training:
                return values
            rate, noise, step = dropout
            return dropped(layer, values, rate, tf.stack([noise, step * LAYERS_PER_STEP + places[id(layer)]]))
        if isinstance(layer, keras.layers.BatchNormalization):
            return layer(values, training=training, mask=present)
        if isinstance(layer, keras.layers.Dense):
            # as Keras computes it, but for BiasAdd: XLA takes 30 ms to lower the gradient of each one
            return layer.activation(values @ layer.kernel.value + layer.bias.value)
        return layer(values, training=training)

    return through(layers, (tf.cast(pixels, tf.float32) - mean) / deviation, call)


def mean_loss(truth: tf.Tensor, predicted: tf.Tensor, present: tf.Tensor | None) -> tf.Tensor:
    """The mean cross-entropy of the images of a batch, or of those that are `present` (1 or 0).

    `truth` are labels `[batch]`, or shares of the classes `[batch, classes]`.
    """
    if present is None and truth.shape.rank == 1:
        return keras.losses.SparseCategoricalCrossentropy()(truth, predicted)
    losses = cross_entropies(truth, predicted)
    if present is None:
        return tf.reduce_mean(losses)
    return tf.reduce_sum(losses * present) / tf.reduce_sum(present)


def smoothed(truth: tf.Tensor, classes: int, smoothing: tf.Tensor) -> tf.Tensor:
    """Labels, or shares of the classes, as shares `[batch, classes]` with Keras's label smoothing."""
    shares = tf.one_hot(truth, classes) if truth.shape.rank == 1 else truth
    return shares * (1 - smoothing) + smoothing / classes


def cross_entropies(truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """The cross-entropy of each image; `truth` as in `mean_loss`."""
    if truth.shape.rank == 1:
        return keras.losses.sparse_categorical_crossentropy(truth, predicted)
    return keras.losses.categorical_crossentropy(truth, predicted)


def l2_penalty(layers: list, l2: tf.Tensor) -> tf.Tensor:
    """The sum that Keras's L2 regularizers of all kernels add to the loss."""
    kernels = [layer.kernel.value for layer in layers if isinstance(layer, keras.layers.Dense)]
    return l2 * tf.add_n([tf.reduce_sum(tf.square(kernel)) for kernel in kernels])


def clip(gradients: list[tf.Tensor], most: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
    """The gradients, scaled down together to a global norm of at most `most`, as by Keras's `global_clipnorm`.

    Also whether that changed them. If the norm is not finite, no gradient is.
    """
    length = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients]))
    scale = most * tf.minimum(1 / length, 1 / most) + (length - length)
    return [gradient * scale for gradient in gradients], length > most


def count_correct(truth: tf.Tensor, predicted: tf.Tensor, weight: tf.Tensor | None = None) -> tf.Tensor:
    """How many images are classified correctly, of those with weight 1 if weights are given."""
    right = tf.cast(is_correct(truth, predicted), tf.int32)
    return tf.reduce_sum(right if weight is None else right * tf.cast(weight, tf.int32))


def is_correct(truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Whether each image is classified correctly, bool `[batch]`; of shares, the largest counts."""
    if truth.shape.rank == 2:
        truth = tf.argmax(truth, -1, output_type=tf.int32)
    return tf.equal(tf.argmax(predicted, -1, output_type=tf.int32), truth)
