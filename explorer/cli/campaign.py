"""The options of `benchmark --diagnosis`: a campaign of injected faults, continued if it was interrupted."""

import argparse

from explorer.cli import terminal
from explorer.cli.terminal import say
from explorer.config import FIELDS
from explorer.data.datasets import BUILT_IN
from explorer.runs.store import RunStore
from explorer.whole_number import whole_number

FOLDER = ".campaigns"
CONFIGURATIONS = 200
# the smallest, because every configuration is trained a dozen times
DATASET = min(BUILT_IN, key=lambda name: BUILT_IN[name].labelled_images)
MOST_CONFIGURATIONS = 10_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `benchmark` that measure the diagnosis."""
    parser.add_argument("--diagnosis", action="store_true", help="measure the findings on injected faults instead")
    parser.add_argument(
        "--configurations",
        type=whole_number("configurations", 1, MOST_CONFIGURATIONS),
        default=CONFIGURATIONS,
        metavar="N",
        help=f"for --diagnosis: number of faulty networks (default {CONFIGURATIONS})",
    )
    parser.add_argument(
        "--seed",
        type=FIELDS["seed"].parse,
        default=1,
        metavar="N",
        help="for --diagnosis: seed of the draw (default 1)",
    )


def benchmark(options: argparse.Namespace) -> None:
    """Measures the diagnosis and prints its report."""
    from explorer.benchmarks import diagnosis, diagnosis_campaign, diagnosis_drawing

    dataset = options.dataset or DATASET
    epochs = options.epochs or diagnosis_drawing.epochs_of(dataset)
    plan = diagnosis_campaign.Plan(options.configurations, options.seed, dataset, epochs)
    folder = RunStore().folder / FOLDER
    values = diagnosis_campaign.measure(plan, folder, diagnosis_campaign.default_settings(), say)
    terminal.answer(values, options, diagnosis.lines)
