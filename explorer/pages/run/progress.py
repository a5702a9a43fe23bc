"""Draws the progress of a run, and its results so far: at its best epoch and now."""

import streamlit as st

from explorer.config import TrainingConfig
from explorer.pages.run.waiting import waiting_text
from explorer.pages.text import foreign
from explorer.plain_text import decimal
from explorer.runs.cost_estimate import validation_words
from explorer.runs.history import RULES, EpochRecord
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.progress import Outlook, duration, outlook
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import COMPILING, QUEUED, RUNNING, TRAINING


def bar(summary: RunSummary) -> None:
    """Draws the bar, with what the run does now and the time it has left."""
    view = outlook(summary.config, summary.status, summary.records)
    st.progress(view.fraction, text=_text(summary, view))


def numbers(summary: RunSummary) -> None:
    """Draws the results at the best epoch, each with that of the latest epoch below it."""
    view, best = outlook(summary.config, summary.status, summary.records), summary.best
    last = summary.records[-1] if summary.records else None
    accuracy = OBJECTIVES["val_accuracy"].text
    of_best = f" · best, epoch {best.epoch:,}" if best else ""
    columns = st.columns([1, 2, 2, 1])
    columns[0].metric("Epochs", f"{len(summary.records):,} of {summary.config.epochs:,}")
    columns[1].metric(
        f"Val. accuracy{of_best}",
        accuracy(best.val_accuracy) if best else "–",
        f"{accuracy(last.val_accuracy)} in epoch {last.epoch:,}" if last else None,
        delta_color="off",
        delta_arrow="off",
        help=f"At the epoch with the {RULES['val_loss'].criterion}, on {validation_words(summary.config)}; one seed.",
    )
    columns[2].metric(
        f"Val. loss{of_best}",
        f"{best.val_loss:.4f}" if best else "–",
        f"{last.val_loss:.4f} in epoch {last.epoch:,}" if last else None,
        delta_color="off",
        delta_arrow="off",
        help=f"The {RULES['val_loss'].criterion}; the model is saved at that epoch.",
    )
    columns[3].metric(
        "Per epoch",
        f"{view.seconds_per_epoch:.2f} s" if view.seconds_per_epoch is not None else "–",
        help="Seconds of training and validation; median of the latest epochs.",
    )
    _captions(summary.config, best, last)


def _captions(config: TrainingConfig, best: EpochRecord | None, last: EpochRecord | None) -> None:
    """Says what the losses include, and how often gradients were clipped."""
    if best and best.penalized:
        st.caption(
            f"Validation loss at the best epoch: {best.val_data_loss:.4f} (data loss) + {best.val_penalty:.4f} "
            "(penalty), as in Keras; the curves are drawn without the L2 penalty."
        )
    if last and config.label_smoothing > 0:
        st.caption("Every loss includes label smoothing, as in Keras.")
    if last and last.clipped > 0:
        st.caption(
            f"In epoch {last.epoch:,}, the gradient was clipped to norm {decimal(config.clip_norm)} in "
            f"{last.clipped:.0%} of the steps."
        )


def _text(summary: RunSummary, view: Outlook) -> str:
    status = summary.status
    if status.status == QUEUED:
        return waiting_text(summary)
    if status.status == RUNNING and status.phase == COMPILING:
        return "Compiling the network: a few seconds, once per network shape"
    if status.status == RUNNING and status.phase != TRAINING:
        return f"{foreign(status.phase.capitalize())}…"
    trained = f"{len(summary.records):,} of at most {summary.config.epochs:,} epochs"
    rate = f" · learning rate {decimal(summary.records[-1].learning_rate, 3)}" if summary.records else ""
    if status.status != RUNNING:
        return f"{trained}{rate}"
    epoch = f"Epoch {view.epoch:,} of {summary.config.epochs:,}"
    return f"{epoch}, step {status.step:,} of {status.steps:,}{rate}{_left(view)}"


def _left(view: Outlook) -> str:
    """The time left: until early stopping if nothing improves any more, and at most."""
    if view.at_most is None:
        return ""
    if view.at_least < view.at_most:
        return f" · about {duration(view.at_least)} left if it stops improving, at most {duration(view.at_most)}"
    return f" · about {duration(view.at_most)} left"
