"""What the parts of the Evaluate page share: the evaluation that is shown, and waiting for an answer."""

from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.data.datasets import Dataset
from explorer.errors import ExplorerError, WorkersError
from explorer.evaluation.library import SavedModel
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.predictions import Predictions, Request
from explorer.pages import resources
from explorer.pages.text import plain, sentence

POLL_SECONDS = 0.25
# an answer that comes this soon, as from a process that is warm, is drawn without a word of waiting in between
PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Shown:
    """One model on one split: the question, the answer, and the figures that follow."""

    model: SavedModel
    request: Request
    predictions: Predictions
    dataset: Dataset
    evaluation: Evaluation

    @property
    def split(self) -> str:
        """The images that are looked at."""
        return self.predictions.split


class NotYet(Exception):
    """An answer is not there yet: what needs it is left out, and the page looks for it from its end."""

    def __init__(self, answer: Future, words: str):
        self.answer, self.words = answer, words
        super().__init__(words)


def answered(answer: Future, words: str) -> Any:
    """The value of a future; raises what the future raises, or `NotYet` while it is worked out."""
    if not answer.done():
        with st.spinner(f"{words}…"):
            wait([answer], PATIENCE_SECONDS)
    if not answer.done():
        raise NotYet(answer, words)
    return answer.result()


def show_failure(error: ExplorerError, request: Request, icon: str = ":material/block:") -> None:
    """Says why a question about a model has no answer, and offers to ask again where a process was ended for it."""
    st.error(sentence(error), icon=icon)
    if isinstance(error, WorkersError):  # the machine may have more time or memory now
        st.button("Try again", icon=":material/refresh:", on_click=resources.library().ask_anew, args=(request,))


def look_for(waiting: NotYet) -> None:
    """Says what is waited for and draws the page again when it is there; the page does not block meanwhile.

    To be called outside every other container: a fragment that repeats itself in a tab that is left takes the page
    with it.
    """
    st.fragment(_poll, run_every=POLL_SECONDS)(waiting)


def _poll(waiting: NotYet) -> None:
    if waiting.answer.done():
        st.rerun()
    st.info(
        f"{waiting.words} in a process of its own… The first model waits for TensorFlow, some seconds.",
        icon=":material/hourglass_top:",
    )


def title(model: SavedModel) -> str:
    """A model in a list: its name, and for a run the accuracy of the epoch that it is of."""
    best = model.best
    return f"{plain(model.run.title)} · {best.val_accuracy:.1%}" if best else plain(model.name)
