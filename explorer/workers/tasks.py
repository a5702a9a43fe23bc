"""Tasks for a task process that need TensorFlow but train no run; they take plain values and return plain records."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from explorer import records
from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import InputError
from explorer.files import read_bytes
from explorer.records import Real
from explorer.runs import cost_estimate
from explorer.runs.signals import EpochSignals
from explorer.training.lr_finder import Point, Suggestion
from explorer.workers import worker

# A network of this size is initialized and measured in about a second.
MOST_PARAMETERS = 10_000_000


def signals_at_start(values: Mapping[str, Any]) -> EpochSignals:
    """Signal propagation at initialization: the signals of a configuration's network in epoch 0.

    `values` are those of `TrainingConfig.to_dict`. The result equals what a run records first, without building or
    compiling its model. Raises `InputError` for a network with too many parameters, `DataError` without the data.
    """
    config = TrainingConfig.from_dict(values)
    if (parameters := cost_estimate.parameters(config)) > MOST_PARAMETERS:
        raise InputError(
            f"depth and width: {config.depth} layers of {config.width:,} units have {parameters:,} parameters; "
            f"at most {MOST_PARAMETERS:,} can be measured before training"
        )
    data = worker.programs().data(datasets.load(config.dataset, config.validation_split))
    from explorer.training.layer_statistics import Probe, initial_blocks

    probe = Probe(*initial_blocks(config), data.training.images, data.training.labels)
    return probe.measure_once(*data.scaling_tensors(config.input_scaling))


def range_test(values: Mapping[str, Any], path: str) -> Suggestion:
    """Runs the learning-rate finder on a new network of a configuration; no run is changed.

    Writes one line of JSON per step into the file as it happens (`rate`, `loss`, `smoothed`; null if not finite), so
    that a page can draw the curve meanwhile; then tries several rates, and returns the suggestion.
    """
    from explorer.training import lr_finder

    config = TrainingConfig.from_dict(values)
    network, _ = worker.programs().network(config, datasets.load(config.dataset, config.validation_split))
    points = []
    with Path(path).open("w", encoding="utf-8") as stream:
        for point in lr_finder.measure(config, network):
            points.append(point)
            row = {name: value if math.isfinite(value) else None for name, value in asdict(point).items()}
            stream.write(json.dumps(row) + "\n")
            stream.flush()
    return lr_finder.search(config, network, points)


def read_points(path: str) -> list[Point]:
    """The steps that the learning-rate finder has written so far; none if the file is missing or unreadable."""
    try:
        whole, _, _ = read_bytes(path).rpartition(b"\n")
        rows = [records.from_json(line, _Point) for line in whole.split(b"\n") if line]
    except (OSError, ValueError):
        return []
    return [Point(*(math.nan if value is None else value for value in row.values())) for row in rows]


class _Point(TypedDict):
    rate: Real | None
    loss: Real | None
    smoothed: Real | None
