"""The command `benchmark`: an epoch beside the notebook's, sweeps, the finder, many viewers, or the diagnosis."""

import argparse

from explorer import presets
from explorer.cli import campaign, sweep, terminal
from explorer.cli.terminal import say
from explorer.config import FIELDS
from explorer.data import datasets
from explorer.whole_number import whole_number


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `benchmark`."""
    epochs, dataset = FIELDS["epochs"], FIELDS["dataset"]
    every = list(presets.PRESETS.values())
    parser.add_argument("--preset", nargs="+", type=presets.preset, default=every, metavar="NAME", help="default: all")
    parser.add_argument(
        "--dataset",
        type=dataset.parse,
        metavar="NAME",
        help=f"{dataset.allowed} (default {dataset.default}; for --diagnosis {campaign.DATASET})",
    )
    parser.add_argument(
        "--epochs",
        type=epochs.parse,
        metavar="N",
        help="pairs of epochs to time (default 5); for --finder, epochs per rate (default 10)",
    )
    parser.add_argument("--finder", action="store_true", help="measure the learning-rate finder instead")
    parser.add_argument(
        "--watchers",
        type=whole_number("watchers", 1, 1000),
        metavar="N",
        help="measure one live run watched by up to N browsers instead (1 to 1,000)",
    )
    sweep.add_benchmarks(parser)
    campaign.add_options(parser)


def benchmark(options: argparse.Namespace) -> int:
    """Measures what the options ask for; returns the exit status."""
    from explorer.benchmarks import epoch, finder

    if options.diagnosis:
        datasets.check_available(options.dataset or campaign.DATASET)
        campaign.benchmark(options)
        return 0
    if options.watchers:
        from explorer.benchmarks import watching

        terminal.answer(watching.measure(options.watchers, tell=say), options, watching.lines)
        return 0
    options.dataset = options.dataset or FIELDS["dataset"].default
    if sweep.benchmark(options):
        return 0
    datasets.check_available(options.dataset)
    if options.finder:
        terminal.answer(
            finder.measure(options.dataset, options.epochs or finder.EPOCHS, tell=say), options, finder.lines
        )
        return 0
    values = epoch.measure(options.preset, options.dataset, options.epochs or 5, tell=say)
    terminal.answer(values, options, epoch.lines)
    return 0
