"""The command line: the same things as the pages, without a browser.

With `--json` a command writes one JSON object to standard output; progress and messages go to standard error. A command
is one function of its parsed options that returns the exit status.
"""

import argparse
import os
import re
import shlex
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from explorer import presets
from explorer.cli import sweep, terminal
from explorer.cli.run_report import SELECTED_BY, lines_of_result, lines_of_runs, result, row
from explorer.cli.terminal import say
from explorer.config import AFTER_ACTIVATION, FIELDS, OFF, TrainingConfig
from explorer.data import datasets, download
from explorer.errors import DataError, ExplorerError, FieldError, GoneError, InputError
from explorer.evaluation import predictions
from explorer.isolation import isolate
from explorer.plain_text import to_json
from explorer.runs import cost_estimate
from explorer.runs.run import ACTIVE, FAILED, PAUSED, RUNNING, STOPPED, Run
from explorer.runs.store import RunStore
from explorer.workers import tasks, worker
from explorer.workers.run_queue import ask_to_stop, queue_again, resumable

STATUSES = (
    "Exit status: 0 success; 1 failure, such as a failed run; 2 bad input; 130 or 143 stopped by Ctrl-C or SIGTERM. "
    "Ctrl-C while training saves a checkpoint to resume from; a second Ctrl-C exits at once. "
    "Set EXPLORER_DEBUG=1 to print the traceback of an error."
)


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


# --- the options ------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        missing = re.match(r"argument (--[a-z-]+).*: expected .*one argument", message)
        for field in FIELDS.values():
            if missing and missing[1] == field.flag:
                raise FieldError(field.name, "", field.allowed)
        raise InputError(f"{message}; {' '.join(self.format_usage().split())}")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    options, unknown = _parser().parse_known_args(_attach_negative_numbers(arguments))
    if unknown:
        options.parser.error(f"unrecognized argument {unknown[0]!r}")
    return options


def _attach_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """Writes `--learning-rate -1e-5` as `--learning-rate=-1e-5`: argparse would take the value for an option."""
    attached: list[str] = []
    for argument in arguments:
        if attached and re.fullmatch(r"--[a-z-]+", attached[-1]) and re.match(r"-(\d|\.|inf|nan)", argument, re.I):
            attached[-1] += f"={argument}"
        else:
            attached.append(argument)
    return attached


def _parser() -> _Parser:
    common = {"allow_abbrev": False, "epilog": STATUSES}
    parser = _Parser(prog="python -m explorer", description="Trains deep fully connected networks.", **common)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Callable, summary: str, *, runs: bool = True) -> _Parser:
        added = commands.add_parser(name, help=summary, description=summary, **common)
        added.add_argument("--json", action="store_true", help="print one JSON object")
        if runs:
            added.add_argument("--runs", metavar="DIR", help="folder of the runs (default: EXPLORER_RUNS, else models)")
        added.set_defaults(command=command, parser=added)
        return added

    _add_fields(add("train", _train, "train a network in this terminal; the page shows it live"))
    _add_fields(
        add(
            "range-test",
            _range_test,
            "learning-rate finder: increase the learning rate until the loss diverges",
            runs=False,
        )
    )
    resume = add("resume", _resume, "continue a run exactly where it ended")
    resume.add_argument("run", metavar="RUN")
    resume.add_argument(
        "--from-start",
        action="store_true",
        help="train it again from epoch 1, as when its checkpoint is damaged",
    )
    add("stop", _stop, "stop a run, whichever process is training it").add_argument("run", metavar="RUN")
    add("runs", _runs, f"list all runs, newest first, with the epoch of the {SELECTED_BY}")
    _add_evaluate(add("evaluate", _evaluate, "evaluate a saved model on validation or test images"))
    data, name = add("data", _data, "fetch a data set and verify it", runs=False), FIELDS["dataset"]
    data.add_argument("name", metavar="NAME", nargs="?", default=name.default, type=name.parse, help=name.allowed)
    data.add_argument(
        "--from", dest="source", metavar="PATH", help="read it from an archive, folder or .npz file on this machine"
    )
    sweep.add_options(add("sweep", _sweep, "search hyperparameters over many runs; a study is a TOML file"))
    sweep.add_worker_options(add("worker", sweep.worker, "join a Dask scheduler as a worker", runs=False))
    _add_benchmark(add("benchmark", _benchmark, "compare the time per epoch with the notebook's model.fit", runs=False))
    return parser


