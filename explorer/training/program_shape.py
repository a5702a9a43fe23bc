"""The settings that a compiled training program depends on."""

from dataclasses import dataclass

from explorer.config import TrainingConfig


@dataclass(frozen=True)
class Shape:
    """The settings that a compiled program depends on: runs with equal shapes share one program."""

    dataset: str
    activation: str
    batch_norm: str
    depth: int
    width: int
    width_factor: float
    skip: str
    optimizer: str
    batch_size: int
    dropout: str
    penalized: bool
    decayed: bool
    smoothed: bool
    clipped: bool
    moved: bool
    mixed: bool
    validation_split: str

    @classmethod
    def of(cls, config: TrainingConfig) -> "Shape":
        """The shape of a configuration; seed, rates, schedule, scaling, initializer and lengths are not part of it.

        Of what has a strength, such as the L2 penalty or mixup, only whether it is used counts.
        """
        switches = {
            "penalized": config.l2 > 0,
            "decayed": config.weight_decay > 0,
            "smoothed": config.label_smoothing > 0,
            "clipped": config.clip_norm > 0,
            "moved": config.moves_images,
            "mixed": config.mixup > 0,
        }
        return cls(**{name: switches.get(name, getattr(config, name, None)) for name in cls.__dataclass_fields__})
