"""A network and its optimizer, with many training steps compiled into one XLA program.

The loop over batches runs inside the program, without Python. `python -m explorer benchmark` compares it with
`model.fit`; the results stand in `explorer/benchmarks/README.md`.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from explorer.config import TrainingConfig
from explorer.runs.signals import EpochSignals
from explorer.training.dropout import LAYERS as DROPOUT_LAYERS
from explorer.training.dropout import LAYERS_PER_STEP, dropped
from explorer.training.frameworks import keras, tf, xla_optimization_barrier
from explorer.training.layer_statistics import Probe, blocks_of
from explorer.training.model import build_network, build_optimizer, initial_state, reset_optimizer, set_initial_weights
from explorer.training.tensors import Split, TrainingTensors

EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Shape:
    """The settings that a compiled program depends on: runs with equal shapes share one program."""

    dataset: str
    activation: str
    batch_norm: str
    depth: int
    width: int
    optimizer: str
    batch_size: int
    dropout: str
    penalized: bool
    clipped: bool
    validation_split: str

    @classmethod
    def of(cls, config: TrainingConfig) -> "Shape":
        """The shape of a configuration; seed, rates, schedule, scaling, initializer and lengths are not part of it.

        Of the L2 penalty and gradient clipping, only whether they are used counts.
        """
        switches = {"penalized": config.l2 > 0, "clipped": config.clip_norm > 0}
        return cls(**{name: switches.get(name, getattr(config, name, None)) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Totals:
    """Sums over the images so far: the loss including the penalty, the number classified correctly, and the penalty."""

    loss: float = 0.0
    correct: int = 0
    penalty: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """Mean loss and accuracy (0–1) over a split, as `model.evaluate` returns them; the loss includes `penalty`."""

    loss: float
    accuracy: float
    penalty: float


class CompiledNetwork:
    """One Keras network and one Keras optimizer, trained and evaluated by compiled programs.

    The programs change the variables in place. They serve one run at a time; `start` resets everything.
    `steps_per_epoch` is the number of weight updates per epoch, including the incomplete last batch.
    `compiled` is False where XLA is unavailable, and `compile_error` says why; `compile_seconds` is the time that
    tracing and compiling took.
    """

    def __init__(self, config: TrainingConfig, data: TrainingTensors, *, jit_compile: bool = True):
        self.data = data
        self.batch_size = min(config.batch_size, data.training.size)
        self.steps_per_epoch = -(-data.training.size // self.batch_size)
        self._in_last = data.training.size - (self.steps_per_epoch - 1) * self.batch_size
        self.shape = Shape.of(config)
        self.network = build_network(config)
        self.optimizer = build_optimizer(config.optimizer, config.learning_rate)
        self.optimizer.build(self.network.trainable_variables)
        self._initial_state = initial_state(self.optimizer)
        self._scaled_layers = self.network.layers[2:]  # after Flatten and the input scaling
        self._loss = keras.losses.SparseCategoricalCrossentropy()
        self.probe = Probe(*blocks_of(self._scaled_layers), data.training.images, data.training.labels)
        self.compile_seconds = 0.0
        self.compiled, self.compile_error = jit_compile, ""
        self._make_programs()

    def start(self, config: TrainingConfig) -> None:
        """Sets weights, input scaling and optimizer to the initial state of a run of this configuration."""
        set_initial_weights(self.network, config, *self.data.scaling(config.input_scaling))
        reset_optimizer(self.optimizer, self._initial_state, config.learning_rate)
        self._mean, self._deviation = self.data.scaling_tensors(config.input_scaling)
        self._rate = config.learning_rate
        self._strengths = tf.constant([config.dropout_rate, config.l2, config.clip_norm])

    def compile(self) -> None:
        """Traces and compiles ahead of time what training would compile at its first step; changes no variable."""
        self._mean = tf.zeros(self.data.spec.features)
        self._deviation = tf.ones(self.data.spec.features)
        self._rate, self._strengths = 0.0, tf.ones(3)
        started = time.perf_counter()
        try:
            self._run_all_empty()
        except (tf.errors.OpError, ValueError, NotImplementedError) as error:
            if not self.compiled:
                raise
            self.compile_error = str(error).splitlines()[0]
            self.compiled = False
            self._make_programs()
            self._run_all_empty()
        self.compile_seconds = time.perf_counter() - started

    def images_of(self, step: int) -> int:
        """The number of images in a step of an epoch (counted from 0); the last step may have fewer."""
        return self._in_last if step == self.steps_per_epoch - 1 else self.batch_size

    @property
    def variables(self) -> list[keras.Variable]:
        """All variables that training changes: the network's, then the optimizer's."""
        return [*self.network.weights, *self.optimizer.variables]

    def train_steps(
        self,
        order: np.ndarray,
        start: int,
        stop: int,
        totals: Totals,
        rates: np.ndarray | None = None,
        noise: int = 0,
    ) -> Totals:
        """Trains on batches `start` to `stop` of an epoch whose images come in `order` (int `[N]`).

        The totals are passed in and returned, so an epoch is summed in the same order however it is divided into calls.
        `rates` are the learning rates of all steps of the epoch (by default the configuration's); `noise` is the seed
        of its dropout.
        """
        if rates is None:
            rates = np.full(self.steps_per_epoch, self._rate)
        batches = np.resize(order, (self.steps_per_epoch, self.batch_size))  # any image can pad the last batch
        loss, correct, penalty = self._train(batches, start, stop, totals, rates, noise)
        return Totals(float(loss), int(correct), float(penalty))

    def evaluate(self, split: Split) -> Evaluation:
        """Loss, accuracy and penalty of the current weights over a split."""
        batch = min(EVALUATION_BATCH, split.size)
        batches = -(-split.size // batch)
        index = np.zeros(batches * batch, np.int32)
        index[: split.size] = np.arange(split.size)
        weight = np.zeros(batches * batch, np.float32)
        weight[: split.size] = 1.0
        loss, correct = self._evaluate_program(
            split.images,
            split.labels,
            tf.constant(index.reshape(batches, batch)),
            tf.constant(weight.reshape(batches, batch)),
            self._mean,
            self._deviation,
        )
        penalty = float(self._penalty(self._strengths[1])) if self.shape.penalized else 0.0
        return Evaluation(float(loss) / split.size + penalty, float(correct) / split.size, penalty)

    def signals(self, epoch: int, before: list[tf.Tensor] | None) -> EpochSignals:
        """The layer statistics of the probe batch; `before` holds `probe.kernels()` before the epoch's last step."""
        return self.probe.measure(epoch, self._mean, self._deviation, before)

    # --- the programs -------------------------------------------------------------------------------------

    def _make_programs(self) -> None:
        # dynamic bounds: one program serves any number of steps, including none to compile ahead of time
        features, count = self.data.spec.features, tf.TensorSpec([], tf.int32)
        images, labels = tf.TensorSpec([None, features], tf.uint8), tf.TensorSpec([None], tf.int32)
        order = tf.TensorSpec([self.steps_per_epoch, self.batch_size], tf.int32)
        batches, weights = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None])
        scaling = [tf.TensorSpec([features])] * 2
        sums, rates, strengths = (
            [tf.TensorSpec([]), count, tf.TensorSpec([])],
            tf.TensorSpec([None]),
            tf.TensorSpec([3]),
        )
        self._train_program = self._function(
            self._training_loop,
            [images, labels, order, count, count, *sums, *scaling, rates, strengths, count],
        )
        self._evaluate_program = self._function(self._evaluation_loop, [images, labels, batches, weights, *scaling])

    def _function(self, loop: Callable, signature: list[tf.TensorSpec]) -> Callable:
        return tf.function(loop, input_signature=signature, jit_compile=self.compiled, autograph=False)

    def _train(self, batches: np.ndarray, start: int, stop: int, totals: Totals, rates: np.ndarray, noise: int):
        # the images are arguments: the compiler would fold a captured constant of 120 MB
        return self._train_program(
            self.data.training.images,
            self.data.training.labels,
            tf.constant(batches, tf.int32),
            tf.constant(start),
            tf.constant(stop),
            tf.constant(totals.loss, tf.float32),
            tf.constant(totals.correct),
            tf.constant(totals.penalty, tf.float32),
            self._mean,
            self._deviation,
            tf.constant(rates, tf.float32),
            self._strengths,
            tf.constant(noise),
        )

    def _run_all_empty(self) -> None:
        # XLA compiles without Python's lock, so the smaller programs are traced while the largest is compiled
        self._train_program.get_concrete_function()
        order, rates = np.zeros((self.steps_per_epoch, self.batch_size), np.int32), np.zeros(self.steps_per_epoch)
        with ThreadPoolExecutor() as pool:
            calls = [
                pool.submit(self._train, order, 0, 0, Totals(), rates, 0),
                pool.submit(self.evaluate, self.data.validation),
                pool.submit(self.probe.compile),
            ]
        for call in calls:
            call.result()

    def _training_loop(
        self, images, labels, batches, start, stop, loss, correct, penalty, mean, deviation, rates, strengths, noise
    ):
        dropout_rate, l2, clip_norm = tf.unstack(strengths)

        def step(number, loss, correct, penalty):
            # a row of a matrix, not a slice with a computed start: XLA must see the batch's shape
            chosen = batches[number]
            truth = tf.gather(labels, chosen)
            present = self._present(number)
            with tf.GradientTape() as tape:
                dropout = dropout_rate, noise, number
                predicted = self._predict(tf.gather(images, chosen), mean, deviation, dropout, present)
                batch_loss = self._batch_loss(truth, predicted, present)
                if self.shape.penalized:
                    batch_penalty = self._penalty(l2)
                    batch_loss += batch_penalty
            variables = self.network.trainable_variables
            gradients = tape.gradient(batch_loss, variables)
            if self.shape.clipped:
                gradients = _clipped(gradients, clip_norm)
            self.optimizer.learning_rate.assign(rates[number])
            self.optimizer.apply(gradients, variables)
            count = self.batch_size if present is None else tf.reduce_sum(present)
            return (
                number + 1,
                loss + batch_loss * count,
                correct + _count_correct(truth, predicted, present),
                penalty + batch_penalty * count if self.shape.penalized else penalty,
            )

        return tf.while_loop(lambda number, *_: number < stop, step, (start, loss, correct, penalty))[1:]

    def _present(self, number: tf.Tensor) -> tf.Tensor | None:
        """1 for the images of a batch and 0 for its padding, float32 `[batch]`; None when every batch is full.

        With it, one program trains on full batches and on the incomplete last one; a second program for that would
        take longer to compile than the first.
        """
        if self._in_last == self.batch_size:
            return None
        images = tf.where(number == self.steps_per_epoch - 1, self._in_last, self.batch_size)
        return tf.cast(tf.range(self.batch_size) < images, tf.float32)

    def _batch_loss(self, truth: tf.Tensor, predicted: tf.Tensor, present: tf.Tensor | None) -> tf.Tensor:
        if present is None:
            return self._loss(truth, predicted)
        losses = keras.losses.sparse_categorical_crossentropy(truth, predicted)
        return tf.reduce_sum(losses * present) / tf.reduce_sum(present)

    def _evaluation_loop(self, images, labels, batches, weights, mean, deviation):
        def step(number, loss, correct):
            truth, weight = tf.gather(labels, batches[number]), weights[number]
            predicted = self._predict(tf.gather(images, batches[number]), mean, deviation)
            losses = keras.losses.sparse_categorical_crossentropy(truth, predicted)
            return (
                number + 1,
                loss + tf.reduce_sum(losses * weight),
                correct + _count_correct(truth, predicted, weight),
            )

        start = tf.constant(0), tf.constant(0.0), tf.constant(0)
        return tf.while_loop(lambda number, *_: number < tf.shape(batches)[0], step, start)[1:]

    def _predict(self, pixels, mean, deviation, dropout: tuple | None = None, present: tf.Tensor | None = None):
        """Class probabilities; `dropout` (rate, seed of the epoch, number of the step) is given in training only.

        Batch normalization takes its statistics only from the images that are `present`.
        """
        training = dropout is not None
        values = (tf.cast(pixels, tf.float32) - mean) / deviation
        for number, layer in enumerate(self._scaled_layers):
            if isinstance(layer, DROPOUT_LAYERS):
                if training:
                    rate, noise, step = dropout
                    values = dropped(layer, values, rate, tf.stack([noise, step * LAYERS_PER_STEP + number]))
            elif training and self.compiled and isinstance(layer, keras.layers.Dense):
                values = layer.activation(_multiply(values, layer.kernel.value) + layer.bias)
            elif isinstance(layer, keras.layers.BatchNormalization):
                values = layer(values, training=training, mask=present)
            else:
                values = layer(values, training=training)
        return values

    def _penalty(self, l2: tf.Tensor) -> tf.Tensor:
        """The sum that Keras's L2 regularizers of all kernels add to the loss."""
        kernels = [layer.kernel.value for layer in self._scaled_layers if isinstance(layer, keras.layers.Dense)]
        return l2 * tf.add_n([tf.reduce_sum(tf.square(kernel)) for kernel in kernels])


