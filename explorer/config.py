"""What a training run is asked to do, and the one table of fields that every way of asking is made from.

The sidebar, the command line, validation and the README's reference all read `FIELDS`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.activations import ACTIVATIONS
from explorer.data.datasets import BOOK, DATASETS, NOTEBOOK
from explorer.errors import FieldError

# 2: dropout, L2, clipping, schedules and the choice of a split; what a configuration of 1 lacks has its default
SCHEMA_VERSION = 2

OFF, AFTER_ACTIVATION, BEFORE_ACTIVATION = "off", "after_activation", "before_activation"
RAW, STANDARDIZED, UNIT = "raw", "standardized", "unit"
DROPOUT, ALPHA, ALPHA_OUTPUT = "hidden", "alpha", "alpha_output"
CONSTANT, ONE_CYCLE, EXPONENTIAL, COSINE, PLATEAU = "constant", "one_cycle", "exponential", "cosine", "plateau"


@dataclass(frozen=True)
class Field:
    """One hyperparameter: its bounds or choices, its default, and the words that explain it.

    `needs` names the values of other fields with which it makes a difference; none when it always does.
    """

    name: str
    label: str
    default: Any
    help: str
    group: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    logarithmic: bool = False
    option: str = ""
    titles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @property
    def flag(self) -> str:
        """The command-line option, such as `--learning-rate`."""
        return "--" + (self.option or self.name).replace("_", "-")

    @property
    def allowed(self) -> str:
        """What the field takes, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        number = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{number} from {self.minimum:,.12g} to {self.maximum:,.12g}"

    def title(self, value: str) -> str:
        """A choice as a person reads it."""
        return self.titles.get(value, value)

    def matters(self, values: Mapping[str, Any]) -> bool:
        """Whether it makes a difference beside these values of the other fields."""
        return all(values[name] in wanted for name, wanted in self.needs.items())

    def check(self, value: Any) -> Any:
        """The value in the field's own type; raises `FieldError` when it is not allowed."""
        if self.choices:
            if isinstance(value, str) and value in self.choices:
                return value
            raise FieldError(self.name, value, self.allowed)
        # NaN lies within no bounds; a whole number of hundreds of digits is no float, but can be compared with one
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.minimum <= value <= self.maximum:
            raise FieldError(self.name, value, self.allowed)
        if not isinstance(self.default, int):
            return float(value)
        if value != int(value):
            raise FieldError(self.name, value, self.allowed)
        return int(value)

    def parse(self, text: str) -> Any:
        """The value of a typed text; raises `FieldError` when it is not allowed."""
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