def _add_fields(parser: _Parser) -> None:
    """Adds every hyperparameter as an option, without a default, so that only the given ones override a preset."""
    names = ", ".join(presets.ALL_PRESETS)
    parser.add_argument(
        "--preset", type=presets.preset, metavar="NAME", help=f"start from one of {names}; other options override it"
    )
    for field in FIELDS.values():
        alone = {"nargs": "?", "const": AFTER_ACTIVATION} if field.name == "batch_norm" else {}
        parser.add_argument(
            *dict.fromkeys((field.flag, f"--{field.name.replace('_', '-')}")),
            dest=field.name,
            type=field.parse,
            default=argparse.SUPPRESS,
            metavar="NAME" if field.choices else "N" if isinstance(field.default, int) else "X",
            help=f"{field.help} ({field.allowed}; default {field.default})".replace("%", "%%"),
            **alone,
        )
    parser.add_argument(
        "--no-batch-norm", dest="batch_norm", action="store_const", const=OFF, default=argparse.SUPPRESS
    )


def _add_evaluate(parser: _Parser) -> None:
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


def _add_benchmark(parser: _Parser) -> None:
    epochs, dataset = FIELDS["epochs"], FIELDS["dataset"]
    every = list(presets.PRESETS.values())
    parser.add_argument("--preset", nargs="+", type=presets.preset, default=every, metavar="NAME", help="default: all")
    parser.add_argument("--dataset", type=dataset.parse, default=dataset.default, metavar="NAME", help=dataset.allowed)
    parser.add_argument("--epochs", type=epochs.parse, metavar="N", help="pairs of epochs to time (default 5)")
    sweep.add_benchmarks(parser)


def _store(options: argparse.Namespace) -> RunStore:
    if options.runs == "":
        raise FieldError("runs", "", "the path of a folder")
    store = RunStore(options.runs)
    if store.folder.exists() and not store.folder.is_dir():
        raise FieldError("runs", str(store.folder), "the path of a folder")
    return store


def _find(options: argparse.Namespace) -> Run:
    return _store(options).find(options.run)


# --- the commands -----------------------------------------------------------------------------------------


def _config(options: argparse.Namespace) -> TrainingConfig:
    config = options.preset.config if options.preset else TrainingConfig()
    config = config.with_(**{name: value for name, value in vars(options).items() if name in FIELDS})
    _check_possible(config)
    return config


def _range_test(options: argparse.Namespace) -> int:
    config = _config(options)
    with terminal.native_messages_hidden():
        worker.programs()
    with tempfile.TemporaryDirectory(dir=isolate()) as folder:
        path = str(Path(folder) / "points.jsonl")
        outcome = tasks.range_test(config.to_dict(), path)
        points = [asdict(point) for point in tasks.read_points(path)]
    values = {**asdict(outcome), "points": points, "config": config.to_dict()}
    _answer(values, options, lambda values: [values["words"]])
    return 0


def _train(options: argparse.Namespace) -> int:
    config = _config(options)
    store = _store(options)
    run = store.create(config)
    if earlier := store.trained_before(config):
        say(f"{earlier.name} was trained with exactly these settings; training them again")
    return _train_here(run, options)


def _resume(options: argparse.Namespace) -> int:
    run = _find(options)
    if resumable(run):
        _check_possible(run.config)
    queue_again(run, from_start=options.from_start)
    return _train_here(run, options)


def _check_possible(config: TrainingConfig) -> None:
    """Raises, before a run folder is created, for what would make the run fail at its start."""
    cost_estimate.check_memory(config, psutil.virtual_memory().available)
    _check_data(config.dataset)


def _check_data(name: str) -> None:
    if not datasets.available(name):
        raise DataError(f"dataset: {name!r} is not on this machine yet; `python -m explorer data {name}` fetches it")


def _train_here(run: Run, options: argparse.Namespace) -> int:
    say(f"{run.name}: saved in {run.path}")
    line = terminal.ProgressLine(run)
    with terminal.stopped_by_signals(run) as received:
        with terminal.native_messages_hidden():
            worker.programs()
        try:
            status = worker.execute(run, worker.Watcher(on_epoch=line.epoch, on_step=line.step))
        except GoneError:
            line.end()
            raise
        except (KeyboardInterrupt, ExplorerError):
            line.end()
            say(_how_to_resume(run, options))
            raise
    line.end()
    values = result(run)
    say(f"{run.name} {'has ' if status == FAILED else 'is '}{status}: {values['reason']}")
    if resumable(run):
        say(_how_to_resume(run, options))
    _answer(values, options, lines_of_result)
    if status == FAILED:
        return 1
    return 128 + received[0] if received and status == STOPPED else 0


