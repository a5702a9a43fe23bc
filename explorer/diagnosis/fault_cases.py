"""Fault cases: settings known to be good or bad, each with a question to answer before the network is trained.

All cases train on digits within seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.config import AFTER_ACTIVATION, BEFORE_ACTIVATION, OFF, PAIRS, STANDARDIZED, TrainingConfig
from explorer.errors import FieldError


@dataclass(frozen=True)
class Case:
    """A network with a question about it, and what training it shows.

    `right` is the index of the right answer. `finding` is the name of the finding that the diagnosis must report
    `within` that many epochs (0: before training); None for a healthy network. `fix` is the one setting that is
    changed afterwards, and `fixed` describes the effect.
    """

    name: str
    title: str
    question: str
    answers: tuple[str, ...]
    right: int
    reveal: str
    config: TrainingConfig
    finding: str | None
    within: int
    fix: Mapping[str, Any]
    fixed: str

    @property
    def fixed_config(self) -> TrainingConfig:
        """The configuration with the one change: same seed, so same initial weights where shapes allow."""
        return self.config.with_(**self.fix)


def _digits(**settings: Any) -> TrainingConfig:
    common = {"dataset": "digits", "input_scaling": STANDARDIZED, "learning_rate": 1e-3, "patience": 100}
    return TrainingConfig(**{**common, **settings})


_GLOROT = "glorot_uniform"

_ALL = (
    Case(
        "sigmoid",
        "Twenty sigmoid layers",
        "Twenty sigmoid layers with Glorot weights: what happens to the gradient on its way back to the first layer?",
        (
            "It grows from layer to layer, and training diverges",
            "It shrinks from layer to layer, and the first layers learn nothing",
            "It stays about the same, because Glorot weights are made for sigmoid",
        ),
        1,
        "The slope of the sigmoid is at most 1/4, and twenty such factors leave almost nothing. Glorot weights "
        "preserve the size of the values on the way forward, but they cannot make up for such a small slope on the "
        "way back.",
        _digits(activation="sigmoid", kernel_initializer=_GLOROT, epochs=8),
        "vanishing",
        1,
        {"activation": "elu"},
        "The same initial weights with ELU instead of sigmoid: for positive inputs, its slope is 1.",
    ),
    Case(
        "zeros",
        "All weights start at zero",
        "What happens if all weights of the hidden layers start at 0 instead of at random?",
        (
            "The network learns, a little more slowly",
            "Each layer learns, but all its units learn the same",
            "The network learns only how frequent each class is",
        ),
        2,
        "With zero weights, no signal passes forward and no gradient passes backward. Only the biases of the output "
        "layer change: they learn how frequent each class is.",
        _digits(depth=5, kernel_initializer="zeros", epochs=6),
        "symmetric",
        0,
        {"kernel_initializer": "he_normal"},
        "Random weights make the units different, so each of them can learn something of its own.",
    ),
    Case(
        "dying_relu",
        "ReLU with a learning rate of 0.1",
        "Five ReLU layers with Nadam and a learning rate of 0.1: what happens to the units?",
        (
            "More and more of them output 0 for every image and never recover",
            "Their outputs grow without bound, and the loss becomes NaN",
            "The loss jumps up and down at first, and then the units recover",
        ),
        0,
        "A large step can make the weighted sum of a unit negative for every image. There, ReLU is flat: no gradient, "
        "no way back. Layer by layer, the units die.",
        _digits(depth=5, activation="relu", learning_rate=0.1, epochs=5),
        "dead",
        4,
        {"learning_rate": 1e-3},
        "With steps a hundred times smaller, almost all units stay alive.",
    ),
    Case(
        "rate_too_high",
        "ELU with a learning rate of 0.02",
        "Three ELU layers learn digits well with a learning rate of 0.001. What do you expect with 0.02?",
        (
            "The same accuracy in a twentieth of the time",
            "The network learns at first, then the loss jumps up and down and stays higher",
            "The loss becomes NaN in the first epoch",
        ),
        1,
        "Each step changes the weights by percents instead of tenths of a percent. The loss falls for a while, until "
        "the valley is narrower than the step.",
        _digits(depth=3, learning_rate=0.02, epochs=6),
        "rate_too_high",
        6,
        {"learning_rate": 1e-3},
        "With a twentieth of the learning rate, the loss falls smoothly.",
    ),
    Case(
        "rate_too_low",
        "ELU with a learning rate of 0.0000001",
        "Five ELU layers with a learning rate of 0.0000001: what do the curves look like?",
        (
            "Smooth and almost flat",
            "Noisy, because the steps are lost in the noise",
            "As usual, only a few epochs later",
        ),
        0,
        "Nothing is broken, and nothing happens: a step changes the weights by less than a millionth of their size. "
        "Flat, smooth curves are the sign of a learning rate that is too low; with one that is too high, they are "
        "noisy.",
        _digits(depth=5, learning_rate=1e-7, epochs=8),
        "rate_too_low",
        3,
        {"learning_rate": 1e-3},
        "With ten thousand times the learning rate, the network learns in the first epoch.",
    ),
    Case(
        "nan",
        "Gradient descent with a learning rate of 5",
        "Three ReLU layers, trained by plain gradient descent (SGD) with a learning rate of 5: what is the loss after "
        "one epoch?",
        (
            "About 2.3, chance level",
            "Very small, because large steps are fast",
            "NaN, not a number",
        ),
        2,
        "Every step overshoots and ends where the slope is steeper. After a few steps the numbers no longer fit into "
        "single precision, and the loss becomes NaN.",
        _digits(depth=3, activation="relu", optimizer="sgd", learning_rate=5.0, epochs=6),
        "diverged",
        1,
        {"learning_rate": 0.05},
        "With a hundredth of the learning rate, the same initial weights and the same images, the network learns.",
    ),
    Case(
        "exploding",
        "Forty ReLU layers with batch normalization",
        "Forty ReLU layers with batch normalization before each activation, trained by plain gradient descent (SGD) "
        "with a learning rate of 0.05, which works well for ten layers. What happens to the gradient?",
        (
            "It stays about the same in all layers, because batch normalization keeps the values at the same size",
            "It shrinks on its way back, and the first layers do not learn",
            "It grows on its way back, and the first steps throw the first layers far away",
        ),
        2,
        "Each ReLU cuts off a part of the signal, and batch normalization makes up for it by dividing by a smaller "
        "standard deviation. On the way back, that enlarges the gradient by a fifth at each layer: more than a "
        "thousandfold over forty. After one epoch, the validation loss is thousands of times that of guessing.",
        _digits(
            depth=40, activation="relu", batch_norm=BEFORE_ACTIVATION, optimizer="sgd", learning_rate=0.05, epochs=6
        ),
        "exploding",
        0,
        {"skip": PAIRS},
        "The same initial weights with skip connections: the gradient has a short way back, so the first layer's is "
        "about as large as the last one's, and forty layers learn.",
    ),
    Case(
        "selu_he",
        "SELU with He weights",
        "SELU normalizes itself: mean 0 and variance 1 in every layer. What happens with He weights instead of LeCun "
        "weights?",
        (
            "Nothing changes: correcting itself is the point of SELU",
            "The variance grows from layer to layer",
            "The variance shrinks to 0",
        ),
        1,
        "He weights have twice the variance of LeCun weights. SELU no longer settles at variance 1, and the values of "
        "deep layers become large.",
        _digits(depth=20, activation="selu", kernel_initializer="he_normal", learning_rate=5e-4, epochs=8),
        "self_normalisation",
        0,
        {"kernel_initializer": "lecun_normal"},
        "With LeCun weights, mean 0 and variance 1 hold at every depth, and training starts better.",
    ),
    Case(
        "selu_good",
        "SELU with LeCun weights",
        "Twenty SELU layers with LeCun weights and standardized inputs, without batch normalization: do they learn?",
        (
            "No: twenty layers need batch normalization",
            "Yes: the layers keep mean 0 and variance 1 by themselves",
            "Only the last layers do",
        ),
        1,
        "Nothing is wrong here. Look at the variance by depth: it stays near 1 through all twenty layers.",
        _digits(depth=20, activation="selu", kernel_initializer="lecun_normal", learning_rate=5e-4, epochs=8),
        None,
        8,
        {"input_scaling": "raw"},
        "With raw pixels as inputs, the values of the first layers are far off; SELU brings them back with depth.",
    ),
    Case(
        "sigmoid_batch_norm",
        "Twenty sigmoid layers with batch normalization",
        "Twenty sigmoid layers did not learn at all. Do they learn with batch normalization before each activation?",
        (
            "No: the slope of the sigmoid is still at most 1/4",
            "Yes: batch normalization rescales the values of each layer, and with them the gradient",
            "Only if the learning rate is a hundred times higher",
        ),
        1,
        "Batch normalization divides by the standard deviation of the values, which makes up for the small slope on "
        "the way back. A network long thought untrainable learns in a few epochs. Validation lags behind at first, "
        "because the moving averages need some epochs to settle.",
        _digits(
            activation="sigmoid",
            kernel_initializer=_GLOROT,
            batch_norm=BEFORE_ACTIVATION,
            learning_rate=3e-3,
            epochs=16,
        ),
        None,
        16,
        {"batch_norm": OFF},
        "Without batch normalization, the same initial weights learn nothing.",
    ),
    Case(
        "random_normal",
        "Weights with a standard deviation of 0.05",
        "Twenty ReLU layers whose weights are drawn with a standard deviation of 0.05, whatever the width. What "
        "arrives at the last layer?",
        (
            "Almost nothing: every layer makes the values smaller",
            "Values that are a little too large",
            "The same as with any random weights",
        ),
        0,
        "At a width of 100, ReLU needs a standard deviation of 0.14, almost three times as much. Each layer divides "
        "the values by almost three, and twenty layers by about a billion. What is left does not distinguish one "
        "image from another.",
        _digits(activation="relu", kernel_initializer="random_normal", epochs=8),
        "initializer",
        0,
        {"kernel_initializer": "he_normal"},
        "The standard deviation of He weights depends on the number of inputs, so the values keep their size.",
    ),
    Case(
        "raw_pixels",
        "Raw pixels and plain gradient descent",
        "Twenty ELU layers, trained by SGD with a learning rate of 0.05 on raw pixels from 0 to 16 instead of "
        "standardized ones. What happens?",
        (
            "The loss explodes: the values of the first layer and all gradients are too large",
            "Nothing special: the weights of the first layer adapt to any scale",
            "They learn faster, because the inputs are larger",
        ),
        0,
        "Initializers assume inputs of mean 0 and variance 1. Inputs ten times as large make values and gradients "
        "about ten times as large in all layers, so a learning rate that worked is now far too high.",
        _digits(optimizer="sgd", learning_rate=0.05, input_scaling="raw", epochs=6),
        "inputs",
        0,
        {"input_scaling": STANDARDIZED},
        "With standardized pixels and the same initial weights, the same learning rate works.",
    ),
    Case(
        "saturated",
        "tanh with large steps",
        "Five tanh layers with a learning rate of 0.1. The outputs of tanh cannot explode, because they lie between "
        "−1 and 1. So what happens?",
        (
            "It is safe: tanh learns well with any learning rate",
            "Almost all outputs end up at −1 or 1, where tanh is flat",
            "All outputs shrink to 0",
        ),
        1,
        "The weights do grow, and with large weights every tanh unit outputs −1 or 1. There its slope is close to 0, "
        "so it can hardly learn any more. The histogram shows a peak at each end.",
        _digits(depth=5, activation="tanh", kernel_initializer=_GLOROT, learning_rate=0.1, epochs=8),
        "saturated",
        2,
        {"learning_rate": 1e-3},
        "Small steps keep the outputs in the middle, where tanh has a slope.",
    ),
    Case(
        "tiny_batches",
        "Batch normalization with two images",
        "Batch normalization uses the mean and variance of the batch. What happens if a batch has two images?",
        (
            "The network learns better: there are more updates per epoch",
            "It makes no difference: the mean over many small batches is right",
            "Training is noisy, and validation disagrees with it",
        ),
        2,
        "The mean of two values is halfway between them, so all that is left of each unit is which of the two images "
        "gave the larger value. Validation uses moving averages over many batches, which differ from what the network "
        "was trained with.",
        _digits(depth=3, batch_norm=AFTER_ACTIVATION, batch_size=2, epochs=3),
        "tiny_batches",
        0,
        {"batch_size": 32},
        "Thirty-two images are enough to estimate a mean and a variance.",
    ),
    Case(
        "too_small",
        "Two units",
        "A network with one hidden layer of two units is to distinguish ten digits. What limits it?",
        (
            "The training images: with more of them, it would succeed",
            "The network: it cannot even fit the training images",
            "The learning rate: with a higher one, it would succeed",
        ),
        1,
        "Two numbers have to distinguish ten classes. The training loss levels off far from 0, and the validation "
        "loss is about the same: underfitting.",
        _digits(depth=1, width=2, activation="relu", learning_rate=5e-3, epochs=60),
        "bottleneck",
        60,
        {"width": 64},
        "With sixty-four units, the network fits almost all training images after a few epochs.",
    ),
    Case(
        "overfitting",
        "Thirty epochs on 1,437 images",
        "Three layers of 300 units are trained for thirty epochs on the same 1,437 images. What do the two losses do?",
        (
            "Both keep falling",
            "The training loss falls, and the validation loss starts to rise",
            "Both start to rise after a while",
        ),
        1,
        "The network has about 140 times as many weights as there are images, and soon it has memorized them. "
        "From then on it only becomes more confident, in its mistakes too: the validation loss rises while the "
        "accuracy stays the same. The weights of the best epoch are saved.",
        _digits(depth=3, width=300, activation="relu", learning_rate=0.01, batch_size=256, epochs=30),
        "overfitting",
        30,
        {"patience": 3},
        "With a patience of 3, early stopping ends the run soon after the rise begins, with the same best weights.",
    ),
    Case(
        "impatient",
        "Early stopping with a patience of 1",
        "Early stopping with a patience of 1 ends training at the first epoch that is no better than the best so far. "
        "What is the effect?",
        (
            "It saves time and costs nothing",
            "It stops at a random rise of the validation loss, while the network is still learning",
            "It prevents overfitting",
        ),
        1,
        "The validation loss fluctuates from epoch to epoch. The first small rise looks like overfitting, but it is "
        "only noise.",
        _digits(activation="relu", learning_rate=3e-4, epochs=30, patience=1),
        "patience_too_short",
        30,
        {"patience": 10},
        "With a patience of 10, the same run continues through the fluctuations.",
    ),
    Case(
        "l2",
        "Three layers and an L2 penalty",
        "An L2 penalty adds 0.2 times the sum of all squared weights to the loss. Over eight epochs, what happens to "
        "three ReLU layers?",
        (
            "They overfit less, so the validation accuracy is higher",
            "They learn at first, and then the accuracy falls back to chance level",
            "Nothing changes: the penalty is the same for all images",
        ),
        1,
        "At the start, the penalty is about fifty times the loss, so training shrinks the weights. For a while the "
        "smaller weights still distinguish the digits; then nothing is left that does.",
        _digits(depth=3, activation="relu", l2=0.2, epochs=8),
        "l2_too_strong",
        0,
        {"l2": 1e-4},
        "With a penalty of 0.0001, the loss is mostly that of the predictions, and the network learns.",
    ),
    Case(
        "dropout",
        "Five layers with dropout",
        "Dropout switches off 70% of the units after each of five hidden layers, different ones in each step. What "
        "does the network learn in ten epochs?",
        (
            "A robust representation, only a little more slowly",
            "To memorize the training images",
            "Nothing: what reaches the output is mostly noise",
        ),
        2,
        "Each layer passes on 30% of what it gets, so five layers leave 0.3⁵, a quarter of a percent. The rest of what "
        "the output sees is chance, different in each step, and there is nothing to learn from chance.",
        _digits(depth=5, activation="relu", dropout="hidden", dropout_rate=0.7, epochs=10),
        "dropout_too_strong",
        3,
        {"dropout_rate": 0.1},
        "At a rate of 0.1, five layers leave 59% of the signal.",
    ),
    Case(
        "clipping",
        "A limit on the gradient",
        "Plain gradient descent with a learning rate of 0.05 learns digits well. Now gradients are clipped to a norm "
        "of at most 0.001. What do the curves look like?",
        (
            "The same, only smoother",
            "Flat: hardly anything moves",
            "The loss diverges, because clipping changes the direction",
        ),
        1,
        "The norm of an ordinary gradient here is about 1. Clipped to 0.001, every step is a thousandth of its "
        "usual length: it looks like a rate that is too low.",
        _digits(depth=3, optimizer="sgd", learning_rate=0.05, clip_norm=1e-3, epochs=8),
        "clipping_too_strong",
        1,
        {"clip_norm": 0.0},
        "Without clipping, the same learning rate and the same initial weights learn in the first epoch.",
    ),
    Case(
        "schedule",
        "A learning rate that falls",
        "The learning rate falls to a tenth in every epoch, so that the network settles quickly. Where is the "
        "validation accuracy after twelve epochs?",
        (
            "About where it was after the second epoch",
            "Higher than with a constant rate, because the last steps are small",
            "At chance level",
        ),
        0,
        "After three epochs the rate is a thousandth of what it was, after six a millionth. The curves become flat, "
        "not because the network can do no better, but because its weights no longer move.",
        _digits(depth=5, optimizer="sgd", learning_rate=0.01, schedule="exponential", decay_epochs=1, epochs=12),
        "schedule_too_low",
        5,
        {"decay_epochs": 24},
        "If the rate falls to a tenth over twenty-four epochs, all twelve epochs are used.",
    ),
    Case(
        "giant_batch",
        "Two thousand images per step",
        "With a batch size of 2,048, each step uses all 1,437 training images, and the gradient is exact. How far do "
        "three ELU layers get in ten epochs?",
        (
            "Further than with batches of 32, because no step goes in a wrong direction",
            "Just as far: they see the same images just as often",
            "Less far than batches of 32 get in a single epoch",
        ),
        2,
        "Ten epochs are ten steps. Batches of 32 take forty-five steps in one epoch; each is less exact, but together "
        "they go much further.",
        _digits(depth=3, batch_size=2048, epochs=10),
        "few_steps",
        3,
        {"batch_size": 32},
        "With batches of 32, ten epochs are 450 steps.",
    ),
    Case(
        "linear",
        "Twenty layers without an activation",
        "Twenty hidden layers without an activation: what can such a network learn?",
        (
            "More than a single layer, because it has twenty times the weights",
            "Nothing, because the gradient vanishes",
            "No more than a network without hidden layers",
        ),
        2,
        "The product of two matrices is a matrix, so twenty layers are equivalent to one. On digits that is enough "
        "for nine out of ten images: most of the task is linear.",
        _digits(activation="linear", kernel_initializer=_GLOROT, learning_rate=3e-4, epochs=6),
        "linear",
        0,
        {"activation": "elu"},
        "With a nonlinear activation between them, more layers can represent more than one can.",
    ),
)

CASES: dict[str, Case] = {case.name: case for case in _ALL}


def case(name: str) -> Case:
    """The case with a name; raises `FieldError`."""
    if name not in CASES:
        raise FieldError("case", name, "one of " + ", ".join(CASES))
    return CASES[name]