# The three groups of the sidebar, top to bottom; the last is folded.
DATA, NETWORK, MORE = "Data", "Network", "More settings"

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field(
            "dataset",
            "Data set",
            "cifar10",
            "The labelled images the network learns from.",
            DATA,
            choices=tuple(DATASETS),
            titles={name: spec.title for name, spec in DATASETS.items()},
        ),
        Field(
            "activation",
            "Activation",
            "elu",
            "The function each hidden unit applies to its weighted sum; without one, depth adds nothing.",
            NETWORK,
            choices=tuple(ACTIVATIONS),
            titles={name: activation.title for name, activation in ACTIVATIONS.items()},
        ),
        Field(
            "kernel_initializer",
            "Initializer",
            "he_normal",
            "How the first random weights are drawn: it decides whether signals survive many layers.",
            NETWORK,
            choices=tuple(INITIALIZERS),
            titles=INITIALIZERS,
            option="initializer",
        ),
        Field(
            "batch_norm",
            "Batch normalization",
            OFF,
            "Re-centres and re-scales each layer's values over every batch, so deep networks train faster.",
            NETWORK,
            choices=(OFF, AFTER_ACTIVATION, BEFORE_ACTIVATION),
            titles={
                OFF: "off",
                AFTER_ACTIVATION: "on the input and after each hidden layer",
                BEFORE_ACTIVATION: "on the input and before each activation",
            },
        ),
        Field("depth", "Depth", 20, "How many hidden layers.", NETWORK, minimum=0, maximum=100),
        Field(
            "width",
            "Width",
            100,
            "How many units in each hidden layer.",
            NETWORK,
            minimum=1,
            maximum=2048,
            logarithmic=True,
        ),
        Field(
            "learning_rate",
            "Learning rate",
            5e-5,
            "The size of each step downhill: too large and the loss jumps about, too small and it crawls.",
            NETWORK,
            minimum=1e-7,
            maximum=10.0,
            logarithmic=True,
        ),
        Field(
            "input_scaling",
            "Input scaling",
            RAW,
            "What happens to the pixels before the first layer; it becomes a layer of the saved model.",
            MORE,
            choices=(RAW, STANDARDIZED, UNIT),
            titles={RAW: "raw pixels", STANDARDIZED: "standardised per pixel", UNIT: "from 0 to 1"},
        ),
        Field(
            "optimizer",
            "Optimizer",
            "nadam",
            "The rule that turns gradients into weight changes.",
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
            "How the learning rate changes while the network trains.",
            MORE,
            choices=(CONSTANT, ONE_CYCLE, EXPONENTIAL, COSINE, PLATEAU),
            titles={
                CONSTANT: "constant",
                ONE_CYCLE: "1cycle: up, down, and a last tenth far below",
                EXPONENTIAL: "exponential decay",
                COSINE: "cosine with warm-up",
                PLATEAU: "reduced on a plateau",
            },
        ),
        Field(
            "peak_factor",
            "Peak",
            10.0,
            "1cycle: how many times the learning rate it rises to, over 45 % of all epochs, before it falls again.",
            MORE,
            minimum=1.0,
            maximum=100.0,
            needs={"schedule": (ONE_CYCLE,)},
        ),
        Field(
            "final_share",
            "Last rate",
            0.001,
            "1cycle and cosine: what the rate ends at, as a share of the learning rate.",
            MORE,
            minimum=0.0,
            maximum=1.0,
            needs={"schedule": (ONE_CYCLE, COSINE)},
        ),
        Field(
            "decay_epochs",
            "Epochs to a tenth",
            20,
            "Exponential decay: after so many epochs the rate is a tenth of what it was.",
            MORE,
            minimum=1,
            maximum=10_000,
            needs={"schedule": (EXPONENTIAL,)},
        ),
        Field(
            "warmup_epochs",
            "Warm-up epochs",
            2,
            "Cosine: the rate first rises in even steps to the learning rate over so many epochs.",
            MORE,
            minimum=0,
            maximum=10_000,
            needs={"schedule": (COSINE,)},
        ),
        Field(
            "plateau_patience",
            "Epochs on a plateau",
            5,
            "Reduced on a plateau: after so many epochs in a row without a lower validation loss the rate is cut.",
            MORE,
            minimum=1,
            maximum=10_000,
            needs={"schedule": (PLATEAU,)},
        ),
        Field(
            "plateau_factor",
            "Cut to",
            0.5,
            "Reduced on a plateau: what the rate is multiplied with.",
            MORE,
            minimum=0.01,
            maximum=0.99,
            needs={"schedule": (PLATEAU,)},
        ),
        Field(
            "dropout",
            "Dropout",
            OFF,
            "Silences some units at random in each training step, so that none is relied on alone.",
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
            "The share of units that dropout silences in a step.",
            MORE,
            minimum=0.0,
            maximum=0.95,
            needs={"dropout": (DROPOUT, ALPHA, ALPHA_OUTPUT)},
        ),
        Field(
            "l2",
            "L2 penalty",
            0.0,
            "This times the sum of all squared kernel weights is added to the loss, which keeps weights small.",
            MORE,
            minimum=0.0,
            maximum=1.0,
        ),
        Field(
            "clip_norm",
            "Gradient clipping",
            0.0,
            "The longest gradient, over all weights together, that is followed as it is; 0 clips none.",
            MORE,
            minimum=0.0,
            maximum=1000.0,
        ),
        Field(
            "batch_size",
            "Batch size",
            32,
            "How many images share one weight update.",
            MORE,
            minimum=1,
            maximum=8192,
            logarithmic=True,
        ),
        Field(
            "epochs",
            "Epochs at most",
            1000,
            "How many times to go through the training images, unless early stopping ends it sooner.",
            MORE,
            minimum=1,
            maximum=10_000,
        ),
        Field(
            "patience",
            "Patience",
            20,
            "Early stopping: give up after this many epochs in a row without a lower validation loss.",
            MORE,
            minimum=1,
            maximum=10_000,
        ),
        Field(
            "seed",
            "Seed",
            1,
            "Decides the first weights and the order of the images; the same seed gives the same run.",
            MORE,
            minimum=0,
            maximum=2**31 - 1,
        ),
        Field(
            "validation_split",
            "Validation images",
            NOTEBOOK,
            "Which of the labelled images are kept back to validate on.",
            MORE,
            choices=(NOTEBOOK, BOOK),
            titles={NOTEBOOK: "a fifth, drawn as in the notebook", BOOK: "the first tenth, as in the book"},
        ),
    )
}


def _default(name: str) -> Any:
    return FIELDS[name].default


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run's numbers; every value is checked against `FIELDS` when it is made."""

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
    dropout: str = _default("dropout")
    dropout_rate: float = _default("dropout_rate")
    l2: float = _default("l2")
    clip_norm: float = _default("clip_norm")
    batch_size: int = _default("batch_size")
    epochs: int = _default("epochs")
    patience: int = _default("patience")
    seed: int = _default("seed")
    validation_split: str = _default("validation_split")

    def __post_init__(self) -> None:
        for name, field in FIELDS.items():
            object.__setattr__(self, name, field.check(getattr(self, name)))

    def with_(self, **changes: Any) -> "TrainingConfig":
        """The same configuration with some fields changed; raises `FieldError`."""
        unknown = set(changes) - set(FIELDS)
        if unknown:
            raise FieldError("field", min(unknown), "one of " + ", ".join(FIELDS))
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the schema's version."""
        return {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """The configuration of `to_dict`'s values; raises `FieldError` for a newer schema or a bad value."""
        values = dict(values)
        version = values.pop("schema_version", SCHEMA_VERSION)
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            allowed = f"a whole number from 1 to {SCHEMA_VERSION}, the newest this version knows"
            raise FieldError("schema_version", version, allowed)
        return _DEFAULTS.with_(**values)


_DEFAULTS = TrainingConfig()  # made once: of ten thousand runs in a list each is read from its values
