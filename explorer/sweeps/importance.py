"""Hyperparameter importance, by Optuna's fANOVA over the full settings of the completed trials."""

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.config import FIELDS

# with fewer trials the forest fits noise
FEWEST_TRIALS = 8


def importances(settings: Sequence[Mapping[str, Any]], values: Sequence[float]) -> dict[str, float]:
    """The share of the variance of `values` that each field explains, largest first; empty for too few trials.

    `settings` has the value of every field for every trial. fANOVA: Hutter, Hoos and Leyton-Brown, ICML 2014.
    """
    if len(values) < FEWEST_TRIALS or min(values) == max(values):
        return {}
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {name: _distribution(name, [each[name] for each in settings]) for name in settings[0]}
    distributions = {name: each for name, each in distributions.items() if not each.single()}
    if not distributions:
        return {}
    study = optuna.create_study()
    for each, value in zip(settings, values, strict=True):
        params = {name: each[name] for name in distributions}
        study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=value))
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=1)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _distribution(name: str, values: Sequence[Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    field = FIELDS[name]
    if not isinstance(values[0], int | float) or isinstance(values[0], bool):
        return CategoricalDistribution(sorted(set(values)))
    log = field.logarithmic and min(values) > 0
    kind = IntDistribution if isinstance(field.default, int) else FloatDistribution
    return kind(min(values), max(values), log=log)
