"""The configuration of a run, and the table of its fields.

The sidebar, the command line, validation and the reference of settings all read `FIELDS`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.activations import ACTIVATIONS
from explorer.data import datasets
from explorer.data.cifar10 import CIFAR10
from explorer.data.split import BOOK, NOTEBOOK
from explorer.errors import FieldError

# 2 adds dropout, L2, clipping, schedules and the choice of a split, 3 augmentation, label smoothing, weight decay, skip
# connections and widths that shrink; fields that are missing take their defaults
SCHEMA_VERSION = 3

OFF, AFTER_ACTIVATION, BEFORE_ACTIVATION = "off", "after_activation", "before_activation"
RAW, STANDARDIZED, UNIT = "raw", "standardized", "unit"
DROPOUT, ALPHA, ALPHA_OUTPUT = "hidden", "alpha", "alpha_output"
HORIZONTAL, PAIRS = "horizontal", "pairs"
CONSTANT, ONE_CYCLE, EXPONENTIAL, COSINE, PLATEAU = "constant", "one_cycle", "exponential", "cosine", "plateau"


@dataclass(frozen=True)
class Field:
    """A hyperparameter with its bounds or choices, its default and its help.

    `choices` may grow while the program runs; `written` returns how a value is written in a configuration.
    `needs` holds the values that other fields must have for this one to have an effect; empty if it always has one.
    With `of_pictures` it has none on a data set whose images are not pictures. `step` is that of its box on the page, 0
    for a usual one.
    """

    name: str
    label: str
    default: Any
    help: str
    group: str
    choices: Sequence[str] = ()
    minimum: float | None = None
    maximum: float | None = None
    logarithmic: bool = False
    option: str = ""
    titles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    of_pictures: bool = False
    step: float = 0.0
    written: Callable[[Any], Any] = lambda value: value

    @property
    def flag(self) -> str:
        """The command-line option, such as `--learning-rate`."""
        return "--" + (self.option or self.name).replace("_", "-")

    @property
    def allowed(self) -> str:
        """The allowed values as text."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        number = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{number} from {self.minimum:,.12g} to {self.maximum:,.12g}"

    @property
    def lower_label(self) -> str:
        """The label as it is written within a sentence: "learning rate", "L2 penalty"."""
        return self.label if self.label[1].isdigit() else self.label[0].lower() + self.label[1:]

    def title(self, value: str) -> str:
        """A choice under its common name, such as "He normal" for `he_normal`."""
        return self.titles.get(value, value)

    def matters(self, values: Mapping[str, Any]) -> bool:
        """Whether the field has an effect, given the values of the other fields."""
        if self.of_pictures and not datasets.spec_of(values["dataset"]).pictures:
            return False
        return all(values[name] in wanted for name, wanted in self.needs.items())

    def check(self, value: Any) -> Any:
        """The value, converted to the type of the field; raises `FieldError` if it is not allowed."""
        if self.choices:
            value = self.written(value)
            if isinstance(value, str) and value in self.choices:
                return value
            raise FieldError(self.name, value, self.allowed)
        # NaN is within no bounds; a huge whole number does not fit a float, but can be compared with one
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.minimum <= value <= self.maximum:
            raise FieldError(self.name, value, self.allowed)
        if not isinstance(self.default, int):
            return float(value)
        if value != int(value):
            raise FieldError(self.name, value, self.allowed)
        return int(value)

    def parse(self, text: str) -> Any:
        """The value that a text stands for; raises `FieldError` if it is not allowed."""
        if self.choices:
            return self.check(text)
        try:
            number = int(text) if isinstance(self.default, int) else float(text)
        except ValueError:
            raise FieldError(self.name, text, self.allowed) from None
        return self.check(number)


INITIALIZERS = {
    "he_normal": "He normal",
    "he_uniform": "He uniform",
    "lecun_normal": "LeCun normal",
    "lecun_uniform": "LeCun uniform",
    "glorot_normal": "Glorot normal",
    "glorot_uniform": "Glorot uniform",
    "orthogonal": "Orthogonal",
    "random_normal": "Random normal (σ 0.05)",
    "zeros": "Zeros",
}
OPTIMIZERS = ("nadam", "adam", "adamw", "rmsprop", "sgd", "momentum", "nesterov")

