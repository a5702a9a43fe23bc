"""Draws the buttons that save a run's model, its history, and its exports."""

from functools import partial

import streamlit as st

from explorer.errors import RunError
from explorer.pages import resources
from explorer.pages.slow_files import made
from explorer.pages.text import file_name
from explorer.runs.run import BEST, Run
from explorer.runs.status import ACTIVE

ICON = ":material/download:"
MODEL_SECONDS = 5  # between two looks for the model of a run that has none yet


def render(run: Run, heading: str = "Export") -> None:
    """Draws a button for each file, below a heading unless it is empty; nothing for a run that cannot be read.

    Not to be drawn in a part of the page that refreshes: what a button saves would change while it is being made.
    """
    try:
        run.config  # noqa: B018 (raises for a run that cannot be read)
        waiting = run.status().status in ACTIVE and not _has_model(run)
    except RunError:
        return
    st.fragment(_buttons, run_every=MODEL_SECONDS if waiting else None)(run, heading)


def _buttons(run: Run, heading: str) -> None:
    from explorer.export.formats import FORMATS  # imports what the first page does not need

    if heading:
        st.header(heading, anchor=False)
    with st.container(horizontal=True):
        st.download_button(
            "Model",
            partial(_model, run),
            file_name(run.name, "keras"),
            "application/octet-stream",
            key="take_home_model",
            icon=ICON,
            disabled=not _has_model(run),
            help="The Keras model of the best epoch; keras.models.load_model opens it anywhere.",
            on_click="ignore",
        )
        st.download_button(
            "History",
            partial(_history, run),
            file_name(f"{run.name}-history", "csv"),
            "text/csv",
            key="take_home_history",
            icon=ICON,
            help="Loss, accuracy and learning rate of every epoch, as CSV.",
            on_click="ignore",
        )
        for kind in FORMATS.values():
            st.download_button(
                kind.title,
                partial(exported, kind.name, (run,)),
                file_name(run.name, kind.suffix.removeprefix(".")),
                kind.mime,
                key=f"take_home_{kind.name}",
                icon=ICON,
                help=kind.help,
                on_click="ignore",
            )


def exported(kind: str, runs: tuple[Run, ...]) -> bytes:
    """The content of a file of one of the formats, which the task process makes unless that is quick."""
    from explorer.export.evaluating import Evaluated, evaluator
    from explorer.export.formats import FORMATS, write

    evaluate = evaluator(resources.library())
    if FORMATS[kind].quick:
        return FORMATS[kind].make(runs, evaluate)
    needed = FORMATS[kind].evaluates and len(runs) == 1
    return made(write, kind, [str(run.path) for run in runs], evaluate(runs[0]) if needed else Evaluated())


def _has_model(run: Run) -> bool:
    return (run.path / BEST).is_file()


def _model(run: Run) -> bytes:
    from explorer.evaluation.file_check import LARGEST_FILE
    from explorer.files import read_bytes

    return read_bytes(run.path / BEST, LARGEST_FILE)


def _history(run: Run) -> bytes:
    from explorer.runs.table_export import CSV, histories, to_file

    run.history()  # raises where the table would only be empty
    return to_file(histories([run]), CSV)
