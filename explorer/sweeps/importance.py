"""Hyperparameter importance with its uncertainty, by Optuna's fANOVA over the full settings of the completed trials."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from explorer.config import FIELDS

# with fewer trials the forest fits noise
FEWEST_TRIALS = 8
# bootstrap samples of the trials, and trees for each: together as many trees as Optuna's own forest
SAMPLES, TREES = 8, 8


class Importance(NamedTuple):
    """The share of the variance that a field explains: its mean and standard deviation over samples of the trials."""

    share: float
    spread: float


def importances(settings: Sequence[Mapping[str, Any]], values: Sequence[float]) -> dict[str, Importance]:
    """The share of the variance of `values` that each field explains, largest first; empty for too few trials.

    `settings` has the value of every field for every trial. fANOVA: Hutter, Hoos and Leyton-Brown, ICML 2014. It is
    made for several bootstrap samples of the trials, since other trials would have given other shares.
    """
    if len(values) < FEWEST_TRIALS or min(values) == max(values):
        return {}
    distributions = {name: _distribution(name, [each[name] for each in settings]) for name in settings[0]}
    distributions = {name: each for name, each in distributions.items() if not each.single()}
    if not distributions:
        return {}
    draw = np.random.default_rng(1)
    samples = [draw.integers(len(values), size=len(values)) for _ in range(SAMPLES)]
    shares_by_sample = [
        _shares([settings[place] for place in sample], [values[place] for place in sample], distributions)
        for sample in samples
        if len({values[place] for place in sample}) > 1
    ]
    shares = {name: [float(each.get(name, 0.0)) for each in shares_by_sample] for name in distributions}
    known = {name: Importance(float(np.mean(each)), float(np.std(each, ddof=1))) for name, each in shares.items()}
    return dict(sorted(known.items(), key=lambda item: -item[1].share))


def _shares(
    settings: Sequence[Mapping[str, Any]], values: Sequence[float], distributions: Mapping[str, Any]
) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    for each, value in zip(settings, values, strict=True):
        params = {name: each[name] for name in distributions}
        study.add_trial(optuna.create_trial(params=params, distributions=dict(distributions), value=value))
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=1)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _distribution(name: str, values: Sequence[Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    field = FIELDS[name]
    if not isinstance(values[0], int | float) or isinstance(values[0], bool):
        return CategoricalDistribution(sorted(set(values)))
    log = field.logarithmic and min(values) > 0
    kind = IntDistribution if isinstance(field.default, int) else FloatDistribution
    return kind(min(values), max(values), log=log)
