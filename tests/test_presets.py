"""The presets are the notebook's three experiments to the letter, and the network whose accuracy the README states."""

from dataclasses import asdict
from pathlib import Path

import pytest

from explorer.config import FIELDS, TrainingConfig
from explorer.errors import FieldError
from explorer.presets import ALL_PRESETS, PRESETS, preset
from explorer.sweeps.study_spec import read_toml


def create_dnn_model(
    n_hidden=20,
    n_neurons=100,
    activation="elu",
    kernel_initializer="he_normal",
    lr=0.001,
    use_batch_norm=False,
    flatten=True,
) -> TrainingConfig:
    """The notebook's function with its own defaults, as the settings here that mean the same.

    It always compiles with Nadam, and each cell calls `fit(epochs=1000)` with `EarlyStopping(patience=20)` and Keras's
    batches of 32. Only the cell that passes `flatten=False` has scaled its images before, with `StandardScaler`.
    """
    return TrainingConfig(
        dataset="cifar10",
        activation=activation,
        kernel_initializer=kernel_initializer,
        batch_norm="after_activation" if use_batch_norm else "off",
        depth=n_hidden,
        width=n_neurons,
        learning_rate=lr,
        input_scaling="raw" if flatten else "standardized",
        optimizer="nadam",
        batch_size=32,
        epochs=1000,
        patience=20,
        seed=FIELDS["seed"].default,  # the notebook sets none
    )


CELLS = {
    "elu": create_dnn_model(lr=5e-5),
    "bn": create_dnn_model(lr=1e-4, use_batch_norm=True),
    "selu": create_dnn_model(
        lr=5e-5, use_batch_norm=False, activation="selu", kernel_initializer="lecun_normal", flatten=False
    ),
}

# every setting of the network behind the last figure of the README's ladder
MLP_BEST = {
    "dataset": "cifar10",
    "activation": "relu",
    "kernel_initializer": "he_normal",
    "batch_norm": "after_activation",
    "depth": 3,
    "width": 1024,
    "learning_rate": 3e-4,
    "input_scaling": "standardized",
    "optimizer": "nadam",
    "schedule": "one_cycle",
    "peak_factor": 10.0,
    "final_share": 0.001,
    "decay_epochs": 20,
    "warmup_epochs": 2,
    "plateau_patience": 5,
    "plateau_factor": 0.5,
    "skip": "off",
    "width_factor": 1.0,
    "dropout": "hidden",
    "dropout_rate": 0.3,
    "l2": 0.0,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "clip_norm": 0.0,
    "flip": "horizontal",
    "shift": 2,
    "mixup": 0.0,
    "batch_size": 256,
    "epochs": 60,
    "patience": 20,
    "seed": 1,
    "validation_split": "notebook",
}


def test_there_is_a_preset_for_each_cell_in_their_order():
    assert list(PRESETS) == list(CELLS)
    assert all(found.name == name for name, found in PRESETS.items())


@pytest.mark.parametrize("name", CELLS)
def test_a_preset_trains_what_its_cell_trains(name):
    assert preset(name).config == CELLS[name]


def test_the_best_network_is_the_one_that_was_measured():
    assert asdict(preset("mlp_best").config) == MLP_BEST


@pytest.mark.parametrize("text", ["title", "description"])
def test_each_preset_has_words_of_its_own(text):
    found = [getattr(preset, text) for preset in PRESETS.values()]
    assert all(found) and len(set(found)) == len(found)


@pytest.mark.parametrize("name", ["ELU", "", "best"])
def test_an_unknown_preset_is_refused_with_the_known_ones(name):
    with pytest.raises(FieldError) as caught:
        preset(name)
    assert str(caught.value) == f"preset: {name!r} is not allowed; it must be one of " + ", ".join(ALL_PRESETS)


def test_the_best_network_is_a_trial_of_its_study():
    spec = read_toml(Path(__file__).parents[1] / "explorer/sweeps/mlp_best.toml")
    settings = {**spec.space.settings, "epochs": spec.epochs}
    trials = [TrainingConfig(**{**settings, **point}) for point in spec.space.grid()]
    winner = [trial for trial in trials if (trial.depth, trial.dropout_rate) == (3, 0.3)]
    assert len(trials) == 6 and winner == [preset("mlp_best").config]
