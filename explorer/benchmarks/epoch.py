"""Benchmarks of an epoch and an evaluation against the notebook's `model.fit` and `evaluate`, and of a worker process.

A measurement is a function of a `Subject` that returns results in seconds or bytes; `MEASUREMENTS` lists them all, each
with its description, and their results become part of the JSON.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from explorer.benchmarks import worker_start
from explorer.config import OFF, STANDARDIZED, TrainingConfig
from explorer.data import datasets
from explorer.data.datasets import Dataset
from explorer.machine import machine
from explorer.plain_text import columns
from explorer.presets import Preset
from explorer.runs import cost_estimate
from explorer.scratch import scratch_folder
from explorer.workers import worker

EVALUATIONS = 5


@dataclass(frozen=True)
class Subject:
    """What is measured: one configuration on one data set, over a number of epochs."""

    config: TrainingConfig
    dataset: Dataset
    epochs: int


def measure(
    chosen: Sequence[Preset], dataset: str, epochs: int, *, tell: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Every measurement of every preset on a data set, with a description of the machine.

    `epochs` epochs of each kind count, after a warm-up epoch. Raises `DataError` without the data set,
    `RunError` when the worker process fails.
    """
    data = datasets.load(dataset)
    results = []
    for preset in chosen:
        subject = Subject(preset.config.with_(dataset=dataset), data, epochs)
        figures: dict[str, Any] = {"preset": preset.name, "parameters": cost_estimate.parameters(subject.config)}
        for description, measurement in MEASUREMENTS.items():
            tell(f"{preset.name}: {description} …")
            figures |= measurement(subject)
        results.append(figures)
    images = {"train": len(data.train), "validation": len(data.validation)}
    return {"machine": machine(), "dataset": dataset, "images": images, "epochs": epochs, "presets": results}


def lines(results: dict[str, Any]) -> list[str]:
    """The results as lines of a table."""
    machine, images = results["machine"], results["images"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    head = ["preset", "model.fit", "explorer", "ratio", "floor", "above it", "signals", "compiling", "from disk"]
    head += ["second start", "worker's peak", "model.evaluate", "explorer", "ratio"]
    rows = [
        [
            row["preset"],
            f"{row['fit_seconds']:.3f} s",
            f"{row['seconds']:.3f} s",
            f"{row['ratio']:.2f}×",
            f"{row['floor_seconds']:.3f} s",
            f"{row['above_floor']:.2f}×",
            f"{row['signals_share']:.1%}",
            f"{row['compile_seconds']:.2f} s",
            f"{row['later_compile_seconds']:.2f} s",
            f"{row['second_start_seconds']:.3f} s",
            f"{row['peak_memory_bytes'] / 1e9:.2f} GB",
            f"{row['keras_evaluate_seconds']:.3f} s",
            f"{row['evaluation_seconds']:.3f} s",
            f"{row['evaluation_ratio']:.2f}×",
        ]
        for row in results["presets"]
    ]
    return [
        f"{machine['cores']} cores of {machine['processor']} ({machine['instructions']}); {versions}",
        f"{results['dataset']}: {images['train']:,} training and {images['validation']:,} validation images",
        f"seconds per epoch with validation: medians of {results['epochs']} each, interleaved after one warm-up; "
        "ratio: median of the pairs; floor: the matrix products and Adam's update of all weights alone, one program;",
        "above it: explorer / floor, median of the pairs; signals: the share that layer statistics add to an epoch",
        f"evaluating {images['validation']:,} images with an opened model: medians of {EVALUATIONS}, interleaved",
        *columns([head, *rows], right=[*"123456789", "10", "11", "12", "13"]),
    ]


# --- an epoch against the notebook's ----------------------------------------------------------------------


def epochs_in_turns(subject: Subject) -> dict[str, Any]:
    """Epochs interleaved with `model.fit` and with their floor, so that other load on the machine affects all."""
    from explorer.benchmarks.floor import floor_epoch

    network, _ = worker.programs().network(subject.config, subject.dataset)
    network.start(subject.config)
    floor = floor_epoch(subject.config, subject.dataset)
    kinds = (_fit_epochs(subject, network.data), _our_epochs(subject, network), lambda number: floor())
    rounds = []
    for number in range(subject.epochs + 1):
        timed = {}
        for kind in kinds[:: -1 if number % 2 else 1]:
            started = time.perf_counter()
            kind(number + 1)
            timed[kind] = time.perf_counter() - started
        rounds.append([timed[kind] for kind in kinds])
    counted = rounds[1:]  # in the first, `fit` and the floor are traced and compiled
    fit, ours, least = (list(seconds) for seconds in zip(*counted, strict=True))
    return {
        "fit_seconds": median(fit),
        "seconds": median(ours),
        "ratio": median(a / b for a, b in zip(fit, ours, strict=True)),
        "floor_seconds": median(least),
        "above_floor": median(a / b for a, b in zip(ours, least, strict=True)),
        "fit_seconds_per_epoch": fit,
        "seconds_per_epoch": ours,
        "floor_seconds_per_epoch": least,
    }


def signals(subject: Subject) -> dict[str, Any]:
    """What layer statistics add to an epoch: copying the weights, the measurement and its line of JSON."""
    network, _ = worker.programs().network(subject.config, subject.dataset)
    network.start(subject.config)
    epoch = _our_epochs(subject, network)
    pairs = []
    for number in range(subject.epochs + 1):
        started = time.perf_counter()
        epoch(number + 1)
        trained = time.perf_counter()
        network.signals(number + 1, network.probe.kernels()).to_json()
        pairs.append((trained - started, time.perf_counter() - trained))
    counted = pairs[1:]
    return {
        "signals_seconds": median(seconds for _, seconds in counted),
        "signals_share": median(seconds / epoch for epoch, seconds in counted),
    }


def _our_epochs(subject: Subject, network) -> Callable[[int], None]:
    from explorer.training.augmentation import draws
    from explorer.training.results import Totals
    from explorer.training.trainer import image_order

    def epoch(number: int) -> None:
        images, steps = network.data.training.size, network.steps_per_epoch
        order, drawn = image_order(subject.config.seed, number, images), draws(subject.config, number, images, steps)
        network.train_steps(order, 0, steps, Totals(), draws=drawn)
        network.evaluate(network.data.validation)

    return epoch


def _fit_epochs(subject: Subject, prepared) -> Callable[[int], None]:
    """A function that trains one epoch with the notebook's call on the notebook's arrays."""
    splits = [subject.dataset.split(name) for name in ("train", "validation")]
    scaled = subject.config.input_scaling == STANDARDIZED
    if scaled:  # float32, to which Keras would convert scikit-learn's float64 anew at every call
        mean, variance = prepared.scaling(STANDARDIZED)
        splits = [((images.reshape(len(images), -1) - mean) / variance**0.5, labels) for images, labels in splits]
    (images, labels), validation = splits
    model = notebook_model(subject.config, flatten=not scaled)

    def epoch(number: int) -> None:
        with _graphs_optimized():
            model.fit(images, labels, validation_data=validation, batch_size=subject.config.batch_size, verbose=0)

    return epoch


@contextmanager
def _graphs_optimized() -> Iterator[None]:
    """TensorFlow's own optimizer of graphs is on, as in any process that does not train compiled networks."""
    from explorer.training.frameworks import set_graph_optimizer

    set_graph_optimizer(True)
    try:
        yield
    finally:
        set_graph_optimizer(False)


def notebook_model(config: TrainingConfig, *, flatten: bool):
    """The compiled model of the notebook's `create_dnn_model`; without `flatten` it takes flat images."""
    from explorer.training.frameworks import keras

    spec = datasets.spec_of(config.dataset)
    model = keras.models.Sequential()
    if flatten:
        model.add(keras.layers.Input(spec.image_shape))
        model.add(keras.layers.Flatten())
    else:
        model.add(keras.layers.Input([spec.features]))
    if config.batch_norm != OFF:
        model.add(keras.layers.BatchNormalization())
    for _ in range(config.depth):
        kind = {"activation": config.activation, "kernel_initializer": config.kernel_initializer}
        model.add(keras.layers.Dense(config.width, **kind))
        if config.batch_norm != OFF:
            model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.Dense(spec.classes, activation="softmax"))
    optimizer = keras.optimizers.Nadam(learning_rate=config.learning_rate)
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"], optimizer=optimizer)
    return model