# the groups of the sidebar from top to bottom; the last one is collapsed
DATA, NETWORK, MORE = "Data", "Network", "More settings"

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field(
            "dataset",
            "Data set",
            CIFAR10.name,
            "Labelled data to train and validate on.",
            DATA,
            choices=datasets.NAMES,
            titles=datasets.TITLES,
            written=datasets.full_name,
        ),
        Field(
            "activation",
            "Activation",
            "elu",
            "Activation function of the hidden layers. Without one, the network is linear, however deep.",
            NETWORK,
            choices=tuple(ACTIVATIONS),
            titles={name: activation.title for name, activation in ACTIVATIONS.items()},
        ),
        Field(
            "kernel_initializer",
            "Initializer",
            "he_normal",
            "Distribution of the initial weights. It decides whether the signal survives many layers.",
            NETWORK,
            choices=tuple(INITIALIZERS),
            titles=INITIALIZERS,
            option="initializer",
        ),
        Field(
            "batch_norm",
            "Batch normalization",
            OFF,
            "Whether to normalize the values of each layer over every batch, so that deep networks train faster.",
            NETWORK,
            choices=(OFF, AFTER_ACTIVATION, BEFORE_ACTIVATION),
            titles={
                OFF: "off",
                AFTER_ACTIVATION: "on the input and after each hidden layer",
                BEFORE_ACTIVATION: "on the input and before each activation",
            },
        ),
        Field("depth", "Depth", 20, "Number of hidden layers.", NETWORK, minimum=0, maximum=100),
        Field(
            "width",
            "Width",
            100,
            "Number of units per hidden layer.",
            NETWORK,
            minimum=1,
            maximum=2048,
            logarithmic=True,
        ),
        Field(
            "learning_rate",
            "Learning rate",
            5e-5,
            "Step size of the optimizer. If too large, the loss jumps up and down; if too small, it barely falls.",
            NETWORK,
            minimum=1e-7,
            maximum=10.0,
            logarithmic=True,
        ),
        Field(
            "input_scaling",
            "Input scaling",
            RAW,
            "Preprocessing of the inputs, such as pixels: none, each input standardized over the training data, or all "
            "scaled to 0–1. It is a layer of the saved model, which therefore takes raw inputs.",
            MORE,
            choices=(RAW, STANDARDIZED, UNIT),
            titles={RAW: "raw inputs", STANDARDIZED: "standardized", UNIT: "scaled to 0–1"},
        ),
        Field(
            "optimizer",
            "Optimizer",
            "nadam",
            "Rule by which gradients update the weights.",
            MORE,
            choices=OPTIMIZERS,
            titles={
                "nadam": "Nadam",
                "adam": "Adam",
                "adamw": "AdamW",
                "rmsprop": "RMSprop",
                "sgd": "SGD",
                "momentum": "SGD with momentum 0.9",
                "nesterov": "SGD with Nesterov momentum 0.9",
            },
        ),
        Field(
            "schedule",
            "Schedule",
            CONSTANT,
            "How the learning rate changes during training.",
            MORE,
            choices=(CONSTANT, ONE_CYCLE, EXPONENTIAL, COSINE, PLATEAU),
            titles={
                CONSTANT: "constant",
                ONE_CYCLE: "1cycle: warm up, anneal, then fall far below",
                EXPONENTIAL: "exponential decay",
                COSINE: "cosine decay with warm-up",
                PLATEAU: "reduce on plateau",
            },
        ),
        Field(
            "peak_factor",
            "Peak factor",
            10.0,
            "1cycle: multiple of the learning rate that is reached after 45% of the epochs, before the rate falls.",
            MORE,
            minimum=1.0,
            maximum=100.0,
            needs={"schedule": (ONE_CYCLE,)},
        ),
        Field(
            "final_share",
            "Final rate",
            0.001,
            "1cycle and cosine decay: final rate, as a fraction of the learning rate.",
            MORE,
            minimum=0.0,
            maximum=1.0,
            needs={"schedule": (ONE_CYCLE, COSINE)},
        ),
        Field(
            "decay_epochs",
            "Decay epochs",
            20,
            "Exponential decay: number of epochs over which the rate falls to a tenth.",
            MORE,
            minimum=1,
            maximum=10_000,
            needs={"schedule": (EXPONENTIAL,)},
        ),
        Field(
            "warmup_epochs",
            "Warm-up epochs",
            2,
            "Cosine decay: number of epochs over which the rate first rises linearly to the learning rate.",
            MORE,
            minimum=0,
            maximum=10_000,
            needs={"schedule": (COSINE,)},
        ),
        Field(
            "plateau_patience",
            "Plateau patience",
            5,
            "Reduce on plateau: number of epochs without a lower validation loss after which the rate is reduced.",
            MORE,
            minimum=1,
            maximum=10_000,
            needs={"schedule": (PLATEAU,)},
        ),
        Field(
            "plateau_factor",
            "Plateau factor",
            0.5,
            "Reduce on plateau: factor by which the rate is multiplied.",
            MORE,
            minimum=0.01,
            maximum=0.99,
            needs={"schedule": (PLATEAU,)},
        ),
        Field(
            "skip",
            "Skip connections",
            OFF,
            "Whether to add the input of each pair of hidden layers to its output, so that gradients have a short way "
            "back. Where the sizes differ, nothing is added.",
            MORE,
            choices=(OFF, PAIRS),
            titles={PAIRS: "around every two hidden layers"},
        ),
        Field(
            "width_factor",
            "Width factor",
            1.0,
            "Width of each hidden layer as a fraction of the previous one's, so that the network narrows; at least 1 "
            "unit.",
            MORE,
            minimum=0.1,
            maximum=1.0,
        ),
        Field(
            "dropout",
            "Dropout",
            OFF,
            "Whether to drop units at random in each training step, so that the network relies on no single one.",
            MORE,
            choices=(OFF, DROPOUT, ALPHA, ALPHA_OUTPUT),
            titles={
                OFF: "off",
                DROPOUT: "after each hidden layer",
                ALPHA: "alpha dropout after each hidden layer",
                ALPHA_OUTPUT: "alpha dropout before the output only",
            },
        ),
        Field(
            "dropout_rate",
            "Dropout rate",
            0.1,
            "Fraction of the units to drop per step.",
            MORE,
            minimum=0.0,
            maximum=0.95,
            needs={"dropout": (DROPOUT, ALPHA, ALPHA_OUTPUT)},
        ),
        Field(
            "l2",
            "L2 penalty",
            0.0,
            "L2 regularization factor: this times the sum of the squared kernel weights is added to the loss.",
            MORE,
            minimum=0.0,
            maximum=1.0,
            step=1e-4,
        ),
        Field(
            "weight_decay",
            "Weight decay",
            0.0,
            "Decoupled weight decay: each step also subtracts learning rate × this × weight from every weight, biases "
            "and batch normalization included, as in Keras. 0 turns it off, except that AdamW keeps Keras's 0.004.",
            MORE,
            minimum=0.0,
            maximum=1.0,
            step=1e-4,
        ),
        Field(
            "label_smoothing",
            "Label smoothing",
            0.0,
            "Share of each label that is spread over all classes, so that the network does not get overconfident. As "
            "in Keras, every loss includes it.",
            MORE,
            minimum=0.0,
            maximum=1.0,
        ),
        Field(
            "clip_norm",
            "Gradient clipping",
            0.0,
            "Maximum norm of the gradient over all weights; larger gradients are scaled down. 0 turns clipping off.",
            MORE,
            minimum=0.0,
            maximum=1000.0,
        ),
        Field(
            "flip",
            "Flip",
            OFF,
            "Whether to flip a random half of the images from left to right in each epoch. Only in training.",
            MORE,
            choices=(OFF, HORIZONTAL),
            titles={HORIZONTAL: "left to right"},
            of_pictures=True,
        ),
        Field(
            "shift",
            "Shift",
            0,
            "Maximum number of pixels by which each image is shifted at random, horizontally and vertically. The gap "
            "is filled with black. Only in training.",
            MORE,
            minimum=0,
            maximum=16,
            of_pictures=True,
        ),
        Field(
            "mixup",
            "Mixup",
            0.0,
            "Alpha of mixup: trains on mixtures of two inputs and their labels, with mixing weights drawn per step "
            "from Beta(alpha, alpha). 0 turns it off.",
            MORE,
            minimum=0.0,
            maximum=1.0,
        ),
        Field(
            "batch_size",
            "Batch size",
            32,
            "Number of training samples per weight update.",
            MORE,
            minimum=1,
            maximum=8192,
            logarithmic=True,
        ),
        Field(
            "epochs",
            "Maximum epochs",
            1000,
            "Maximum number of passes over the training data. Early stopping may end training sooner.",
            MORE,
            minimum=1,
            maximum=10_000,
        ),
        Field(
            "patience",
            "Patience",
            20,
            "Early stopping: number of epochs without a lower validation loss after which training stops.",
            MORE,
            minimum=1,
            maximum=10_000,
        ),
        Field(
            "seed",
            "Seed",
            1,
            "Seed of initial weights, order of samples, dropout and augmentation. The same seed gives the same run.",
            MORE,
            minimum=0,
            maximum=2**31 - 1,
        ),
        Field(
            "validation_split",
            "Validation set",
            NOTEBOOK,
            "Which of the labelled data to hold out for validation.",
            MORE,
            choices=(NOTEBOOK, BOOK),
            titles={NOTEBOOK: "a random fifth, as in the notebook", BOOK: "the first tenth, as in the book"},
        ),
    )
}