def _clipped(gradients: list[tf.Tensor], most: tf.Tensor) -> list[tf.Tensor]:
    """The gradients, scaled down together to a global norm of at most `most`, as by Keras's `global_clipnorm`.

    If the norm is not finite, no gradient is.
    """
    length = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients]))
    scale = most * tf.minimum(1 / length, 1 / most) + (length - length)
    return [gradient * scale for gradient in gradients]


@tf.custom_gradient
def _multiply(values: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The matrix product of a dense layer, with its gradient arranged so that XLA uses its fast matrix products.

    These accept no transposed left operand, so that operand is copied; the first barrier keeps XLA from folding the
    copy back into the product: a tenth less time per epoch. The second has both products finished before the kernel is
    updated, so that the update happens in place.
    """

    def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
        [turned] = xla_optimization_barrier([tf.transpose(values)])
        products = [tf.matmul(upstream, kernel, transpose_b=True), tf.matmul(turned, upstream)]
        return xla_optimization_barrier(products)

    return tf.matmul(values, kernel), gradient


def _count_correct(truth: tf.Tensor, predicted: tf.Tensor, weight: tf.Tensor | None = None) -> tf.Tensor:
    right = tf.cast(tf.equal(tf.argmax(predicted, -1, output_type=tf.int32), truth), tf.int32)
    return tf.reduce_sum(right if weight is None else right * tf.cast(weight, tf.int32))
