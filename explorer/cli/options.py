"""Options that several commands share, and what they name: hyperparameters, the run store, a run."""

import argparse
import re
from collections.abc import Sequence
from typing import Any

import psutil

from explorer import presets
from explorer.config import AFTER_ACTIVATION, FIELDS, OFF, TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError, InputError
from explorer.runs import cost_estimate
from explorer.runs.run import Run
from explorer.runs.store import RunStore


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `InputError`s, with what is allowed for a hyperparameter without a value."""

    def __init__(self, **options: Any):
        super().__init__(**options, exit_on_error=False)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """As argparse's; a hyperparameter without a value raises `FieldError`, which a wrong value raises anyway."""
        try:
            return super().parse_known_args(args, namespace)
        except argparse.ArgumentError as error:
            flags = (error.argument_name or "").split("/")
            for field in FIELDS.values():
                if field.flag in flags:
                    raise FieldError(field.name, "", field.allowed) from None
            self.error(str(error))

    def error(self, message: str) -> None:
        """Raises `InputError`; argparse would print its usage and exit."""
        raise InputError(f"{message}; {' '.join(self.format_usage().split())}")


def attach_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """Writes `--learning-rate -1e-5` as `--learning-rate=-1e-5`: argparse would take the value for an option."""
    attached: list[str] = []
    for argument in arguments:
        if attached and re.fullmatch(r"--[a-z0-9-]+", attached[-1]) and re.match(r"-(\d|\.|inf|nan)", argument, re.I):
            attached[-1] += f"={argument}"
        else:
            attached.append(argument)
    return attached


def add_fields(parser: argparse.ArgumentParser) -> None:
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


def store_of(options: argparse.Namespace) -> RunStore:
    """The run store that the options name; raises `FieldError` for a path that is no folder."""
    if options.runs == "":
        raise FieldError("runs", "", "the path of a folder")
    store = RunStore(options.runs)
    if store.folder.exists() and not store.folder.is_dir():
        raise FieldError("runs", str(store.folder), "the path of a folder")
    return store


def run_of(options: argparse.Namespace) -> Run:
    """The run that the options name; raises `InputError` when there is none."""
    return store_of(options).find(options.run)


def config_of(options: argparse.Namespace) -> TrainingConfig:
    """The configuration that the options describe; raises for one that cannot be trained here."""
    config = options.preset.config if options.preset else TrainingConfig()
    config = config.with_(**{name: value for name, value in vars(options).items() if name in FIELDS})
    check_possible(config)
    return config


def check_possible(config: TrainingConfig) -> None:
    """Raises, before a run folder is created, for what would make the run fail at its start."""
    cost_estimate.check_memory(config, psutil.virtual_memory().available)
    datasets.check_available(config.dataset)


def add_run(parser: argparse.ArgumentParser) -> None:
    """The argument that names a run."""
    parser.add_argument("run", metavar="RUN")
