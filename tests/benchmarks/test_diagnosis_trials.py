"""What counts as healthy and which fix is tried in a campaign, on accuracies that are given instead of trained."""

from collections.abc import Callable

import pytest

from explorer.benchmarks import diagnosis_drawing
from explorer.benchmarks.diagnosis import SEEDS, first_suggestion, is_healthy
from explorer.benchmarks.diagnosis_trials import HOPELESS, Trials
from explorer.config import TrainingConfig

NETWORK = TrainingConfig(dataset="digits", depth=4, width=64, epochs=4, activation="relu", seed=7)
FINDINGS = [
    {"name": "linear", "severity": "problem", "change": {}},
    {"name": "rate_too_high", "severity": "problem", "change": {"learning_rate": 1e-4}},
    {"name": "inputs", "severity": "warning", "change": {"input_scaling": "standardized"}},
]


class Given(Trials):
    """Trials whose accuracies are given; `trained` are the configurations for which they were asked, in order."""

    def __init__(self, accuracy: Callable[[TrainingConfig], float]):
        super().__init__({})
        self._accuracy = accuracy
        self.trained: list[TrainingConfig] = []

    def _train(self, config: TrainingConfig, measured: bool = False) -> dict:
        self.trained.append(config)
        return {"accuracy": self._accuracy(config), "records": [], "signals": [], "cause": None}


def given(*accuracies: float, reference: float = 0.9) -> Given:
    """Accuracies of a network by seed, and the accuracy of its reference."""
    wanted = diagnosis_drawing.reference("digits", NETWORK.epochs, (NETWORK.depth, NETWORK.width))
    seeds = {NETWORK.with_(seed=NETWORK.seed + more): value for more, value in enumerate(accuracies)}
    references = {wanted.with_(seed=wanted.seed + more): reference for more in range(SEEDS)}
    return Given(lambda config: {**seeds, **references}[config])


@pytest.mark.parametrize(("mean", "healthy"), [(0.8799, False), (0.88, True), (0.8801, True), (0.95, True)])
def test_healthy_is_at_most_two_points_below_the_reference_over_three_seeds(mean, healthy):
    accuracies = [mean + 0.03, mean, mean - 0.03]
    assert is_healthy(accuracies, 0.9) is healthy
    assert (given(*accuracies)._healthy(NETWORK) is not None) is healthy
    assert not is_healthy(accuracies[:1], 0.5) and not is_healthy(accuracies[:2], 0.5), "of all three seeds"


def test_a_network_is_measured_against_the_mean_reference_of_its_depth_and_width_over_three_seeds():
    trials = given(0.9, 0.9, 0.9)
    measured = trials._healthy(NETWORK)
    assert measured["accuracies"] == [0.9] * 3 and TrainingConfig.from_dict(measured["config"]) == NETWORK
    references, networks = trials.trained[:SEEDS], trials.trained[SEEDS:]
    assert {(one.dataset, one.epochs, one.depth, one.width) for one in references} == {("digits", 4, 4, 64)}
    assert len({one.seed for one in references}) == len(references) == SEEDS == 3
    assert networks == [NETWORK.with_(seed=seed) for seed in (7, 8, 9)]
    trials._healthy(NETWORK)
    assert len(trials.trained) == 3 * SEEDS, "a reference is trained once"


def test_a_network_far_below_its_reference_is_given_up_after_one_seed():
    hopeless = given(0.88 - HOPELESS - 0.001)
    assert hopeless._healthy(NETWORK) is None and len(hopeless.trained) == SEEDS + 1
    low = given(0.88 - HOPELESS + 0.001, 0.8, 0.8)
    assert low._healthy(NETWORK) is None and len(low.trained) == SEEDS + 3


def test_the_first_suggestion_is_tried_with_the_same_seeds():
    trials = Given(lambda config: 0.1 * config.seed)
    tried = trials._fixed(NETWORK, FINDINGS)
    assert first_suggestion(FINDINGS) == tried["fix"] == {"learning_rate": 1e-4}
    assert trials.trained == [NETWORK.with_(learning_rate=1e-4, seed=seed) for seed in (7, 8, 9)]
    assert tried["fixed"] == pytest.approx([0.7, 0.8, 0.9])


def test_without_a_suggestion_or_with_one_out_of_bounds_nothing_is_trained():
    trials = Given(lambda config: 0.5)
    assert trials._fixed(NETWORK, FINDINGS[:1]) == {"fix": {}, "fixed": None}
    impossible = trials._fixed(NETWORK, [{"name": "underfitting", "severity": "warning", "change": {"depth": 1000}}])
    assert impossible["fixed"] is None and "depth" in impossible["fix_error"]
    assert trials.trained == []
