"""Shared parts of the Evaluate page: the evaluation on display, and waiting for results."""

from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.data.datasets import Dataset
from explorer.errors import ExplorerError, WorkersError
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.predictions import Predictions, Request
from explorer.evaluation.saved_models import SavedModel
from explorer.pages import resources
from explorer.pages.run.links import plain_name
from explorer.pages.text import sentence
from explorer.runs.metrics import OBJECTIVES

POLL_SECONDS = 0.25
# a warm process usually answers within this time, so no waiting message is drawn before it has passed
PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class EvaluatedModel:
    """One model on one split: the request, its predictions, and their evaluation."""

    model: SavedModel
    request: Request
    predictions: Predictions
    dataset: Dataset
    evaluation: Evaluation

    @property
    def split(self) -> str:
        """The name of the split."""
        return self.predictions.split


class NotYet(Exception):
    """Signals a result that is not ready: the parts that need it are left out, and the page polls for it at its end."""

    def __init__(self, answer: Future, task: str):
        self.answer, self.task = answer, task
        super().__init__(task)


def answered(answer: Future, task: str) -> Any:
    """The value of a future; raises what the future raises, or `NotYet` while it runs; `task` is shown meanwhile."""
    if not answer.done():
        with st.spinner(f"{task}…"):
            wait([answer], PATIENCE_SECONDS)
    if not answer.done():
        raise NotYet(answer, task)
    return answer.result()


def show_failure(error: ExplorerError, request: Request, icon: str = ":material/block:") -> None:
    """Shows why a request failed, and offers another try if its process was ended."""
    st.error(sentence(error), icon=icon)
    if isinstance(error, WorkersError):  # the machine may have more memory or be less busy now
        st.button("Try again", icon=":material/refresh:", on_click=resources.library().ask_anew, args=(request,))


def look_for(waiting: NotYet) -> None:
    """Shows what is pending and redraws the page when it is ready, without blocking.

    Call it outside every other container: a repeating fragment in a tab that is no longer open breaks the page.
    """
    st.fragment(_poll, run_every=POLL_SECONDS)(waiting)


def _poll(waiting: NotYet) -> None:
    if waiting.answer.done():
        st.rerun()
    st.info(
        f"{waiting.task} in a separate process… The first model takes a few seconds longer, while TensorFlow loads.",
        icon=":material/hourglass_top:",
    )


def title(model: SavedModel) -> str:
    """A model's label in a list: its name, and for a run the accuracy of its saved epoch."""
    best = model.best
    return plain_name(model.name) + (f" · {OBJECTIVES['val_accuracy'].text(best.val_accuracy)}" if best else "")
