"""The files that runs can be exported as: one table for the command line and the pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import FieldError
from explorer.export.archive import archive
from explorer.export.evaluating import Evaluate, Evaluated
from explorer.export.keras_script import keras_script
from explorer.export.notebook import notebook
from explorer.export.report import report
from explorer.runs.history import best_epoch
from explorer.runs.run import Run


@dataclass(frozen=True)
class Format:
    """A kind of file: its name on the command line, its title on a page, and the ending of its name.

    `make` makes the content for some runs, or for one unless `several`; it raises `RunError` for a run that cannot be
    read, and has saved models evaluated by the function it is given. Making a `quick` one takes no time; one that
    `evaluates` evaluates the saved model of a single run.
    """

    name: str
    title: str
    suffix: str
    mime: str
    help: str
    make: Callable[[Sequence[Run], Evaluate], bytes]
    several: bool = False
    quick: bool = False
    evaluates: bool = False

    def file_name(self, names: Sequence[str]) -> str:
        """The name of the file for runs of these names."""
        return f"{names[0] if len(names) == 1 else f'comparison of {len(names)} runs'}{self.suffix}"


def _of_one(make: Callable[[Run], bytes]) -> Callable[[Sequence[Run], Evaluate], bytes]:
    return lambda runs, _: make(runs[0])


def _script(run: Run) -> bytes:
    return keras_script(run.config, run.name, best_epoch(run.history())).encode()


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            "script",
            "Keras script",
            ".py",
            "text/x-python",
            "Plain Keras code that repeats the run, without this explorer.",
            _of_one(_script),
            quick=True,
        ),
        Format(
            "notebook",
            "Notebook",
            ".ipynb",
            "application/x-ipynb+json",
            "The Keras script in cells, with the run's curves and findings, for Jupyter and Colab.",
            _of_one(notebook),
        ),
        Format(
            "report",
            "Report",
            ".html",
            "text/html",
            "A one-page report: settings, curves, findings, metrics and confusion matrix.",
            report,
            several=True,
            evaluates=True,
        ),
        Format(
            "archive",
            "Archive",
            ".zip",
            "application/zip",
            "The whole run, to be imported and resumed on another machine.",
            _of_one(archive),
        ),
    )
}


def write(kind: str, folders: Sequence[str], evaluated: Evaluated, path: str) -> None:
    """Writes the file of a format for the runs in some folders; a task of a task process.

    `evaluated` is what evaluating their saved model has given, where there is one run.
    """
    runs = [Run(folder) for folder in folders]
    Path(path).write_bytes(FORMATS[kind].make(runs, lambda _: evaluated))


def format_named(name: str) -> Format:
    """The format with a name; raises `FieldError`."""
    if name not in FORMATS:
        raise FieldError("as", name, "one of " + ", ".join(FORMATS))
    return FORMATS[name]
