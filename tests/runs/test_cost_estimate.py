"""What a configuration costs, before anything is built: weights, memory, seconds an epoch."""

import socket
from dataclasses import replace

import pytest

from explorer.config import TrainingConfig
from explorer.data.own import registry
from explorer.data.own.description import Description, Report, StoredPart
from explorer.errors import InputError
from explorer.presets import PRESETS
from explorer.runs.cost_estimate import (
    BASE_BYTES,
    BASE_DATA_BYTES,
    check_memory,
    epoch_cost,
    hidden_layers,
    layer_sizes,
    memory_bytes,
    parameters,
    predicted_seconds,
    skips,
)
from explorer.runs.history import EpochRecord, outline
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import COMPLETED, RunStatus

DIGITS = TrainingConfig(dataset="digits")
HUGE = TrainingConfig(depth=100, width=2048)
HUGE_PARAMETERS = (3072 + 1) * 2048 + 99 * (2048 + 1) * 2048 + (2048 + 1) * 10


# --- Weights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        DIGITS.with_(depth=0),
        DIGITS.with_(depth=1, width=1),
        DIGITS.with_(depth=3, width=17),
        DIGITS.with_(depth=0, batch_norm="after_activation"),
        DIGITS.with_(depth=3, width=17, batch_norm="after_activation"),
        DIGITS.with_(depth=3, width=17, batch_norm="before_activation"),
        DIGITS.with_(depth=5, width=17, batch_norm="before_activation", skip="pairs"),
        DIGITS.with_(depth=4, width=17, batch_norm="after_activation", width_factor=0.3),
        *(preset.config for preset in PRESETS.values()),
    ],
)
def test_parameters_are_those_that_keras_counts(config):
    from explorer.training.model import build_network

    network = build_network(config)
    scaling = network.get_layer("input_scaling").count_params()
    assert parameters(config) == network.count_params() - scaling


def test_parameters_of_a_network_by_hand():
    assert parameters(DIGITS.with_(depth=0)) == 64 * 10 + 10
    assert parameters(DIGITS.with_(depth=2, width=5)) == (64 * 5 + 5) + (5 * 5 + 5) + (5 * 10 + 10)
    assert parameters(HUGE) == HUGE_PARAMETERS


@pytest.mark.parametrize(
    ("changes", "hidden"),
    [
        ({"depth": 0}, []),
        ({"depth": 3, "width": 20}, [20, 20, 20]),
        ({"depth": 4, "width": 100, "width_factor": 0.5}, [100, 50, 25, 12]),
        ({"depth": 4, "width": 3, "width_factor": 0.1}, [3, 1, 1, 1]),
        ({"depth": 3, "width": 10, "width_factor": 0.9}, [10, 9, 8]),
    ],
)
def test_widths_shrink_by_the_factor_to_one_unit_at_least(changes, hidden):
    assert layer_sizes(DIGITS.with_(**changes)) == [64, *hidden, 10]


@pytest.mark.parametrize(
    ("changes", "layers"),
    [
        ({"depth": 20, "width": 100}, [3, 5, 7, 9, 11, 13, 15, 17, 19]),
        ({"depth": 4, "width": 64}, [2, 4]),  # as wide as the input
        ({"depth": 2, "width": 20}, []),
        ({"depth": 3, "width": 20}, [3]),
        ({"depth": 6, "width": 20, "width_factor": 0.9}, []),
        ({"depth": 7, "width": 5, "width_factor": 0.9}, [4, 7]),  # of 5, 4, 4, 4, 3, 3 and 3 units
        ({"depth": 0}, []),
    ],
)
def test_a_skip_connection_bridges_two_layers_of_one_size(changes, layers):
    assert skips(DIGITS.with_(**changes, skip="pairs")) == layers
    assert skips(DIGITS.with_(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"depth": 20, "width": 1000}, "20 hidden layers of 1,000 units"),
        ({"depth": 1, "width": 1}, "1 hidden layer of 1 unit"),
        ({"depth": 3, "width": 1000, "width_factor": 0.5}, "3 hidden layers of 1,000 to 250 units"),
    ],
)
def test_hidden_layers_in_words(changes, words):
    assert hidden_layers(DIGITS.with_(**changes)) == words


# --- Memory -------------------------------------------------------------------------------------------


def test_memory_is_eight_copies_of_the_weights_and_the_activations_of_a_batch():
    activations = 4 * 32 * (3072 + 100 * 2048 + 10)
    assert memory_bytes(HUGE) == BASE_BYTES + 4 * (8 * HUGE_PARAMETERS + activations)


def test_a_data_set_larger_than_the_base_counts_twice_what_it_has_more(monkeypatch):
    monkeypatch.setattr(registry, "_learned", {})
    parts = (StoredPart("x_train", (150_000, 32, 32, 3), "0" * 64), StoredPart("y_train", (150_000,), "0" * 64))
    report = Report(source="x", train=(60_000, 60_000), validation=(15_000, 15_000))
    large = Description(
        name="large", class_names=("a", "b"), max_value=255, dark_background=False, seed=0, parts=parts, report=report
    )
    registry.learn(large)
    small, huge = (TrainingConfig(dataset=name, depth=1, width=1) for name in ("cifar10", large.full_name))
    images = 150_000 * (3072 + 1) - BASE_DATA_BYTES
    numbers = parameters(small) - parameters(huge), layer_sizes(small)[-1] - layer_sizes(huge)[-1]
    assert memory_bytes(huge) - memory_bytes(small) == 2 * images - 4 * (8 * numbers[0] + 4 * 32 * numbers[1])


