"""The commands `train`, `resume`, `stop` and `range-test`."""

import argparse
import shlex
import tempfile
from dataclasses import asdict
from pathlib import Path

from explorer.cli import terminal
from explorer.cli.options import add_run, check_possible, config_of, run_of, store_of
from explorer.cli.run_report import lines_of_result, result
from explorer.cli.terminal import say
from explorer.errors import ExplorerError, GoneError, InputError
from explorer.isolation import isolate
from explorer.runs.run import Run
from explorer.runs.status import ACTIVE, FAILED, PAUSED, RUNNING, STOPPED
from explorer.workers import tasks, worker
from explorer.workers.run_control import ask_to_stop, queue_again, resumable


def add_resume_options(parser: argparse.ArgumentParser) -> None:
    """The options of `resume`."""
    add_run(parser)
    parser.add_argument(
        "--from-start",
        action="store_true",
        help="train it again from epoch 1, for example if its checkpoint is damaged",
    )


def range_test(options: argparse.Namespace) -> int:
    """Runs the learning-rate finder; returns the exit status."""
    config = config_of(options)
    with tempfile.TemporaryDirectory(dir=isolate()) as folder:
        path = str(Path(folder) / "points.jsonl")
        outcome = tasks.range_test(config.to_dict(), path)
        points = [asdict(point) for point in tasks.read_points(path)]
    suggestion = asdict(outcome)
    suggestion["words"] = suggestion.pop("explanation")  # the key that programs read
    values = {**suggestion, "points": points, "config": config.to_dict()}
    terminal.answer(values, options, lambda values: [values["words"]])
    return 0


def train(options: argparse.Namespace) -> int:
    """Trains a new run in this process; returns the exit status."""
    config = config_of(options)
    store = store_of(options)
    run = store.create(config)
    if earlier := store.trained_before(config):
        say(f"{earlier.name} was trained with exactly these settings; training them again")
    return _train_here(run, options)


def resume(options: argparse.Namespace) -> int:
    """Continues a run in this process; returns the exit status."""
    run = run_of(options)
    if resumable(run):
        check_possible(run.config)
    queue_again(run, from_start=options.from_start)
    return _train_here(run, options)


def _train_here(run: Run, options: argparse.Namespace) -> int:
    say(f"{run.name}: saved in {run.path}")
    line = terminal.ProgressLine(run)
    with terminal.stopped_by_signals(run.request, "stopping after this step") as received:
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
    terminal.answer(values, options, lines_of_result)
    if status == FAILED:
        return 1
    return 128 + received[0] if received and status == STOPPED else 0


def _how_to_resume(run: Run, options: argparse.Namespace) -> str:
    where = f" --runs {shlex.quote(options.runs)}" if options.runs else ""
    return f"resume with: python -m explorer resume {shlex.quote(run.name)}{where}"


def stop(options: argparse.Namespace) -> int:
    """Stops a run, whichever process trains it; returns the exit status."""
    run = run_of(options)
    status = run.status().status
    if status not in (*ACTIVE, PAUSED):
        raise InputError(f"run: {run.name!r} is {status}; only a queued, running or paused run can be stopped")
    values = {"run": run.name, "path": str(run.path), "status": ask_to_stop(run), "requested": "stop"}
    outcome = "was asked to stop" if values["status"] == RUNNING else "is stopped"
    terminal.answer(values, options, lambda values: [f"{values['run']} {outcome}"])
    return 0
