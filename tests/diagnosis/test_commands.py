"""Short trainings whose faults look like others: the first finding, and one that must not be above a note."""

import pytest

from explorer.config import TrainingConfig
from explorer.diagnosis import NOTE, Evidence, diagnose
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
    "forty layers in which the signal fades": (BASE.with_(depth=40, activation="silu", epochs=5), "too_deep", "stuck"),
    "saturated units in a network that learns": (
        CIFAR.with_(activation="tanh", kernel_initializer="glorot_uniform", depth=4, epochs=5),
        "saturated",
        "saturated",
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_real_run_is_told_its_own_fault(name, tmp_path, cifar10):
    config, told, quiet = RUNS[name]
    run = RunStore(tmp_path).create(config)
    worker.execute(run)
    found = diagnose(Evidence(config, run.history(), run.signals(), run.status().cause))
    assert found[0].name == told
    assert quiet not in {finding.name for finding in found if finding.severity != NOTE}
