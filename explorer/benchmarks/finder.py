"""The benchmark of the learning-rate finder: its rate against a grid of rates, each trained for ten epochs."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from explorer.config import AFTER_ACTIVATION, DROPOUT, STANDARDIZED, UNIT, TrainingConfig
from explorer.data import datasets
from explorer.machine import machine
from explorer.plain_text import columns
from explorer.runs.history import best_epoch
from explorer.training import lr_finder
from explorer.workers import worker

EPOCHS = 10
GRID = tuple(float(f"{10 ** (exponent / 2):.1g}") for exponent in range(-11, 1))  # 3e-06, 1e-05 … 1
WITHIN = 0.02  # of the best accuracy on the grid
_PLAIN = {"input_scaling": STANDARDIZED}
# The notebook's three, then networks that differ in everything that the best rate depends on.
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "elu": {},
    "bn": {"batch_norm": AFTER_ACTIVATION},
    "selu": {"activation": "selu", "kernel_initializer": "lecun_normal", **_PLAIN},
    "relu 2x100": {"activation": "relu", "depth": 2, **_PLAIN},
    "relu 5x50 adam": {"activation": "relu", "depth": 5, "width": 50, "optimizer": "adam", **_PLAIN},
    "tanh 3x100 sgd": {
        "activation": "tanh",
        "kernel_initializer": "glorot_uniform",
        "depth": 3,
        "optimizer": "sgd",
        **_PLAIN,
    },
    "elu 4x100 momentum": {"depth": 4, "optimizer": "momentum", "batch_size": 64, **_PLAIN},
    "relu 3x200 unit": {"activation": "relu", "depth": 3, "width": 200, "input_scaling": UNIT},
    "sigmoid 1x100": {"activation": "sigmoid", "kernel_initializer": "glorot_uniform", "depth": 1, **_PLAIN},
    "elu 8x64 rmsprop": {"depth": 8, "width": 64, "optimizer": "rmsprop", "batch_size": 128, **_PLAIN},
    "relu 6x100 bn sgd": {
        "activation": "relu",
        "depth": 6,
        "batch_norm": AFTER_ACTIVATION,
        "optimizer": "sgd",
        **_PLAIN,
    },
    "elu 5x100 dropout": {"depth": 5, "dropout": DROPOUT, "dropout_rate": 0.2, **_PLAIN},
}


def measure(
    dataset: str,
    epochs: int = EPOCHS,
    grid: tuple[float, ...] = GRID,
    chosen: Mapping[str, Mapping[str, Any]] = CONFIGURATIONS,
    *,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """The finder's suggestion for each configuration, and the validation accuracy of it and of every rate of the grid.

    Accuracy (0–1) is that of the epoch with the lowest validation loss, from one seed. Raises `DataError` without the
    data set.
    """
    images = datasets.load(dataset)
    results = []
    for name, settings in chosen.items():
        config = TrainingConfig(dataset=dataset, epochs=epochs, patience=epochs, **settings)
        network, _ = worker.programs().network(config, images)
        suggested = lr_finder.search(config, network, list(lr_finder.measure(config, network))).rate
        rates = grid if suggested is None else sorted({*grid, suggested})
        accuracies = {rate: _accuracy(config.with_(learning_rate=rate), network) for rate in rates}
        results.append(result := _result(name, suggested, accuracies))
        tell(f"{name}: {result['lost']:.1%} below the best rate of the grid")
    count = {"train": len(images.train), "validation": len(images.validation)}
    return {"machine": machine(), "dataset": dataset, "images": count, "epochs": epochs, "configurations": results}


def _accuracy(config: TrainingConfig, network: Any) -> float:
    from explorer.training.trainer import train

    records = []
    train(config, network, on_epoch=lambda record, improved, checkpoint: records.append(record))
    best = best_epoch(records)
    chance = 1 / datasets.spec_of(config.dataset).classes
    return best.val_accuracy if best and math.isfinite(best.val_accuracy) else chance


def _result(name: str, suggested: float | None, accuracies: Mapping[float, float]) -> dict[str, Any]:
    best = max(accuracies, key=accuracies.get)
    reached = accuracies[suggested] if suggested is not None else 0.0
    lost = accuracies[best] - reached
    return {
        "configuration": name,
        "suggested": suggested,
        "suggested_accuracy": reached,
        "best": best,
        "best_accuracy": accuracies[best],
        "lost": lost,
        "within": lost <= WITHIN,
        "accuracies": {f"{rate:g}": accuracy for rate, accuracy in accuracies.items()},
    }


def lines(results: dict[str, Any]) -> list[str]:
    """The results as lines of a table."""
    measured, images = results["configurations"], results["images"]
    head = ["configuration", "suggested", "accuracy", "best of the grid", "accuracy", "below"]
    rows = [
        [
            row["configuration"],
            "none" if row["suggested"] is None else f"{row['suggested']:g}",
            f"{row['suggested_accuracy']:.1%}",
            f"{row['best']:g}",
            f"{row['best_accuracy']:.1%}",
            f"{row['lost']:.1%}",
        ]
        for row in measured
    ]
    return [
        f"{results['dataset']}: {images['train']:,} training and {images['validation']:,} validation images, "
        f"{results['epochs']} epochs, one seed; accuracy at the epoch with the lowest validation loss",
        *columns([head, *rows], right="12345"),
        f"within {WITHIN:.0%}: {sum(row['within'] for row in measured)} of {len(measured)}",
    ]
