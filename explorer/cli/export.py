"""The commands `export` and `import`: runs as files, and runs from archives."""

import argparse
from pathlib import Path
from typing import Any

from explorer.cli import terminal
from explorer.cli.options import store_of
from explorer.errors import FieldError, InputError
from explorer.evaluation.library import Library
from explorer.export.archive_import import import_run
from explorer.export.evaluating import evaluator
from explorer.export.formats import FORMATS, format_named
from explorer.files import replace_file
from explorer.workers.task_process import TaskProcess


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `export`."""
    parser.add_argument("run", metavar="RUN", nargs="+", help="several for a report that compares them")
    formats = ", ".join(FORMATS)
    parser.add_argument("--as", dest="kind", type=format_named, required=True, metavar="NAME", help=f"one of {formats}")
    parser.add_argument("--output", metavar="PATH", help="file or folder (default: a file here, with the run's name)")


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `import`."""
    parser.add_argument("archive", metavar="ARCHIVE")


def run_export(options: argparse.Namespace) -> int:
    """Writes runs as a file; returns the exit status."""
    store = store_of(options)
    kind, runs = options.kind, [store.find(name) for name in options.run]
    if len(runs) > 1 and not kind.several:
        allowed = ", ".join(name for name, each in FORMATS.items() if each.several)
        raise FieldError("as", kind.name, f"{allowed} for several runs")
    path = output_path(options.output, kind.file_name([run.name for run in runs]))
    tasks = TaskProcess()  # its process starts only where a model is evaluated
    try:
        content = kind.make(runs, evaluator(Library(store, tasks)))
    finally:
        tasks.close()
    try:
        with replace_file(path) as stream:
            stream.write(content)
    except OSError as error:
        raise InputError(f"output: {str(path)!r} cannot be written ({error.strerror})") from error
    values: dict[str, Any] = {"run": runs[0].name, "as": kind.name, "path": str(path), "bytes": len(content)}
    if len(runs) > 1:
        values["runs"] = [run.name for run in runs]
    terminal.answer(values, options, lambda values: [values["path"]])
    return 0


def run_import(options: argparse.Namespace) -> int:
    """Adds the run in an archive to the store; returns the exit status."""
    store, path = store_of(options), Path(options.archive)
    if not path.is_file():
        raise InputError(f"archive: {options.archive!r} is not a file; it must be one that `export --as archive` wrote")
    tasks = TaskProcess()
    try:
        run = import_run(path, path.name, store, tasks)
    finally:
        tasks.close()
    values = {"run": run.name, "path": str(run.path), "status": run.status().status, "epochs": len(run.history())}
    terminal.answer(values, options, lambda values: [values["path"]])
    return 0


def output_path(given: str | None, name: str) -> Path:
    """The path to write to: the given one, or a file with this name in the given or the working folder."""
    if given == "":
        raise InputError("output: '' is not allowed; it must be the path of a file or folder")
    path = Path(given or ".")
    return path / name if path.is_dir() else path
