"""The command line: the same things as the pages, without a browser.

With `--json` a command writes one JSON object to standard output; progress and messages go to standard error. A command
is one function of its parsed options that returns the exit status.
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from explorer.cli import benchmark, cache, data, diagnose, evaluate, export, own_data, sweep, terminal, training
from explorer.cli.options import Parser, add_fields, add_run, attach_negative_numbers, store_of
from explorer.cli.run_report import SELECTED_BY, caution_of, lines_of_runs, row
from explorer.cli.terminal import say
from explorer.errors import ExplorerError
from explorer.runs.queue_order import written_positions

STATUSES = (
    "Exit status: 0 success; 1 failure, such as a failed run; 2 bad input; 130 or 143 stopped by Ctrl-C or SIGTERM. "
    "Ctrl-C while training saves a checkpoint to resume from; a second Ctrl-C exits at once. "
    "Set EXPLORER_DEBUG=1 to print the traceback of an error."
)


def _runs(options: argparse.Namespace) -> int:
    store = store_of(options)
    positions = written_positions(store.folder)
    names = store.names()
    summaries = store.list()
    rows = [row(summary, names[summary.name], positions.get(summary.name)) for summary in summaries]
    if not rows:
        say(f"no runs in {store.folder} yet; create one with `python -m explorer train`")
    values = {"folder": str(store.folder), "selected_by": SELECTED_BY, "caution": caution_of(summaries), "runs": rows}
    terminal.answer(values, options, lines_of_runs)
    return 0


@dataclass(frozen=True)
class Command:
    """A command: the function of its parsed options that returns the exit status, and what adds its options.

    `runs` says whether it takes the folder of the runs.
    """

    call: Callable[[argparse.Namespace], int]
    summary: str
    add_options: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    runs: bool = True


COMMANDS = {
    "train": Command(training.train, "train a network in this terminal; the page shows it live", add_fields),
    "range-test": Command(
        training.range_test,
        "learning-rate finder: increase the learning rate until the loss diverges",
        add_fields,
        runs=False,
    ),
    "resume": Command(training.resume, "continue a run exactly where it ended", training.add_resume_options),
    "stop": Command(training.stop, "stop a run, whichever process is training it", add_run),
    "runs": Command(_runs, f"list all runs, newest first, with the epoch of the {SELECTED_BY}"),
    "diagnose": Command(diagnose.report, "explain what goes wrong in a run, and try the fixes", diagnose.add_options),
    "evaluate": Command(evaluate.evaluate, "evaluate a saved model on validation or test data", evaluate.add_options),
    "export": Command(
        export.run_export, "write a run as a Keras script, a notebook, a report or an archive", export.add_options
    ),
    "import": Command(export.run_import, "add the run in an archive to the runs", export.add_import_options),
    "data": Command(data.fetch, "fetch a data set and verify it", data.add_options, runs=False),
    "data add": Command(own_data.add, "add a data set of your own", own_data.add_options, runs=False),
    "data list": Command(own_data.list_, "list the data sets of your own", runs=False),
    "data save": Command(own_data.save, "write a data set of your own as .npz", own_data.add_save_options, runs=False),
    "data remove": Command(own_data.remove, "remove a data set of your own", own_data.add_remove_options),
    "cache": Command(cache.cache, "show or remove the compiled programs on disk", cache.add_options, runs=False),
    "sweep": Command(sweep.sweep, "search hyperparameters over many runs; a study is a TOML file", sweep.add_options),
    "scheduler": Command(
        sweep.scheduler, "run a Dask scheduler for workers on several machines", sweep.add_scheduler_options, runs=False
    ),
    "worker": Command(sweep.worker, "join a Dask scheduler as a worker", sweep.add_worker_options, runs=False),
    "benchmark": Command(
        benchmark.benchmark,
        "compare the time per epoch with the notebook's model.fit",
        benchmark.add_options,
        runs=False,
    ),
}


def _parser() -> Parser:
    common = {"allow_abbrev": False, "epilog": STATUSES}
    parser = Parser(prog="python -m explorer", description="Trains deep fully connected networks.", **common)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.summary, description=command.summary, **common)
        added.add_argument("--json", action="store_true", help="print one JSON object")
        if command.runs:
            added.add_argument("--runs", metavar="DIR", help="folder of the runs (default: EXPLORER_RUNS, else models)")
        added.set_defaults(command=command.call, parser=added)
        command.add_options(added)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status; an error is one line on standard error, never a traceback."""
    terminal.prepare_streams()
    try:
        with suppress(SystemExit):  # raised by --help
            options = _parse(sys.argv[1:] if arguments is None else arguments)
            return options.command(options)
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt:
        return _fault("cancelled by Ctrl-C", 128 + signal.SIGINT)
    except BrokenPipeError:  # the reader has closed the pipe, as `head` does
        terminal.give_up(sys.stdout)
        return 128 + signal.SIGPIPE
    except ExplorerError as error:
        return _fault(str(error), error.exit_status)
    except OSError as error:
        terminal.give_up(sys.stdout)
        place = f"{str(error.filename)!r}: " if error.filename else ""
        return _fault(f"{place}{error.strerror or error}", 1)
    except Exception as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return _fault(f"unexpected error: {text} (set EXPLORER_DEBUG=1 to print the traceback)", 1)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    options, unknown = _parser().parse_known_args(own_data.joined(attach_negative_numbers(arguments)))
    if unknown:
        options.parser.error(f"unrecognized argument {unknown[0]!r}")
    return options


def _fault(text: str, status: int) -> int:
    if os.environ.get("EXPLORER_DEBUG"):
        traceback.print_exc()
    say(f"explorer: {text}")
    return status
