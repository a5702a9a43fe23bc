"""Tasks for a task process that need TensorFlow and train no run: plain values in, plain records out."""

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

# A network of this size is drawn and measured in about a second.
MOST_PARAMETERS = 10_000_000


def signals_at_start(values: Mapping[str, Any]) -> EpochSignals:
    """What the probe batch does in the network of a configuration before its first step: the signals of epoch 0.

    `values` are those of `TrainingConfig.to_dict`. Equal to what a run of it records first, without building or
    compiling its model. Raises `InputError` for a network of too many parameters, `DataError` without the data.
    """
    config = TrainingConfig.from_dict(values)
    if (parameters := cost_estimate.parameters(config)) > MOST_PARAMETERS:
        raise InputError(
            f"depth and width: {config.depth} layers of {config.width:,} units have {parameters:,} parameters; "
            f"at most {MOST_PARAMETERS:,} can be looked into before training"
        )
    data = worker.programs().data(datasets.load(config.dataset, config.validation_split))
    from explorer.training.layer_statistics import Probe, first_blocks

    probe = Probe(*first_blocks(config), data.training.images, data.training.labels)
    return probe.measure_once(*data.scaling_tensors(config.input_scaling))


def range_test(values: Mapping[str, Any], path: str) -> Suggestion:
    """Tries growing learning rates on a fresh network of a configuration; nothing of any run is touched.

    Writes a line of JSON for each step into the file as it happens (`rate`, `loss`, `smoothed`; null where it is not
    finite), so that a page can draw it meanwhile, and returns what the curve suggests.
    """
    from explorer.training import lr_finder as range_test

    config = TrainingConfig.from_dict(values)
    network, _ = worker.programs().network(config, datasets.load(config.dataset, config.validation_split))
    points = []
    with Path(path).open("w", encoding="utf-8") as stream:
        for point in range_test.measure(config, network):
            points.append(point)
            told = {name: value if math.isfinite(value) else None for name, value in asdict(point).items()}
            stream.write(json.dumps(told) + "\n")
            stream.flush()
    return range_test.suggest([point.rate for point in points], [point.loss for point in points])


def read_points(path: str) -> list[Point]:
    """The steps that a range test has written so far; none while the file is not there or cannot be read."""
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
