"""A network and its optimizer, with many training steps compiled into one XLA program.

The loop over batches runs inside the program, without Python. `python -m explorer benchmark` compares it with
`model.fit`; the results are in `explorer/benchmarks/README.md`.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from explorer.config import TrainingConfig
from explorer.runs.decision_boundary import grid
from explorer.runs.signals import EpochSignals
from explorer.training.augmentation import Draws, augmented, unchanged
from explorer.training.batches import Batches
from explorer.training.frameworks import keras, tf
from explorer.training.layer_statistics import Probe, blocks_of
from explorer.training.model import (
    build_network,
    build_optimizer,
    chain_of,
    initial_state,
    reset_optimizer,
    set_initial_weights,
)
from explorer.training.program_files import key_of
from explorer.training.program_shape import Shape
from explorer.training.results import Evaluation, Totals
from explorer.training.step import (
    clip,
    count_correct,
    cross_entropies,
    forward,
    is_correct,
    l2_penalty,
    mean_loss,
    smoothed,
)
from explorer.training.stored_programs import StoredPrograms
from explorer.training.tensors import Split, TrainingTensors

EVALUATION_BATCH = 500


class CompiledNetwork:
    """One Keras network and one Keras optimizer, trained and evaluated by compiled programs.

    The programs change the variables in place. They serve one run at a time; `start` resets everything.
    `scaled_layers` are those after the input scaling. `steps_per_epoch` is the number of weight updates per epoch,
    including the incomplete last batch. `compiled` is False where XLA is unavailable, and `compile_error` says why;
    `compile_seconds` is the time that tracing and compiling took.
    """

    def __init__(self, config: TrainingConfig, data: TrainingTensors, *, jit_compile: bool = True):
        self.data = data
        self._batches = Batches(data.training.size, min(config.batch_size, data.training.size))
        self.batch_size, self.steps_per_epoch = self._batches.size, self._batches.steps
        self.shape = Shape.of(config)
        self.network = build_network(config)
        self.optimizer = build_optimizer(config.optimizer, config.learning_rate, config.weight_decay)
        self.optimizer.build(self.network.trainable_variables)
        self._initial_state = initial_state(self.optimizer)
        self.scaled_layers = chain_of(self.network)[2:]  # after Flatten and the input scaling
        self.compile_seconds = 0.0
        self.compiled, self.compile_error = jit_compile, ""
        self._make_programs()

    def start(self, config: TrainingConfig) -> None:
        """Sets weights, input scaling and optimizer to the initial state of a run of this configuration."""
        set_initial_weights(self.network, config, *self.data.scaling(config.input_scaling))
        reset_optimizer(self.optimizer, self._initial_state, config.learning_rate, config.weight_decay)
        self._mean, self._deviation = self.data.scaling_tensors(config.input_scaling)
        self._rate = config.learning_rate
        self._strengths = tf.constant([config.dropout_rate, config.l2, config.clip_norm, config.label_smoothing])

    def compile(self) -> None:
        """Traces and compiles ahead of time what training would compile at its first step; changes no variable."""
        self._mean = tf.zeros(self.data.spec.features)
        self._deviation = tf.ones(self.data.spec.features)
        self._rate, self._strengths = 0.0, tf.ones(4)
        started = time.perf_counter()
        for stored in (self._stored(), None) if self.compiled else ():
            try:
                self._run_all_empty(stored)
                break
            except (tf.errors.OpError, ValueError, NotImplementedError) as error:
                self.compile_error = str(error).splitlines()[0]
                self._make_programs()
        else:
            self.compiled = False
            self._make_programs()
            self._run_all_empty()
        self.compile_seconds = time.perf_counter() - started

    def images_of(self, step: int) -> int:
        """The number of images in a step of an epoch (counted from 0); the last step may have fewer."""
        return self._batches.images_of(step)

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
        draws: Draws | None = None,
    ) -> Totals:
        """Trains on batches `start` to `stop` of an epoch whose images come in `order` (int `[N]`).

        The totals are passed in and returned, so an epoch is summed in the same order however it is divided into calls.
        `rates` are the learning rates of all steps of the epoch (by default the configuration's); `noise` is the seed
        of its dropout, `draws` the augmentation of its images (by default none).
        """
        if rates is None:
            rates = np.full(self.steps_per_epoch, self._rate)
        loss, correct, penalty, clipped = self._train(order, start, stop, totals, rates, noise, draws)
        return Totals(float(loss), int(correct), float(penalty), int(clipped))

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
            (self._mean, self._deviation),
            self._strengths,
        )
        penalty = float(l2_penalty(self.scaled_layers, self._strengths[1])) if self.shape.penalized else 0.0
        right = correct.numpy().ravel()[: split.size]
        return Evaluation(float(loss) / split.size + penalty, float(right.sum()) / split.size, penalty, right)

    def signals(self, epoch: int, before: list[tf.Tensor] | None) -> EpochSignals:
        """The layer statistics of the probe batch; `before` holds `probe.kernels()` before the epoch's last step."""
        return self.probe.measure(epoch, self._mean, self._deviation, before)

    def boundary(self) -> np.ndarray:
        """The probability of the second class on the grid over a plane, float32 `[SIDE²]`."""
        points = tf.constant(grid(self.data.spec.max_value))
        return forward(self.scaled_layers, points, (self._mean, self._deviation))[:, 1].numpy()

    # --- the programs -------------------------------------------------------------------------------------

    def _make_programs(self) -> None:
        # dynamic bounds: one program serves any number of steps, including none to compile ahead of time
        features, count = self.data.spec.features, tf.TensorSpec([], tf.int32)
        images = tf.TensorSpec([None, features], self.data.training.images.dtype)
        labels = tf.TensorSpec([None], tf.int32)
        order = tf.TensorSpec([self.steps_per_epoch, self.batch_size], tf.int32)
        batches, weights = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None])
        scaling = (tf.TensorSpec([features]), tf.TensorSpec([features]))
        sums = (tf.TensorSpec([]), count, tf.TensorSpec([]), count)
        rates, strengths = tf.TensorSpec([None]), tf.TensorSpec([4])
        moves, shares = tf.TensorSpec([self.steps_per_epoch, self.batch_size, 3], tf.int32), tf.TensorSpec([None])
        changes = ((moves,) * self.shape.moved, (shares,) * self.shape.mixed)
        self._train_program = self._function(
            self._training_loop, [images, labels, order, count, count, sums, scaling, rates, strengths, count, changes]
        )
        self._evaluate_program = self._function(
            self._evaluation_loop, [images, labels, batches, weights, scaling, strengths]
        )
        self.probe = Probe(*blocks_of(self.scaled_layers), self.data.training.images, self.data.training.labels)

    def _function(self, loop: Callable, signature: list[tf.TensorSpec]) -> Callable:
        return tf.function(loop, input_signature=signature, jit_compile=self.compiled, autograph=False)

    def _train(
        self,
        order: np.ndarray,
        start: int,
        stop: int,
        totals: Totals,
        rates: np.ndarray,
        noise: int,
        draws: Draws | None = None,
    ):
        # the images are arguments: the compiler would fold a captured constant of 120 MB
        return self._train_program(
            self.data.training.images,
            self.data.training.labels,
            tf.constant(self._batches.divided(order), tf.int32),
            tf.constant(start),
            tf.constant(stop),
            (
                tf.constant(totals.loss, tf.float32),
                tf.constant(totals.correct),
                tf.constant(totals.penalty, tf.float32),
                tf.constant(totals.clipped),
            ),
            (self._mean, self._deviation),
            tf.constant(rates, tf.float32),
            self._strengths,
            tf.constant(noise),
            self._changes(draws or unchanged(self.data.training.size, self.steps_per_epoch)),
        )

    def _changes(self, draws: Draws) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        moves = (tf.constant(self._batches.divided(draws.moves)),) if self.shape.moved else ()
        return moves, (tf.constant(draws.shares),) * self.shape.mixed

    def _stored(self) -> StoredPrograms:
        spec, images = self.data.spec, self.data.training.images
        layers = [type(layer).__name__ for layer in self.scaled_layers]
        sizes = spec.features, spec.image_shape, spec.classes, tuple(images.shape), self.batch_size
        decay = [self.optimizer.weight_decay] if self.shape.decayed else []
        variables = [*(variable.value for variable in self.variables), *decay]
        return StoredPrograms(key_of(self.shape, layers, sizes, images.dtype.name), variables)

    def _run_all_empty(self, stored: StoredPrograms | None = None) -> None:
        # XLA compiles without Python's lock, so the smaller programs are traced while the largest is compiled
        if stored:
            self._train_program = stored.function("train", self._train_program)
        else:
            self._train_program.get_concrete_function()
        order, rates = np.zeros(self.data.training.size, np.int32), np.zeros(self.steps_per_epoch)
        with ThreadPoolExecutor() as pool:
            calls = [
                pool.submit(self._train, order, 0, 0, Totals(), rates, 0),
                pool.submit(self._evaluate_first, stored),
                pool.submit(self.probe.compile, stored),
            ]
        for call in calls:
            call.result()
        if stored:
            stored.keep()

    def _evaluate_first(self, stored: StoredPrograms | None) -> None:
        if stored:
            self._evaluate_program = stored.function("evaluate", self._evaluate_program)
        self.evaluate(self.data.validation)

    def _training_loop(self, images, labels, batches, start, stop, sums, scaling, rates, strengths, noise, changes):
        """The sums over steps `start` to `stop`; `sums` are loss, correct, penalty and clipped, as in `Totals`."""
        dropout_rate, l2, clip_norm, smoothing = tf.unstack(strengths)

        def step(number, loss, correct, penalty, clipped):
            present = self._batches.present(number)
            # a row of a matrix, not a slice with a computed start: XLA must see the batch's shape
            pixels, truth = tf.gather(images, batches[number]), tf.gather(labels, batches[number])
            pixels, truth = augmented(pixels, truth, changes, number, present, self.data.spec)
            with tf.GradientTape() as tape:
                dropout = dropout_rate, noise, number
                predicted = forward(self.scaled_layers, pixels, scaling, dropout, present)
                batch_loss = mean_loss(self._target(truth, smoothing), predicted, present)
                if self.shape.penalized:
                    batch_penalty = l2_penalty(self.scaled_layers, l2)
                    batch_loss += batch_penalty
            longer = self._apply(tape.gradient(batch_loss, self.network.trainable_variables), rates[number], clip_norm)
            count = self.batch_size if present is None else tf.reduce_sum(present)
            return (
                number + 1,
                loss + batch_loss * count,
                correct + count_correct(truth, predicted, present),
                penalty + batch_penalty * count if self.shape.penalized else penalty,
                clipped + longer if self.shape.clipped else clipped,
            )

        return tf.while_loop(lambda number, *_: number < stop, step, (start, *sums))[1:]

    def _apply(self, gradients: list[tf.Tensor], rate: tf.Tensor, clip_norm: tf.Tensor) -> tf.Tensor | int:
        """Updates the weights; returns 1 if the gradients were clipped for that, else 0."""
        longer = 0
        if self.shape.clipped:
            gradients, longer = clip(gradients, clip_norm)
            longer = tf.cast(longer, tf.int32)
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply(gradients, self.network.trainable_variables)
        return longer

    def _target(self, truth: tf.Tensor, smoothing: tf.Tensor) -> tf.Tensor:
        return smoothed(truth, self.data.spec.classes, smoothing) if self.shape.smoothed else truth

    def _evaluation_loop(self, images, labels, batches, weights, scaling, strengths):
        def step(number, loss, correct):
            truth, weight = tf.gather(labels, batches[number]), weights[number]
            predicted = forward(self.scaled_layers, tf.gather(images, batches[number]), scaling)
            losses = cross_entropies(self._target(truth, strengths[3]), predicted)
            right = is_correct(truth, predicted)
            return (
                number + 1,
                loss + tf.reduce_sum(losses * weight),
                tf.tensor_scatter_nd_update(correct, [[number]], [right]),
            )

        start = tf.constant(0), tf.constant(0.0), tf.zeros(tf.shape(batches), tf.bool)
        return tf.while_loop(lambda number, *_: number < tf.shape(batches)[0], step, start)[1:]
