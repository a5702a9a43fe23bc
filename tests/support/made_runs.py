"""Hand-made histories and signals for the tests of diagnosis and charts: what a run would have measured."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from explorer.config import TrainingConfig
from explorer.runs.history import EpochRecord
from explorer.runs.signals import HISTOGRAM_BINS, EpochSignals, LayerSignals

DIGITS = TrainingConfig(
    dataset="digits", depth=5, learning_rate=1e-3, input_scaling="standardized", kernel_initializer="he_normal"
)


def layer(name: str, **values: float) -> LayerSignals:
    """A layer that is well, but for some values."""
    well = LayerSignals(
        layer=name,
        activation_mean=0.0,
        activation_variance=1.0,
        variance_over_images=0.8,
        dead=0.0,
        saturated=0.0,
        gradient_rms=0.01,
        update_ratio=1e-3,
        weight_norm=14.0,
        histogram_counts=(10,) * HISTOGRAM_BINS,
        histogram_range=(-1.0, 1.0),
    )
    return replace(well, **values)


def signals(
    epoch: int, depth: int = 5, by_depth: Mapping[str, Sequence[float]] | None = None, **values
) -> EpochSignals:
    """An epoch of a network of so many hidden layers; `by_depth` gives a value for each layer, the output last."""
    names = [*(f"hidden_{number}" for number in range(1, depth + 1)), "output"]
    if epoch == 0:
        values = {"update_ratio": None, **values}
    own = [{key: column[place] for key, column in (by_depth or {}).items()} for place in range(depth + 1)]
    return EpochSignals(epoch, tuple(layer(name, **{**values, **own[at]}) for at, name in enumerate(names)))


def history(*losses: float, val: Sequence[float] | None = None, accuracy: float = 0.5) -> list[EpochRecord]:
    """Epochs with these training losses; the validation losses are a little higher unless given."""
    val = val or [1.05 * loss for loss in losses]
    return [
        EpochRecord(epoch, loss, accuracy, val_loss, accuracy - 0.02, 1e-3, 0.1)
        for epoch, (loss, val_loss) in enumerate(zip(losses, val, strict=True), 1)
    ]


def record(epoch: int, val_loss: float) -> EpochRecord:
    """An epoch with this validation loss."""
    return EpochRecord(epoch, 1.0, 0.5, val_loss, 0.5, 1e-3, 1.0)
