"""What pages ask of TensorFlow without training a run: plain values in, plain records out, to be sent to the desk."""

from collections.abc import Mapping
from typing import Any

from explorer import datasets, estimate, worker
from explorer.config import TrainingConfig
from explorer.errors import InputError
from explorer.signals import EpochSignals

# A network of this size is drawn and measured in about a second.
MOST_PARAMETERS = 10_000_000


def signals_at_start(values: Mapping[str, Any]) -> EpochSignals:
    """What the probe batch does in the network of a configuration before its first step: the signals of epoch 0.

    `values` are those of `TrainingConfig.to_dict`. Equal to what a run of it records first, without building or
    compiling its model. Raises `InputError` for a network of too many parameters, `DataError` without the data.
    """
    config = TrainingConfig.from_dict(values)
    if (parameters := estimate.parameters(config)) > MOST_PARAMETERS:
        raise InputError(
            f"depth and width: {config.depth} layers of {config.width:,} units have {parameters:,} parameters; "
            f"at most {MOST_PARAMETERS:,} can be looked into before training"
        )
    data = worker.programs().data(datasets.load(config.dataset, config.validation_split))
    from explorer.training.signals import Probe, first_blocks

    probe = Probe(*first_blocks(config), data.training.images, data.training.labels)
    return probe.measure_once(*data.scaling_tensors(config.input_scaling))
