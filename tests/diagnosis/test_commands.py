"""Short trainings whose faults look like others: the first finding, its fix, and what must not be above a note."""

from collections.abc import Callable
from functools import cache

import pytest

from explorer.config import TrainingConfig
from explorer.diagnosis import NOTE, Evidence, Finding, diagnose
from explorer.runs.history import best_epoch
from explorer.runs.run import Run
from explorer.runs.store import RunStore
from explorer.workers import worker

BASE = TrainingConfig(dataset="digits", input_scaling="standardized", activation="relu", depth=3, learning_rate=1e-3)
CIFAR = BASE.with_(dataset="cifar10")
SGD = BASE.with_(depth=5, optimizer="sgd", epochs=5)

RUNS = {
    "a penalty that rules": (BASE.with_(l2=0.5, epochs=8), "l2_too_strong", "stuck"),
    "a penalty on raw pixels": (BASE.with_(l2=0.02, input_scaling="raw", depth=4, epochs=5), "l2_too_strong", "inputs"),
    "dropout that leaves nothing": (
        BASE.with_(depth=5, dropout="hidden", dropout_rate=0.9, learning_rate=5e-5, epochs=8),
        "dropout_too_strong",
        "stuck",
    ),
    "clipping at a low rate": (SGD.with_(learning_rate=0.01, clip_norm=1e-4), "clipping_too_strong", "rate_too_low"),
    "clipping at a usual rate": (SGD.with_(learning_rate=0.05, clip_norm=1e-5), "clipping_too_strong", "rate_too_low"),
    "one step per epoch": (BASE.with_(depth=5, batch_size=8192, epochs=8), "few_steps", "stuck"),
    "a schedule that freezes": (
        BASE.with_(schedule="exponential", decay_epochs=1, learning_rate=5e-5, epochs=14),
        "schedule_too_low",
        "underfitting",
    ),
    "alpha dropout in many layers": (
        BASE.with_(
            activation="selu", kernel_initializer="lecun_normal", depth=8, dropout="alpha", dropout_rate=0.3, epochs=8
        ),
        "dropout_too_strong",
        "overfitting",
    ),
    "a plateau that freezes": (
        BASE.with_(
            schedule="plateau", plateau_patience=1, plateau_factor=0.01, optimizer="sgd", learning_rate=0.5, epochs=20
        ),
        "schedule_too_low",
        "overfitting",
    ),
    "a penalty that shrinks the weights": (
        BASE.with_(l2=1.0, batch_norm="after_activation", epochs=8),
        "l2_too_strong",
        "rate_too_high",
    ),
    "raw pixels without hidden layers": (
        CIFAR.with_(input_scaling="raw", depth=0, optimizer="sgd", learning_rate=0.01, epochs=3),
        "inputs",
        "rate_too_high",
    ),
    "sixty layers that die before training": (
        SGD.with_(depth=60, learning_rate=0.01, epochs=8),
        "too_deep",
        "rate_too_high",
    ),
    "sixty layers in which the signal fades": (
        BASE.with_(depth=60, width=50, activation="gelu", epochs=6),
        "too_deep",
        "vanishing",
    ),
    "weight decay that leaves no weights": (
        BASE.with_(optimizer="sgd", learning_rate=0.05, weight_decay=1.0, epochs=6),
        "weight_decay_too_strong",
        "rate_too_high",
    ),
    "shifts by half of an image": (BASE.with_(shift=4, epochs=12), "shift_too_strong", "rate_too_high"),
    "labels that say nothing": (BASE.with_(label_smoothing=1.0, epochs=6), "smoothing_too_strong", "rate_too_low"),
    "a penalty on a network that crawls": (
        BASE.with_(l2=0.1, learning_rate=1e-6, epochs=6),
        "l2_too_strong",
        "rate_too_low",
    ),
    "a line between circles": (
        BASE.with_(dataset="circles", depth=0, learning_rate=0.01, epochs=12),
        "stuck",
        "inputs",
    ),
    "forty layers in which the signal fades": (BASE.with_(depth=40, activation="silu", epochs=5), "too_deep", "stuck"),
    "saturated units in a network that learns": (
        CIFAR.with_(activation="tanh", kernel_initializer="glorot_uniform", depth=4, epochs=5),
        "saturated",
        "saturated",
    ),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, cifar10) -> Callable[[TrainingConfig], Run]:
    """Trains a configuration once."""
    store = RunStore(tmp_path_factory.mktemp("commands"))

    @cache
    def train(config: TrainingConfig) -> Run:
        run = store.create(config)
        worker.execute(run)
        return run

    return train


def findings(run: Run) -> list[Finding]:
    return diagnose(Evidence(run.config, run.history(), run.signals(), run.status().cause))


@pytest.mark.parametrize("name", RUNS)
def test_a_real_run_is_told_its_own_fault(name, trained):
    config, told, quiet = RUNS[name]
    found = findings(trained(config))
    assert found[0].name == told
    assert quiet not in {finding.name for finding in found if finding.severity != NOTE}


# those that a suggestion mends within seconds; CIFAR-10, sixty layers and what does no harm are looked at by hand
MENDED = [
    name
    for name, (config, *_) in RUNS.items()
    if config.dataset != "cifar10" and config.depth < 60 and name != "a penalty on raw pixels"
]


@pytest.mark.parametrize("name", MENDED)
def test_its_first_suggestion_helps(name, trained):
    config, *_ = RUNS[name]
    change = findings(trained(config))[0].change
    after = trained(config.with_(**change))
    assert best_accuracy(after) > best_accuracy(trained(config)) + 0.02, change


def best_accuracy(run: Run) -> float:
    """The validation accuracy of the epoch with the lowest validation loss; 0 where there is none."""
    best = best_epoch(run.history())
    return best.val_accuracy if best else 0.0


# healthy, and left as they are: nothing above a note
HEALTHY = {
    "no hidden layers on raw pixels": BASE.with_(
        depth=0, input_scaling="raw", optimizer="sgd", learning_rate=0.03, epochs=15
    ),
    "SELU on raw pixels": BASE.with_(
        activation="selu",
        kernel_initializer="lecun_normal",
        depth=5,
        input_scaling="raw",
        learning_rate=5e-4,
        epochs=15,
    ),
    "1cycle with the default peak": BASE.with_(schedule="one_cycle", epochs=15),
    "one hidden layer of zeros": BASE.with_(activation="sigmoid", kernel_initializer="zeros", depth=1, epochs=6),
    "until early stopping": BASE.with_(epochs=1000),
    "until early stopping, wide": BASE.with_(epochs=1000, width=300, activation="elu"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_network_has_nothing_above_a_note(name, trained):
    run = trained(HEALTHY[name])
    assert best_accuracy(run) > 0.92
    assert [(finding.name, finding.severity) for finding in findings(run) if finding.severity != NOTE] == []
