"""The figures of an evaluation: the row of numbers, the classes, the confidence."""

import streamlit as st

from explorer.evaluation.metrics import CALIBRATION_BINS, Evaluation
from explorer.evaluation.predictions import Predictions
from explorer.pages.evaluate.shared import Shown
from explorer.pages.text import cell, foreign


def figures(evaluation: Evaluation, predictions: Predictions) -> None:
    """The row of numbers."""
    low, high = evaluation.accuracy_interval
    with st.container(horizontal=True, gap="medium"):  # on a phone they stand two beside each other
        st.metric(
            "Accuracy",
            f"{evaluation.accuracy:.2%}",
            f"{low:.1%} to {high:.1%}",
            delta_color="off",
            delta_arrow="off",
            help=f"Share of the {evaluation.images:,} images that are told right, and its 95 % interval (Wilson): "
            "other images of the same kind would give a share within it.",
            width="content",
        )
        st.metric(
            "Loss",
            f"{evaluation.loss:.4f}",
            help="As Keras's `evaluate` gives it: mean cross-entropy (the data loss) and the penalty of regularizers.",
            width="content",
        )
        if predictions.facts.penalties:
            st.metric("Data loss", f"{evaluation.data_loss:.4f}", help="Mean cross-entropy.", width="content")
            st.metric(
                f"Penalty ({foreign(predictions.facts.penalties)})",
                f"{evaluation.penalty:.4f}",
                help="What the model's regularizers add to the loss.",
                width="content",
            )
        st.metric(
            "Top-2 accuracy",
            f"{evaluation.top_2_accuracy:.2%}",
            help="How often the true class is among the two most probable.",
            width="content",
        )
        st.metric(
            "Calibration error",
            f"{evaluation.calibration_error:.2%}",
            help=f"How far confidence and accuracy lie apart on average, over {CALIBRATION_BINS} bins of confidence "
            "(expected calibration error). 0 % is a model that is right exactly as often as it is sure.",
            width="content",
        )
        st.metric(
            "Seconds",
            f"{predictions.seconds:.2f}",
            help=f"For the {evaluation.images:,} images when they were first asked for; opening the model took "
            f"{predictions.load_seconds:.2f} s.",
            width="content",
        )


def classes(shown: Shown, _) -> None:
    """Precision, recall and F1 of each class: bars, and a table to sort."""
    import pandas as pd

    from explorer.charts.evaluation import class_bars, class_frame

    rows = shown.evaluation.classes
    left, right = st.columns(2)
    left.altair_chart(class_bars(class_frame(rows)), key="class_bars", alt="precision, recall and F1 of each class")
    share = st.column_config.NumberColumn
    right.dataframe(
        pd.DataFrame([{**vars(row), "name": cell(row.name)} for row in rows]),
        hide_index=True,
        height="content",
        column_config={
            "name": "Class",
            "precision": share("Precision", format="percent", help="Of the images called so, how many are."),
            "recall": share("Recall", format="percent", help="Of the images that are, how many are called so."),
            "f1": share("F1", format="percent", help="The harmonic mean of precision and recall."),
            "support": share("Images", format="localized"),
        },
    )


def confidence(shown: Shown, _) -> None:
    """Whether the model is right as often as it is sure."""
    from explorer.charts.evaluation import confidence_frame, confidence_histogram, reliability, reliability_frame

    evaluation = shown.evaluation
    sure = float(evaluation.confidence.mean())
    gap = sure - evaluation.accuracy
    how = "more sure of itself than it is right" if gap > 0 else "less sure of itself than it is right"
    st.markdown(f"On average it is {sure:.1%} sure and {evaluation.accuracy:.1%} right: **{how}**.")
    left, right = st.columns(2)
    left.altair_chart(
        reliability(reliability_frame(evaluation.calibration)),
        key="reliability",
        alt="share of right answers for each level of confidence, and the diagonal of a calibrated model",
    )
    right.altair_chart(
        confidence_histogram(confidence_frame(evaluation.confidence, evaluation.right)),
        key="confidence",
        alt="how many right and wrong answers have which confidence",
    )
