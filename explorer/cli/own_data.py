"""The commands `data add`, `data list`, `data save` and `data remove`: data sets that people add."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from explorer.cli import terminal
from explorer.cli.export import output_path
from explorer.cli.options import store_of
from explorer.data import datasets
from explorer.data.own import adding, registry, report_text
from explorer.data.own.description import Description
from explorer.data.own.limits import SECONDS
from explorer.errors import FieldError, InputError, WorkersError, quoted
from explorer.files import replace_file
from explorer.runs.status import ACTIVE
from explorer.workers.task_process import TaskProcess

COMMANDS = ("add", "list", "save", "remove")


def joined(arguments: list[str]) -> list[str]:
    """The arguments with `data add` as one command, beside `data NAME`, which downloads a data set."""
    if arguments[:1] == ["data"] and arguments[1:2] and arguments[1] in COMMANDS:
        return [" ".join(arguments[:2]), *arguments[2:]]
    return arguments


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `data add`."""
    parser.add_argument("name", metavar="NAME", help="lower-case letters, digits and underscores")
    parser.add_argument("path", metavar="PATH", help=adding.PATH_ALLOWED)
    parser.add_argument("--size", type=adding.parse_size, metavar="N", help=f"{adding.SIZE_ALLOWED} (default 32)")
    parser.add_argument("--grey", action="store_true", help="make the images grey")
    parser.add_argument("--label", default="", metavar="COLUMN", help="column with the class labels in a .csv file")
    parser.add_argument("--seed", default="1", metavar="N", help="seed of the division into training and validation")


def add_remove_options(parser: argparse.ArgumentParser) -> None:
    """The options of `data remove`."""
    parser.add_argument("name", metavar="NAME")


def add(options: argparse.Namespace) -> int:
    """Adds a data set and prints what was found in it; returns the exit status."""
    path = Path(options.path).expanduser()
    if not options.path or not path.exists():
        raise FieldError("path", options.path, adding.PATH_ALLOWED)
    seed = int(options.seed) if options.seed.isascii() and options.seed.isdigit() and len(options.seed) < 12 else -1
    if not 0 <= seed <= adding.MOST_SEED:
        raise FieldError("seed", options.seed, f"a whole number from 0 to {adding.MOST_SEED:,}")
    adding.check_name(options.name)
    request = adding.Request(
        options.name, str(path.resolve()), path.name, options.size, options.grey, seed, options.label
    )
    tasks = TaskProcess()
    try:
        description = tasks.ask(adding.add, request, seconds=SECONDS).result()
    except WorkersError as error:
        raise InputError(f"data: {quoted(path.name)} cannot be read: {error}") from error
    finally:
        tasks.close()
    terminal.answer(
        _values(description), options, lambda _: [*report_text.lines(description), _how_to_train(description)]
    )
    return 0


def list_(options: argparse.Namespace) -> int:
    """Lists the data sets that were added; returns the exit status."""
    known = [registry.descriptions()[name] for name in registry.names()]
    values = {"folder": str(registry.folder()), "datasets": [_values(description) for description in known]}
    terminal.answer(values, options, lambda _: [f"{d.name} ({d.hash}): {report_text.headline(d)}" for d in known])
    return 0


def add_save_options(parser: argparse.ArgumentParser) -> None:
    """The options of `data save`."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--output", metavar="PATH", help="file or folder (default: NAME.npz here)")


def save(options: argparse.Namespace) -> int:
    """Writes a data set as an `.npz` file, as exported scripts read it; returns the exit status."""
    from explorer.data.own.arrays import write_npz

    description = _named(options.name)
    path = output_path(options.output, f"{description.name}.npz")
    dataset = datasets.load(description.full_name)
    try:
        with replace_file(path) as stream:
            write_npz(dataset, stream)
    except OSError as error:
        raise InputError(f"output: {str(path)!r} cannot be written ({error.strerror})") from error
    values = {"dataset": description.full_name, "path": str(path)}
    terminal.answer(values, options, lambda values: [values["path"]])
    return 0


def _named(name: str) -> Description:
    """The data set of a name whose images are here; raises `FieldError`."""
    description = registry.find(name)
    if description is None or not registry.is_here(description):
        given = ", ".join(registry.descriptions()[full_name].name for full_name in registry.names())
        raise FieldError("name", name, f"one of {given}" if given else "a data set that was added; there is none")
    return description


def remove(options: argparse.Namespace) -> int:
    """Removes a data set and names the runs that used it; returns the exit status."""
    description = _named(options.name)
    listing = store_of(options).list()
    used = [run for run in listing if run.config and run.config.dataset == description.full_name]
    registry.remove(description)
    values = {
        "dataset": description.full_name,
        "runs": [run.name for run in used],
        "active": [run.name for run in used if run.state in ACTIVE],
    }
    terminal.answer(values, options, _removed)
    return 0


def _removed(values: dict[str, Any]) -> list[str]:
    lines = [f"{values['dataset']} was removed"]
    if values["runs"]:
        lines += ["these runs used it; they can be viewed, but not resumed or evaluated:", *values["runs"]]
    return lines


def _values(description: Description) -> dict[str, Any]:
    report = msgspec.to_builtins(description.report)
    spec = description.spec
    return {
        "dataset": description.full_name,
        "name": description.name,
        "hash": description.hash,
        "image_shape": list(spec.image_shape),
        "seed": description.seed,
        "classes": report_text.balance(description),
        "warnings": report_text.warnings(description),
        "remarks": report_text.remarks(description.report),
        "report": report,
    }


def _how_to_train(description: Description) -> str:
    return f"train on it with: python -m explorer train --dataset {description.name}"
