"""The fault gallery: settings known to be bad or good, each with a question to answer before it is trained.

All cases are small enough to train in seconds on digits; their findings are those of `explorer.diagnosis`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.config import AFTER_ACTIVATION, BEFORE_ACTIVATION, OFF, STANDARDIZED, TrainingConfig
from explorer.errors import FieldError


@dataclass(frozen=True)
class Case:
    """One network with a question, and what is seen when it is trained.

    `right` is the index of the right answer. `finding` is the name of what the diagnosis finds `within` so many epochs
    (0: before the first); None for a network that is well. `mend` is the one setting that is then changed, and `mended`
    what that does.
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
    mend: Mapping[str, Any]
    mended: str

    @property
    def mended_config(self) -> TrainingConfig:
        """The same seed, so the same first weights where shapes allow and the same order of images; one change."""
        return self.config.with_(**self.mend)


def _digits(**settings: Any) -> TrainingConfig:
    common = {"dataset": "digits", "input_scaling": STANDARDIZED, "learning_rate": 1e-3, "patience": 100}
    return TrainingConfig(**{**common, **settings})


_GLOROT = "glorot_uniform"

_ALL = (
    Case(
        "sigmoid",
        "Twenty sigmoid layers",
        "Twenty sigmoid layers with Glorot's weights: what will the gradients do on their way back to the first layer?",
        (
            "They grow from layer to layer, and training diverges",
            "They shrink from layer to layer, and the first layers learn nothing",
            "They stay about the same, because Glorot's weights are made for sigmoid",
        ),
        1,
        "The slope of the sigmoid is at most 1/4, and twenty such factors leave next to nothing. Glorot's weights keep "
        "the size of the values on the way forward; they can't make up for a slope that small on the way back.",
        _digits(activation="sigmoid", kernel_initializer=_GLOROT, epochs=8),
        "vanishing",
        1,
        {"activation": "elu"},
        "The same weights, with ELU in place of sigmoid: half of its inputs meet a slope of 1.",
    ),
    Case(
        "zeros",
        "All weights start at zero",
        "What if all weights of the hidden layers start at 0 instead of at random?",
        (
            "It learns, a little more slowly",
            "Each layer learns, but all its units learn the same",
            "Nothing is learnt but how frequent each class is",
        ),
        2,
        "Through weights of zero nothing passes forward, and no gradient passes back. Only the output layer's biases "
        "move: they learn how frequent each class is.",
        _digits(depth=5, kernel_initializer="zeros", epochs=6),
        "symmetric",
        0,
        {"kernel_initializer": "he_normal"},
        "Random weights make the units different, and now each can learn something of its own.",
    ),
    Case(
        "dying_relu",
        "ReLU and a high learning rate",
        "Five ReLU layers with a learning rate of 0.1: what happens to the units?",
        (
            "More and more give 0 for every image, and never come back",
            "They grow without bound, and the loss becomes NaN",
            "The loss jumps about at first, and then the units recover",
        ),
        0,
        "A large step can push a unit to where its weighted sum is negative for every image. There ReLU is flat: no "
        "gradient, no way back. Layer by layer the units die.",
        _digits(depth=5, activation="relu", learning_rate=0.1, epochs=5),
        "dead",
        4,
        {"learning_rate": 1e-3},
        "With steps a hundred times smaller nearly all units stay alive.",
    ),
    Case(
        "rate_too_high",
        "A learning rate that is too high",
        "Three ELU layers learn digits well with a learning rate of 0.001. What do you expect with 0.02?",
        (
            "The same accuracy in a twentieth of the time",
            "It learns at first, then the loss jumps about and stays worse",
            "The loss becomes NaN in the first epoch",
        ),
        1,
        "Each step changes the weights by percents instead of thousandths. It goes downhill for a while, until the "
        "valley is narrower than the step.",
        _digits(depth=3, learning_rate=0.02, epochs=6),
        "rate_too_high",
        6,
        {"learning_rate": 1e-3},
        "A twentieth of the rate: the loss falls without a jump.",
    ),
    Case(
        "rate_too_low",
        "A learning rate that is too low",
        "Five ELU layers with a learning rate of 0.0000001: what do the curves look like?",
        (
            "Smooth and almost flat",
            "Ragged, because the steps are lost in the noise",
            "As usual, only a few epochs later",
        ),
        0,
        "Nothing is broken, and nothing happens: a step changes the weights by less than a millionth. Flat and smooth "
        "is what too low a rate looks like; too high a one looks ragged.",
        _digits(depth=5, learning_rate=1e-7, epochs=8),
        "rate_too_low",
        3,
        {"learning_rate": 1e-3},
        "Ten thousand times the rate: the network learns in the first epoch.",
    ),
    Case(
        "nan",
        "Plain gradient descent, rate 5",
        "Three ReLU layers, plain gradient descent (SGD) with a learning rate of 5: what is the loss after an epoch?",
        ("About 2.3, the level of guessing", "Very small: large steps are fast", "NaN, not a number at all"),
        2,
        "Every step overshoots, and ends where the slope is steeper. After a few of them the numbers do not fit into "
        "single precision any more, and NaN comes out.",
        _digits(depth=3, activation="relu", optimizer="sgd", learning_rate=5.0, epochs=6),
        "diverged",
        1,
        {"learning_rate": 0.05},
        "A hundredth of the rate: the same weights, the same images, and it learns.",
    ),
    Case(
        "exploding",
        "Forty layers and plain gradient descent",
        "Forty ELU layers with He's weights, SGD with a rate of 0.05, which suits five layers well. What happens?",
        (
            "It learns, only more slowly than five layers",
            "The gradient vanishes, and the first layers do not learn",
            "The gradient is so large that the first steps destroy the network",
        ),
        2,
        "Each layer passes back a little more than it gets, and forty of them make a long gradient. A step along it "
        "changes all layers at once, and their changes multiply.",
        _digits(depth=40, activation="elu", optimizer="sgd", learning_rate=0.05, epochs=6),
        "exploding",
        0,
        {"clip_norm": 1.0},
        "Clipping leaves the direction of the gradient as it is and makes it no longer than 1.",
    ),
    Case(
        "selu_he",
        "SELU with the wrong weights",
        "SELU normalises itself: mean 0 and variance 1 in every layer. What if its weights are drawn by He instead of "
        "LeCun?",
        (
            "Nothing changes: SELU corrects itself, that is its point",
            "The variance grows from layer to layer",
            "The variance shrinks to 0",
        ),
        1,
        "He draws weights of twice the variance that LeCun draws. SELU's point of rest moves away, and the values of "
        "deep layers become large.",
        _digits(depth=20, activation="selu", kernel_initializer="he_normal", learning_rate=5e-4, epochs=8),
        "self_normalisation",
        0,
        {"kernel_initializer": "lecun_normal"},
        "LeCun's weights: mean 0 and variance 1 at every depth, and a better start.",
    ),
    Case(
        "selu_good",
        "SELU as it is meant",
        "Twenty SELU layers, LeCun's weights, standardised inputs, no batch normalization. Will they learn?",
        (
            "No: twenty layers need batch normalization",
            "Yes: the layers keep mean 0 and variance 1 by themselves",
            "Only the last layers will",
        ),
        1,
        "Nothing is wrong here. Look at the variance by depth: it stays near 1 through all twenty layers.",
        _digits(depth=20, activation="selu", kernel_initializer="lecun_normal", learning_rate=5e-4, epochs=8),
        None,
        8,
        {"input_scaling": "raw"},
        "Change the inputs to raw pixels, and the first layers are thrown off; SELU finds its way back with depth.",
    ),
    Case(
        "sigmoid_batch_norm",
        "Twenty sigmoid layers with batch normalization",
        "Twenty sigmoid layers did not learn at all. Do they with batch normalization before each activation?",
        (
            "No: the slope of the sigmoid is still at most 1/4",
            "Yes: batch normalization brings each layer's values back to size, and its gradient too",
            "Only if the learning rate is a hundred times as high",
        ),
        1,
        "Batch normalization divides by the spread of the values, which makes up for the small slope on the way back. "
        "What a decade took for impossible learns in a few epochs. Validation lags at first: its averages need some "
        "epochs.",
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
        "Without it, the very same weights learn nothing.",
    ),
    Case(
        "random_normal",
        "One spread for all layers",
        "Twenty ReLU layers whose weights are drawn with a spread of 0.05, whatever the width. What arrives at the "
        "top?",
        (
            "Next to nothing: every layer makes the values smaller",
            "Values that are a little too large",
            "The same as with any random weights",
        ),
        0,
        "At a width of 100, a spread of 0.05 is a third of what ReLU needs. Each layer divides the values by three, "
        "and twenty layers by billions. What is left does not tell images apart.",
        _digits(activation="relu", kernel_initializer="random_normal", epochs=8),
        "initializer",
        0,
        {"kernel_initializer": "he_normal"},
        "He's spread depends on the number of inputs: the values keep their size.",
    ),
    Case(
        "raw_pixels",
        "Raw pixels and plain gradient descent",
        "Twenty ELU layers, SGD with a rate of 0.05, on raw pixels from 0 to 16 instead of standardised ones. What "
        "happens?",
        (
            "The loss explodes: the first layer's values and all gradients are too large",
            "Nothing special: the first layer's weights adapt to any scale",
            "It learns faster, because the inputs are larger",
        ),
        0,
        "First weights are drawn for inputs of mean 0 and variance 1. Inputs ten times as large make values and "
        "gradients ten times as large in all layers, and a rate that was right is now far too high.",
        _digits(optimizer="sgd", learning_rate=0.05, input_scaling="raw", epochs=6),
        "inputs",
        0,
        {"input_scaling": STANDARDIZED},
        "The same weights on standardised pixels: the same rate is right.",
    ),
    Case(
        "saturated",
        "tanh and large steps",
        "Five tanh layers with a learning rate of 0.1. tanh can't explode, its values lie between −1 and 1. So what "
        "happens?",
        (
            "It is safe: tanh learns well with any rate",
            "Nearly all values end up at −1 or 1, where tanh is flat",
            "All values shrink to 0",
        ),
        1,
        "The weights do grow, and with large weights every unit of tanh says −1 or 1. There its slope is 0, so it can "
        "hardly learn any more. The histogram shows two towers.",
        _digits(depth=5, activation="tanh", kernel_initializer=_GLOROT, learning_rate=0.1, epochs=8),
        "saturated",
        2,
        {"learning_rate": 1e-3},
        "Small steps keep the values in the middle, where tanh bends.",
    ),
    Case(
        "tiny_batches",
        "Batch normalization with two images",
        "Batch normalization takes mean and variance from the batch. What if a batch has two images?",
        (
            "It learns better: more updates an epoch",
            "It makes no difference: the mean of many small batches is right",
            "Training is noisy, and validation tells another story",
        ),
        2,
        "The mean of two images is halfway between them, so each unit learns only which of the two is larger. For "
        "validation the averages of many batches are used, and they fit better than what it was trained with.",
        _digits(depth=3, batch_norm=AFTER_ACTIVATION, batch_size=2, epochs=3),
        "tiny_batches",
        0,
        {"batch_size": 32},
        "Thirty-two images tell a mean and a variance well enough.",
    ),
    Case(
        "too_small",
        "Two units",
        "One hidden layer of two units is to tell ten digits apart. What limits it?",
        (
            "The training images: with more of them it would do",
            "The network: it does not even learn the images that it has",
            "The learning rate: with a higher one it would do",
        ),
        1,
        "Ten classes have to be told apart by two numbers. The training loss comes to rest far from 0, and validation "
        "is no better and hardly worse: underfitting.",
        _digits(depth=1, width=2, activation="relu", learning_rate=5e-3, epochs=60),
        "underfitting",
        60,
        {"width": 64},
        "Sixty-four units know the training images by heart after a few epochs.",
    ),
    Case(
        "overfitting",
        "A network that learns by heart",
        "Three layers of a hundred units, thirty epochs on the same 1,437 images. What do the two losses do?",
        (
            "Both fall as long as it is trained",
            "The training loss falls, and the validation loss turns up",
            "Both turn up after a while",
        ),
        1,
        "It has nineteen times as many weights as there are images, and soon knows these by heart. From then on it "
        "only becomes surer, also of its errors: the validation loss rises while the accuracy stays. The weights of "
        "the best epoch are kept.",
        _digits(depth=3, activation="relu", learning_rate=3e-3, epochs=30),
        "overfitting",
        30,
        {"patience": 3},
        "Early stopping with a patience of 3 ends it soon after the turn, with the same best weights.",
    ),
    Case(
        "impatient",
        "Early stopping without patience",
        "Early stopping with a patience of 1: training ends at the first epoch that is no better. What does that do?",
        (
            "It saves time and costs nothing",
            "It stops at a chance rise of the validation loss, while the network is still learning",
            "It prevents overfitting",
        ),
        1,
        "The validation loss goes up and down by chance. The first time up looks like the turn, and is none.",
        _digits(activation="relu", learning_rate=3e-4, epochs=30, patience=1),
        "patience_too_short",
        30,
        {"patience": 10},
        "With a patience of 10 the same run goes on through the ups and downs.",
    ),
    Case(
        "linear",
        "Twenty layers without an activation",
        "Twenty hidden layers, none with an activation: what can such a network learn?",
        (
            "More than one layer, because it has twenty times the weights",
            "Nothing, the gradient vanishes",
            "No more than a network without hidden layers",
        ),
        2,
        "A matrix times a matrix is a matrix: twenty layers are one. On digits that is enough for nine out of ten, "
        "which shows how much of the task is linear.",
        _digits(activation="linear", kernel_initializer=_GLOROT, learning_rate=3e-4, epochs=6),
        "linear",
        0,
        {"activation": "elu"},
        "With an activation between them the layers are layers.",
    ),
)

CASES: dict[str, Case] = {case.name: case for case in _ALL}


def case(name: str) -> Case:
    """The case of that name; raises `FieldError`."""
    if name not in CASES:
        raise FieldError("case", name, "one of " + ", ".join(CASES))
    return CASES[name]