def _default(name: str) -> Any:
    return FIELDS[name].default


@dataclass(frozen=True)
class TrainingConfig:
    """The settings that determine a run; each is checked against `FIELDS`, which raises `FieldError`."""

    dataset: str = _default("dataset")
    activation: str = _default("activation")
    kernel_initializer: str = _default("kernel_initializer")
    batch_norm: str = _default("batch_norm")
    depth: int = _default("depth")
    width: int = _default("width")
    learning_rate: float = _default("learning_rate")
    input_scaling: str = _default("input_scaling")
    optimizer: str = _default("optimizer")
    schedule: str = _default("schedule")
    peak_factor: float = _default("peak_factor")
    final_share: float = _default("final_share")
    decay_epochs: int = _default("decay_epochs")
    warmup_epochs: int = _default("warmup_epochs")
    plateau_patience: int = _default("plateau_patience")
    plateau_factor: float = _default("plateau_factor")
    skip: str = _default("skip")
    width_factor: float = _default("width_factor")
    dropout: str = _default("dropout")
    dropout_rate: float = _default("dropout_rate")
    l2: float = _default("l2")
    weight_decay: float = _default("weight_decay")
    label_smoothing: float = _default("label_smoothing")
    clip_norm: float = _default("clip_norm")
    flip: str = _default("flip")
    shift: int = _default("shift")
    mixup: float = _default("mixup")
    batch_size: int = _default("batch_size")
    epochs: int = _default("epochs")
    patience: int = _default("patience")
    seed: int = _default("seed")
    validation_split: str = _default("validation_split")

    def __post_init__(self) -> None:
        for name, field in FIELDS.items():
            object.__setattr__(self, name, field.check(getattr(self, name)))

    @property
    def moves_images(self) -> bool:
        """Whether training images are flipped or shifted."""
        return (self.flip != OFF or self.shift > 0) and FIELDS["flip"].matters(vars(self))

    def with_(self, **changes: Any) -> "TrainingConfig":
        """A copy with some fields changed; raises `FieldError`."""
        unknown = set(changes) - set(FIELDS)
        if unknown:
            raise FieldError("field", min(unknown), "one of " + ", ".join(FIELDS))
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The values for JSON, with the version of the schema."""
        return {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """The configuration that `to_dict` wrote; raises `FieldError` for a newer schema or a bad value."""
        values = dict(values)
        version = values.pop("schema_version", SCHEMA_VERSION)
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            allowed = f"a whole number from 1 to {SCHEMA_VERSION}, the newest that this version can read"
            raise FieldError("schema_version", version, allowed)
        return _DEFAULTS.with_(**values)


_DEFAULTS = TrainingConfig()  # made once, because a list may read ten thousand configurations
