"""What the parts of the Evaluate page share: the evaluation that is shown, and waiting for an answer."""

from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.datasets import Dataset
from explorer.evaluation.figures import Evaluation
from explorer.evaluation.library import SavedModel
from explorer.evaluation.predictions import Predictions, Request

POLL_SECONDS = 0.25
# an answer that comes this soon is drawn at once, without a word of waiting in between
PATIENCE_SECONDS = 0.15


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


def answered(answer: Future, words: str) -> Any:
    """The value of a future; None while it is worked out, which is told and looked for without blocking the page.

    Raises what the future raises.
    """
    wait([answer], PATIENCE_SECONDS)
    if answer.done():
        return answer.result()
    st.fragment(_poll, run_every=POLL_SECONDS)(answer, words)
    return None


def _poll(answer: Future, words: str) -> None:
    if answer.done():
        st.rerun()
    st.info(f"{words} in a process of its own… The first model waits for TensorFlow, some seconds.",
            icon=":material/hourglass_top:")  # fmt: skip


def title(model: SavedModel) -> str:
    """A model in a list: its name, and for a run the accuracy of its best epoch."""
    best = model.run.best if model.run else None
    return f"{model.name} · {best.val_accuracy:.1%}" if best else model.name
