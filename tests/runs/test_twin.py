"""Twins: what differs, what starts equal; checked against the weights that Keras really starts from."""

import numpy as np
import pytest
from made_runs import DIGITS

from explorer.config import TrainingConfig
from explorer.runs import twin


def first_weights(config: TrainingConfig) -> dict[str, np.ndarray]:
    from explorer.training.model import build_network, set_initial_weights

    network = build_network(config)
    set_initial_weights(network, config, np.zeros(64, "float32"), np.ones(64, "float32"))
    return {layer.name: layer.kernel.numpy() for layer in network.layers if hasattr(layer, "kernel")}


@pytest.mark.parametrize(
    ("change", "equal"),
    [
        ({"activation": "relu"}, ["hidden_1", "hidden_2", "hidden_3", "output"]),
        ({"batch_norm": "after_activation"}, ["hidden_1", "hidden_2", "hidden_3", "output"]),
        ({"learning_rate": 0.1}, ["hidden_1", "hidden_2", "hidden_3", "output"]),
        ({"depth": 2}, ["hidden_1", "hidden_2", "output"]),
        ({"depth": 5}, ["hidden_1", "hidden_2", "hidden_3", "output"]),
        ({"kernel_initializer": "glorot_normal"}, ["output"]),
        ({"width": 30}, []),
        ({"seed": 2}, []),
    ],
)
def test_equal_layers_are_those_whose_weights_are_equal(change, equal):
    one = DIGITS.with_(depth=3, width=20)
    other = one.with_(**change)
    assert twin.equal_layers(one, other) == equal
    before, after = first_weights(one), first_weights(other)
    really = [name for name in before if name in after and np.array_equal(before[name], after[name])]
    assert really == equal
    assert twin.differences(one, other) == {name: (getattr(one, name), value) for name, value in change.items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation": "relu"}, "All initial weights are identical. The images come in the same order."),
        ({"depth": 4}, "The initial weights of layers 1 to 4 and the output layer are identical"),
        ({"kernel_initializer": "glorot_normal"}, "The initial weights of the output layer are identical"),
        (
            {"seed": 2},
            "No initial weights are identical, because the seed or the sizes of the layers differ. "
            "The images come in a different order",
        ),
        ({"batch_size": 64}, "in the same order, but in batches of a different size."),
    ],
)
def test_what_two_runs_have_in_common_in_words(change, words):
    assert words in twin.describe_common_start(DIGITS, DIGITS.with_(**change))


def test_a_change_in_words():
    assert twin.describe_changes(DIGITS, DIGITS.with_(learning_rate=1e-5)) == "learning rate 0.001 → 0.00001"
    assert twin.describe_changes(DIGITS, DIGITS.with_(input_scaling="raw")) == "input scaling standardized → raw inputs"
