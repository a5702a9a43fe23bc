"""The benchmark of the learning-rate finder, on one small network."""

from explorer.benchmarks import finder
from explorer.config import TrainingConfig


def test_the_suggestion_is_measured_against_every_rate_of_the_grid():
    network = {"activation": "relu", "depth": 1, "width": 16, "input_scaling": "standardized"}
    results = finder.measure("digits", 2, (1e-6, 1e-2), {"small": network})
    (row,) = results["configurations"]
    assert row["accuracies"]["1e-06"] < 0.5 < row["suggested_accuracy"]
    assert row["best_accuracy"] == max(row["accuracies"].values())
    assert row["lost"] == row["best_accuracy"] - row["suggested_accuracy"]
    assert any(line.split()[:1] == ["small"] for line in finder.lines(results))


def test_a_network_without_a_suggestion_counts_as_one_that_reaches_nothing():
    row = finder._result("dead", None, {1e-3: 0.1, 1e-2: 0.12})
    assert not row["within"] and row["lost"] == 0.12


def test_the_grid_reaches_from_far_too_low_to_far_too_high_by_half_powers_of_ten():
    assert finder.GRID[0] == 3e-6 and finder.GRID[-1] == 1 and len(finder.GRID) == 12
    assert len({TrainingConfig(**settings) for settings in finder.CONFIGURATIONS.values()}) >= 12