def _how_to_resume(run: Run, options: argparse.Namespace) -> str:
    where = f" --runs {shlex.quote(options.runs)}" if options.runs else ""
    return f"resume with: python -m explorer resume {shlex.quote(run.name)}{where}"


def _stop(options: argparse.Namespace) -> int:
    run = _find(options)
    status = run.status().status
    if status not in (*ACTIVE, PAUSED):
        raise InputError(f"run: {run.name!r} is {status}; only a queued, running or paused run can be stopped")
    values = {"run": run.name, "path": str(run.path), "status": ask_to_stop(run), "requested": "stop"}
    outcome = "was asked to stop" if values["status"] == RUNNING else "is stopped"
    _answer(values, options, lambda values: [f"{values['run']} {outcome}"])
    return 0


def _runs(options: argparse.Namespace) -> int:
    store = _store(options)
    rows = [row(summary) for summary in store.list()]
    if not rows:
        say(f"no runs in {store.folder} yet; create one with `python -m explorer train`")
    _answer({"folder": str(store.folder), "selected_by": SELECTED_BY, "runs": rows}, options, lines_of_runs)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from explorer.evaluation import library, report
    from explorer.workers.task_process import TaskProcess

    store = _store(options)
    model = library.find(store, options.model)
    scaling = {"scaling": options.scaling} if options.scaling else {}
    request = model.request(split=options.split, samples=options.samples, outputs=options.outputs, **scaling)
    if request.dataset:
        _check_data(request.dataset)
    task_process = TaskProcess()
    try:
        models = library.Library(store, task_process)
        predicted = models.predictions(request).result()
        models.look(request)
    finally:
        task_process.close()
    values = report.figures(model, predicted, models.looks(request))
    _answer(values, options, report.lines)
    return 0


def _data(options: argparse.Namespace) -> int:
    name, source = options.name, options.source
    if source is not None and (name == "digits" or not Path(source).exists()):
        allowed = "omitted, because digits come with scikit-learn" if name == "digits" else "an existing file or folder"
        raise FieldError("from", source, allowed)
    draw, heard = terminal.FetchLine(sys.stderr), [""]

    def progress(now: download.Progress) -> None:
        heard[0] = now.source
        if now.phase != "ready" or now.source != "this machine":
            draw(now)

    path = download.fetch(name, source=Path(source) if source else None, progress=progress)
    dataset = datasets.load(name)  # verifies every byte
    was_there = heard[0] in ("", "this machine")
    images = {split: len(getattr(dataset, split)) for split in datasets.SPLITS}
    values = {"dataset": name, "path": str(path), "source": "this machine" if was_there else heard[0], "images": images}
    how = "is already on this machine and verified" if was_there else f"was fetched ({heard[0]}) and verified"
    counts = ", ".join(f"{count:,} {split}" for split, count in images.items() if count)
    _answer(values, options, lambda values: [f"{dataset.spec.title} {how}: {counts} images", values["path"]])
    return 0


def _sweep(options: argparse.Namespace) -> int:
    return sweep.sweep(options, _store(options), _answer)


def _benchmark(options: argparse.Namespace) -> int:
    from explorer.benchmarks import epoch

    if sweep.benchmark(options, _answer):
        return 0
    _check_data(options.dataset)
    with terminal.native_messages_hidden():
        worker.programs()
    values = epoch.measure(options.preset, options.dataset, options.epochs or 5, tell=say)
    _answer(values, options, epoch.lines)
    return 0


def _answer(values: dict[str, Any], options: argparse.Namespace, lines: Callable[[dict], list[str]]) -> None:
    """Prints a command's result: one JSON object, or lines to read."""
    text = to_json(values) if options.json else "\n".join(lines(values))
    if text:
        terminal.show(text)


def _fault(text: str, status: int) -> int:
    if os.environ.get("EXPLORER_DEBUG"):
        traceback.print_exc()
    say(f"explorer: {text}")
    return status
