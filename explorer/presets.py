"""Presets: the notebook's three experiments, those of the book's exercise behind it, and the most accurate network."""

from dataclasses import dataclass

from explorer.config import (
    AFTER_ACTIVATION,
    ALPHA_OUTPUT,
    BEFORE_ACTIVATION,
    DROPOUT,
    HORIZONTAL,
    ONE_CYCLE,
    STANDARDIZED,
    TrainingConfig,
)
from explorer.data.split import BOOK
from explorer.errors import FieldError


@dataclass(frozen=True)
class Preset:
    """A named configuration with a sentence about what it shows."""

    name: str
    title: str
    description: str
    config: TrainingConfig


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "elu",
            "ELU + He",
            "Twenty ELU layers on raw pixels. It trains, but slowly.",
            TrainingConfig(activation="elu", kernel_initializer="he_normal", learning_rate=5e-5),
        ),
        Preset(
            "bn",
            "ELU + He + batch norm",
            "The same network with batch normalization. The most accurate of the three.",
            TrainingConfig(
                activation="elu",
                kernel_initializer="he_normal",
                batch_norm=AFTER_ACTIVATION,
                learning_rate=1e-4,
            ),
        ),
        Preset(
            "selu",
            "SELU + LeCun",
            "A self-normalizing network on standardized pixels. The fastest to reach its best epoch.",
            TrainingConfig(
                activation="selu",
                kernel_initializer="lecun_normal",
                input_scaling=STANDARDIZED,
                learning_rate=5e-5,
            ),
        ),
    )
}

# Géron, Hands-On Machine Learning, 2nd edition, chapter 11, exercise 8, with the book's own split of the images.
BOOK_PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "book_bn",
            "The book's batch norm",
            "Part c: ELU with batch normalization of the input and before each activation, at ten times the rate.",
            TrainingConfig(
                activation="elu",
                kernel_initializer="he_normal",
                batch_norm=BEFORE_ACTIVATION,
                learning_rate=5e-4,
                epochs=100,
                validation_split=BOOK,
            ),
        ),
        Preset(
            "book_alpha",
            "The book's alpha dropout",
            "Part e: SELU on standardized pixels with alpha dropout before the output layer.",
            TrainingConfig(
                activation="selu",
                kernel_initializer="lecun_normal",
                input_scaling=STANDARDIZED,
                dropout=ALPHA_OUTPUT,
                dropout_rate=0.1,
                learning_rate=5e-4,
                epochs=100,
                validation_split=BOOK,
            ),
        ),
        Preset(
            "book_1cycle",
            "The book's 1cycle",
            "Part f: the network of part e, trained by SGD. The rate rises tenfold and falls again in 15 epochs.",
            TrainingConfig(
                activation="selu",
                kernel_initializer="lecun_normal",
                input_scaling=STANDARDIZED,
                dropout=ALPHA_OUTPUT,
                dropout_rate=0.1,
                optimizer="sgd",
                learning_rate=5e-3,
                schedule=ONE_CYCLE,
                batch_size=128,
                epochs=15,
                validation_split=BOOK,
            ),
        ),
    )
}

# The winner of a study (`explorer/sweeps/README.md`), trained within half an hour on two cores.
BEST_PRESETS: dict[str, Preset] = {
    "mlp_best": Preset(
        "mlp_best",
        "Best fully connected network",
        "Three wide ReLU layers with batch normalization, dropout, 1cycle, and images flipped and shifted at random.",
        TrainingConfig(
            activation="relu",
            kernel_initializer="he_normal",
            batch_norm=AFTER_ACTIVATION,
            depth=3,
            width=1024,
            learning_rate=3e-4,
            schedule=ONE_CYCLE,
            input_scaling=STANDARDIZED,
            flip=HORIZONTAL,
            shift=2,
            dropout=DROPOUT,
            dropout_rate=0.3,
            batch_size=256,
            epochs=60,
        ),
    )
}

ALL_PRESETS = PRESETS | BOOK_PRESETS | BEST_PRESETS


def preset(name: str) -> Preset:
    """The preset with a name; raises `FieldError`."""
    if name not in ALL_PRESETS:
        raise FieldError("preset", name, "one of " + ", ".join(ALL_PRESETS))
    return ALL_PRESETS[name]