def test_a_network_that_just_fits_passes_and_one_byte_less_is_refused():
    enough = memory_bytes(HUGE) - BASE_BYTES  # what TensorFlow itself takes may be in use already
    check_memory(HUGE, enough)
    with pytest.raises(InputError):
        check_memory(HUGE, enough - 1)


def test_a_network_that_does_not_fit_says_what_it_needs_and_what_helps():
    with pytest.raises(InputError) as caught:
        check_memory(HUGE, 2_345_678_901)
    assert str(caught.value) == (
        "depth and width: 100 layers of 2,048 units need about 14.6 GB of memory but only 2.3 GB are free; "
        "choose fewer layers or units"
    )


def test_every_preset_fits_into_little_memory():
    for preset in PRESETS.values():
        check_memory(preset.config, 100_000_000)


# --- Seconds an epoch ---------------------------------------------------------------------------------


def measured(config: TrainingConfig, *seconds: float, host: str = "") -> RunSummary:
    """The summary of a run whose epochs took so long, on this machine unless another is named."""
    status = RunStatus(COMPLETED, host=host or socket.gethostname())
    records = [EpochRecord(epoch, 1.0, 0.5, 1.0, 0.5, 1e-3, time) for epoch, time in enumerate(seconds, 1)]
    return RunSummary(Run(None), config, status, outline(records))


def scaled(seconds: float, by: TrainingConfig, to: TrainingConfig) -> float:
    return seconds * epoch_cost(to) / epoch_cost(by)


@pytest.mark.parametrize(
    "summaries",
    [
        [],
        [measured(DIGITS)],  # has not finished an epoch
        [measured(DIGITS, 7.0, host="another machine")],
        [RunSummary(Run(None), problem="config.json cannot be read")],
    ],
    ids=["no run", "no epoch", "another machine", "unreadable"],
)
def test_without_a_run_measured_here_the_rule_of_thumb_is_told_as_a_guess(summaries):
    assert predicted_seconds(DIGITS, summaries) == (epoch_cost(DIGITS), False)


def test_a_run_of_the_same_configuration_tells_its_median_epoch():
    others = [measured(DIGITS.with_(width=200), 50.0), measured(DIGITS.with_(depth=3), 60.0)]
    summaries = [*others, measured(DIGITS, 9.0, 1.0, 2.0)]
    for order in (summaries, summaries[::-1]):
        assert predicted_seconds(DIGITS, order) == (2.0, True)


def test_a_run_that_is_nothing_like_it_says_nothing():
    wanted = TrainingConfig(depth=20)  # CIFAR-10
    assert predicted_seconds(wanted, [measured(DIGITS, 0.14)]) == (epoch_cost(wanted), False)


def test_what_does_not_change_the_cost_does_not_make_a_run_less_similar():
    wanted = DIGITS.with_(seed=5, learning_rate=0.1, epochs=3, activation="tanh", input_scaling="unit")
    assert predicted_seconds(wanted, [measured(DIGITS, 2.0)]) == (2.0, True)


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        (DIGITS.with_(width=110), DIGITS.with_(width=100)),
        (DIGITS.with_(width=1900), DIGITS.with_(width=2048)),
        # batch normalization and the data set count more than some layers do
        (
            DIGITS.with_(depth=30, width=100, batch_norm="after_activation"),
            DIGITS.with_(depth=20, width=100, batch_norm="after_activation"),
        ),
        (TrainingConfig(depth=2), TrainingConfig(depth=4)),
    ],
)
def test_the_most_similar_run_counts_scaled_by_the_ratio_of_costs(wanted, nearest):
    runs = [
        DIGITS.with_(width=100),
        DIGITS.with_(width=2048),
        DIGITS.with_(depth=30, width=100),
        DIGITS.with_(depth=20, width=100, batch_norm="after_activation"),
        TrainingConfig(depth=4),
    ]
    summaries = [measured(config, 3.0 if config == nearest else 1000.0) for config in runs]
    seconds, here = predicted_seconds(wanted, summaries)
    assert here and seconds == pytest.approx(scaled(3.0, by=nearest, to=wanted), rel=1e-12)


def test_a_nearer_run_of_another_machine_does_not_count():
    summaries = [measured(DIGITS, 7.0, host="another machine"), measured(DIGITS.with_(width=50), 2.0)]
    expected = scaled(2.0, by=DIGITS.with_(width=50), to=DIGITS)
    assert predicted_seconds(DIGITS, summaries) == (pytest.approx(expected), True)


@pytest.mark.parametrize(
    "more",
    [{"depth": 21}, {"width": 101}, {"batch_size": 31}, {"batch_norm": "after_activation"}, {"dataset": "cifar10"}],
    ids=str,
)
def test_more_work_costs_more(more):
    assert epoch_cost(replace(DIGITS, **more)) > epoch_cost(DIGITS)


def test_moving_images_costs_some_time_and_points_are_not_moved():
    cifar10 = TrainingConfig()
    assert 1 < epoch_cost(cifar10.with_(flip="horizontal", shift=4)) / epoch_cost(cifar10) < 1.2
    assert epoch_cost(cifar10.with_(flip="horizontal")) == epoch_cost(cifar10.with_(shift=1))
    points = cifar10.with_(dataset="moons")
    assert epoch_cost(points.with_(shift=4)) == epoch_cost(points)
