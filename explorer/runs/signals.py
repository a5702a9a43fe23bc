"""Statistics of every layer: one record per epoch, and tidy frames for charts."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from explorer import records
from explorer.records import Count, EpochOrStart, Name, Real, Share

if TYPE_CHECKING:
    import pandas as pd

HISTOGRAM_BINS = 24
MOST_LAYERS, MOST_BINS = 1_000, 1_000  # limits on what is read from a file; networks here have at most a hundred layers
DIGITS = 6


@dataclass(frozen=True)
class LayerSignals:
    """One layer (`hidden_1` … `output`) on the probe batch; NaN where a value is not finite.

    Activations are the outputs of the activation function, before any batch normalization that follows it.

    - `activation_mean`, `activation_variance`: over all units and images; `variance_over_images` is the mean over the
      units of each unit's variance over the images: near 0 when the layer gives the same output for every image.
    - `dead`: share of units in a flat part of the activation (slope below 0.01; ReLU: not above 0) for every image.
    - `saturated`: share of all units × images in a flat part; for ReLU the share of zeros, one half initially.
    - `gradient_rms`: root mean square of the loss's gradient with respect to the kernel.
    - `update_ratio`: root mean square of the kernel's change in the epoch's last step, divided by the kernel's; None
      before the first step, NaN for a kernel of zeros.
    - `weight_norm`: the kernel's Euclidean norm.
    - `histogram_counts`: activations in `HISTOGRAM_BINS` equal bins over `histogram_range`; empty unless all are
      finite.
    """

    layer: str
    activation_mean: float
    activation_variance: float
    variance_over_images: float
    dead: float
    saturated: float
    gradient_rms: float
    update_ratio: float | None
    weight_norm: float
    histogram_counts: tuple[int, ...] = ()
    histogram_range: tuple[float, float] = (0.0, 0.0)

    @property
    def histogram_edges(self) -> tuple[float, ...]:
        """The edges of the bins, one more than there are bins."""
        bins = len(self.histogram_counts)
        low, high = self.histogram_range
        return tuple(low + (high - low) * at / bins for at in range(bins + 1)) if bins else ()


@dataclass(frozen=True)
class EpochSignals:
    """Statistics of every layer after one epoch, from the first hidden layer on; epoch 0 is before the first step."""

    epoch: int
    layers: tuple[LayerSignals, ...]

    def to_json(self) -> str:
        """One line of JSON with a column per statistic; NaN and infinite values become null."""
        columns = {f.name: [_plain(getattr(layer, f.name)) for layer in self.layers] for f in fields(LayerSignals)}
        return json.dumps({"epoch": self.epoch, **columns}, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> "EpochSignals":
        """The signals in a line written by `to_json`; raises `ValueError` for anything else."""
        values = records.from_json(line.encode(), _Line)
        columns = [[math.nan if v is None else v for v in getattr(values, name)] for name in SIGNALS]
        # null means no update before the first step, and NaN or infinite afterwards
        if values.epoch == 0:
            columns[SIGNALS.index("update_ratio")] = [None] * len(values.layer)
        counts = map(tuple, values.histogram_counts)
        try:
            rows = list(zip(values.layer, *columns, counts, values.histogram_range, strict=True))
        except ValueError:
            raise ValueError("the columns of an epoch's signals have different lengths") from None
        return cls(values.epoch, tuple(LayerSignals(*row) for row in rows))


# The statistics of a layer, in the order of its fields: the values of the column `signal` in `tidy`.
SIGNALS = tuple(f.name for f in fields(LayerSignals) if f.name != "layer" and not f.name.startswith("histogram"))

_SHARES = frozenset(("dead", "saturated"))
_Line = msgspec.defstruct(
    "_Line",
    [
        ("epoch", EpochOrStart),
        ("layer", Annotated[list[Name], Meta(max_length=MOST_LAYERS)]),
        *((name, list[(Share if name in _SHARES else Real) | None]) for name in SIGNALS),
        ("histogram_counts", list[Annotated[list[Count], Meta(max_length=MOST_BINS)]]),
        ("histogram_range", list[tuple[Real, Real]]),
    ],
    gc=False,
)


def tidy(run_id: str, signals: Iterable[EpochSignals], names: Sequence[str] = SIGNALS) -> "pd.DataFrame":
    """A long frame `run_id, epoch, layer, depth, signal, value`, one row per statistic; depth counts from 1.

    The update ratio has no rows in epoch 0; NaN stands for every value that is not finite.
    """
    import pandas as pd

    rows = [
        (run_id, of_epoch.epoch, layer.layer, depth, name, value)
        for of_epoch in signals
        for depth, layer in enumerate(of_epoch.layers, 1)
        for name in names
        if (value := getattr(layer, name)) is not None
    ]
    return pd.DataFrame(rows, columns=["run_id", "epoch", "layer", "depth", "signal", "value"])


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
