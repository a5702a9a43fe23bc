"""The notebook's three experiments, as configurations."""

from dataclasses import dataclass

from explorer.config import AFTER_ACTIVATION, STANDARDIZED, TrainingConfig
from explorer.errors import FieldError


@dataclass(frozen=True)
class Preset:
    """A named configuration with the sentence that says what it shows."""

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
            "Twenty ELU layers on raw pixels: trains, but slowly.",
            TrainingConfig(activation="elu", kernel_initializer="he_normal", learning_rate=5e-5),
        ),
        Preset(
            "bn",
            "ELU + He + batch norm",
            "The same network with batch normalization: the most accurate of the three.",
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
            "A network that normalises itself, on standardised pixels: the fastest to its best epoch.",
            TrainingConfig(
                activation="selu",
                kernel_initializer="lecun_normal",
                input_scaling=STANDARDIZED,
                learning_rate=5e-5,
            ),
        ),
    )
}


def preset(name: str) -> Preset:
    """The preset of that name; raises `FieldError`."""
    if name not in PRESETS:
        raise FieldError("preset", name, "one of " + ", ".join(PRESETS))
    return PRESETS[name]