# --- an evaluation against the notebook's -----------------------------------------------------------------


def evaluations_in_turns(subject: Subject) -> dict[str, Any]:
    """Evaluations of the validation images, interleaved with the notebook's `evaluate`, on one saved model."""
    from explorer.evaluation import model_process as network
    from explorer.evaluation.predictions import Request

    images, labels = subject.dataset.split("validation")
    scaled = subject.config.input_scaling == STANDARDIZED
    if scaled:
        mean, variance = worker.programs().data(subject.dataset).scaling(STANDARDIZED)
        images = (images.reshape(len(images), -1) - mean) / variance**0.5
    model = notebook_model(subject.config, flatten=not scaled)
    pairs = []
    with scratch_folder() as folder, _graphs_optimized():
        path = folder / "model.keras"
        model.save(path)
        request = Request(str(path), path.name, subject.config.dataset, scaling=subject.config.input_scaling)
        for number in range(EVALUATIONS + 1):
            predictions = network.predict(request)
            if not number:
                open_seconds = predictions.load_seconds
            started = time.perf_counter()
            model.evaluate(images, labels, verbose=0)
            pairs.append((time.perf_counter() - started, predictions.seconds))
    counted = pairs[1:]  # the first of `evaluate` traces and compiles
    return {
        "keras_evaluate_seconds": median(theirs for theirs, _ in counted),
        "evaluation_seconds": median(ours for _, ours in counted),
        "evaluation_ratio": median(theirs / ours for theirs, ours in counted),
        "first_evaluation_seconds": pairs[0][1],
        "open_seconds": open_seconds,
    }


MEASUREMENTS: dict[str, Callable[[Subject], dict[str, Any]]] = {
    "a separate worker process": lambda subject: worker_start.measure(subject.config),
    "epochs interleaved with model.fit": epochs_in_turns,
    "the cost of layer statistics": signals,
    "evaluations interleaved with model.evaluate": evaluations_in_turns,
}
