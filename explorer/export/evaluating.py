"""The evaluation of a run's saved model on its validation images, for a report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explorer.data import datasets
from explorer.errors import ExplorerError
from explorer.evaluation import report
from explorer.evaluation.library import Library
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.predictions import VALIDATION
from explorer.evaluation.saved_models import find
from explorer.runs.run import BEST, Run


@dataclass(frozen=True)
class Evaluated:
    """The metrics of `report.values` with their evaluation; `problem` says why there are none."""

    values: dict[str, Any] | None = None
    evaluation: Evaluation | None = None
    problem: str = ""


Evaluate = Callable[[Run], Evaluated]


def evaluator(library: Library) -> Evaluate:
    """A function that evaluates runs with a library, which caches the results."""

    def evaluate(run: Run) -> Evaluated:
        if not (run.path / BEST).exists():
            return Evaluated(problem="it has no saved model")
        try:
            model = find(library.store, str(run.path))
            predictions = library.predictions(model.request(split=VALIDATION)).result()
            values = report.values(model, predictions, looks=0)
            return Evaluated(values, predictions.evaluation(datasets.load(values["dataset"], predictions.division)))
        except ExplorerError as error:
            return Evaluated(problem=str(error))

    return evaluate
