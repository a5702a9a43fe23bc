"""The command `evaluate`: a saved model on validation or test images."""

import argparse

from explorer.cli import terminal
from explorer.cli.options import store_of
from explorer.data import datasets
from explorer.evaluation import predictions


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate`."""
    parser.add_argument("model", metavar="RUN_OR_FILE", help="a run, or a .keras or .h5 file")
    splits, scalings = ", ".join(predictions.SPLITS), ", ".join(predictions.SCALINGS)
    parser.add_argument("--split", default=predictions.VALIDATION, metavar="NAME", help=f"one of {splits}")
    parser.add_argument(
        "--samples",
        type=predictions.samples,
        default=0,
        metavar="N",
        help=f"average N predictions with dropout on (Monte-Carlo dropout), 1 to {predictions.MOST_SAMPLES}",
    )
    parser.add_argument(
        "--scaling",
        metavar="NAME",
        help=f"how to scale the pixels for a model without a scaling layer: one of {scalings}",
    )
    parser.add_argument(
        "--outputs",
        default=predictions.AUTOMATIC,
        metavar="NAME",
        help="how to read the outputs of a model that does not end in a softmax: one of "
        f"{', '.join(predictions.OUTPUTS)}; automatic infers it from the images",
    )


def evaluate(options: argparse.Namespace) -> int:
    """Evaluates a model on a split of its data set; returns the exit status."""
    from explorer.evaluation import report
    from explorer.evaluation.library import Library
    from explorer.evaluation.saved_models import find
    from explorer.workers.task_process import TaskProcess

    store = store_of(options)
    model = find(store, options.model)
    scaling = {"scaling": options.scaling} if options.scaling else {}
    request = model.request(split=options.split, samples=options.samples, outputs=options.outputs, **scaling)
    if request.dataset:
        datasets.check_available(request.dataset)
    task_process = TaskProcess()
    try:
        models = Library(store, task_process)
        predicted = models.predictions(request).result()
        models.look(request)
    finally:
        task_process.close()
    terminal.answer(report.values(model, predicted, models.looks(request)), options, report.lines)
    return 0
