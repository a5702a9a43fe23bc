"""The metrics of an evaluation: overall, per class, and by confidence."""

import streamlit as st

from explorer.evaluation.metrics import CALIBRATION_BINS, Evaluation
from explorer.evaluation.predictions import Predictions
from explorer.pages.evaluate.shared import Shown
from explorer.pages.text import cell, foreign


def figures(evaluation: Evaluation, predictions: Predictions) -> None:
    """Draws the overall metrics in one row."""
    low, high = evaluation.accuracy_interval
    with st.container(horizontal=True, gap="medium"):  # wraps to two per row on a phone
        st.metric(
            "Accuracy",
            f"{evaluation.accuracy:.2%}",
            f"{low:.1%} to {high:.1%}",
            delta_color="off",
            delta_arrow="off",
            help=f"Share of the {evaluation.images:,} images that are classified correctly, and its 95% confidence "
            "interval (Wilson), as an estimate for other images of the same kind.",
            width="content",
        )
        st.metric(
            "Loss",
            f"{evaluation.loss:.4f}",
            help="As in Keras's `evaluate`: mean cross-entropy (the data loss) plus the regularization penalty.",
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
            help="Share of images whose true class is among the two most probable.",
            width="content",
        )
        st.metric(
            "Calibration error",
            f"{evaluation.calibration_error:.2%}",
            help=f"Mean difference between confidence and accuracy over {CALIBRATION_BINS} bins of confidence "
            "(expected calibration error). 0% means that confidence and accuracy agree in every bin.",
            width="content",
        )
        st.metric(
            "Seconds",
            f"{predictions.seconds:.2f}",
            help=f"Time to predict the {evaluation.images:,} images the first time; opening the model took "
            f"{predictions.load_seconds:.2f} s.",
            width="content",
        )


def classes(shown: Shown, _) -> None:
    """Draws precision, recall and F1 of each class as bars and as a sortable table."""
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
            "precision": share(
                "Precision", format="percent", help="Share of predictions of this class that are correct."
            ),
            "recall": share(
                "Recall", format="percent", help="Share of images of this class that are predicted correctly."
            ),
            "f1": share("F1", format="percent", help="Harmonic mean of precision and recall."),
            "support": share("Images", format="localized"),
        },
    )


def confidence(shown: Shown, _) -> None:
    """Draws the calibration of the model: confidence against accuracy."""
    from explorer.charts.evaluation import confidence_frame, confidence_histogram, reliability, reliability_frame

    evaluation = shown.evaluation
    mean = float(evaluation.confidence.mean())
    verdict = "overconfident" if mean > evaluation.accuracy else "underconfident"
    st.markdown(
        f"The mean confidence is {mean:.1%} and the accuracy {evaluation.accuracy:.1%}: the model is **{verdict}**."
    )
    left, right = st.columns(2)
    left.altair_chart(
        reliability(reliability_frame(evaluation.calibration)),
        key="reliability",
        alt="accuracy at each level of confidence, and the diagonal of a calibrated model",
    )
    right.altair_chart(
        confidence_histogram(confidence_frame(evaluation.confidence, evaluation.right)),
        key="confidence",
        alt="number of right and wrong predictions at each level of confidence",
    )
