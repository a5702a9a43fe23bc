"""The metrics of an evaluation: overall, per class, and by confidence."""

import streamlit as st

from explorer.evaluation.metrics import CALIBRATION_BINS, ConfidenceVerdict, Evaluation
from explorer.evaluation.predictions import Predictions
from explorer.evaluation.report import smoothing_caution
from explorer.pages.evaluate.shared import EvaluatedModel
from explorer.pages.text import cell, foreign
from explorer.plain_text import percent


def overall(evaluated: EvaluatedModel) -> None:
    """Draws the overall metrics in one row."""
    evaluation, noun = evaluated.evaluation, evaluated.dataset.spec.noun
    low, high = evaluation.accuracy_interval
    with st.container(horizontal=True, gap="medium"):  # wraps to two per row on a phone
        st.metric(
            "Accuracy",
            percent(evaluation.accuracy),
            f"{low:.2%} to {high:.2%}",
            delta_color="off",
            delta_arrow="off",
            help=f"Share of the {evaluation.images:,} {noun} that are classified correctly, and its 95% confidence "
            f"interval (Wilson), as an estimate for other {noun} of the same kind.",
            width="content",
        )
        for label, value, explanation in (*_losses(evaluation, evaluated.predictions), *_others(evaluated)):
            st.metric(label, value, help=explanation, width="content")
    if caution := smoothing_caution(evaluated.model):
        st.caption(caution)


Metric = tuple[str, str, str]  # label, value, explanation


def _losses(evaluation: Evaluation, predictions: Predictions) -> list[Metric]:
    loss = "As in Keras's `evaluate`: mean cross-entropy (the data loss) plus the regularization penalty."
    parts = [("Loss", f"{evaluation.loss:.4f}", loss)]
    if evaluation.penalized:
        parts += [
            ("Data loss", f"{evaluation.data_loss:.4f}", "Mean cross-entropy."),
            (
                f"Penalty ({foreign(predictions.facts.penalties)})",
                f"{evaluation.penalty:.4f}",
                "What the model's regularizers add to the loss.",
            ),
        ]
    return parts


def _others(evaluated: EvaluatedModel) -> list[Metric]:
    evaluation, predictions, noun = evaluated.evaluation, evaluated.predictions, evaluated.dataset.spec.noun
    best_two = (
        "Top-2 accuracy",
        percent(evaluation.top_2_accuracy),
        f"Share of {noun} whose true class is among the two most probable.",
    )
    return [
        *([best_two] if len(evaluation.class_names) > 2 else []),
        (
            "Calibration error",
            f"{evaluation.calibration_error:.2%}",
            f"Mean difference between confidence and accuracy over {CALIBRATION_BINS} bins of confidence "
            "(expected calibration error). 0% means that confidence and accuracy agree in every bin.",
        ),
        (
            "Seconds",
            f"{predictions.seconds:.2f}",
            f"Time to predict the {evaluation.images:,} {noun} the first time; opening the model took "
            f"{predictions.load_seconds:.2f} s.",
        ),
    ]


def classes(evaluated: EvaluatedModel, _) -> None:
    """Draws precision, recall and F1 of each class as bars and as a sortable table."""
    import pandas as pd

    from explorer.charts.evaluation import class_bars, class_frame
    from explorer.evaluation.report import MOST_NUMBERED

    rows, noun = evaluated.evaluation.classes, evaluated.dataset.spec.noun
    left, right = st.columns(2)
    left.altair_chart(
        class_bars(class_frame(rows), noun), key="class_bars", alt="precision, recall and F1 of each class"
    )
    if len(rows) > MOST_NUMBERED:
        left.caption(f"Of {len(rows)} classes, the {MOST_NUMBERED} with the highest and the lowest F1.")
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
                "Recall", format="percent", help=f"Share of {noun} of this class that are predicted correctly."
            ),
            "f1": share("F1", format="percent", help="Harmonic mean of precision and recall."),
            "support": share(noun.capitalize(), format="localized"),
        },
    )


def confidence(evaluated: EvaluatedModel, _) -> None:
    """Draws the calibration of the model: confidence against accuracy."""
    from explorer.charts.evaluation import confidence_frame, confidence_histogram, reliability, reliability_frame

    evaluation, noun = evaluated.evaluation, evaluated.dataset.spec.noun
    mean = float(evaluation.confidence.mean())
    verdict = evaluation.confidence_verdict
    few = f", as far as {evaluation.images:,} {noun} can tell" * (verdict is ConfidenceVerdict.CALIBRATED)
    st.markdown(
        f"The mean confidence is {mean:.2%} and the accuracy {percent(evaluation.accuracy)}: "
        f"the model is **{verdict}**{few}."
    )
    left, right = st.columns(2)
    left.altair_chart(
        reliability(reliability_frame(evaluation.calibration), noun),
        key="reliability",
        alt="accuracy at each level of confidence, and the diagonal of a calibrated model",
    )
    right.altair_chart(
        confidence_histogram(confidence_frame(evaluation.confidence, evaluation.right), noun),
        key="confidence",
        alt="number of correct and incorrect predictions at each level of confidence",
    )
