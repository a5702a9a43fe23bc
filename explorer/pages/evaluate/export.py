"""Downloads: predictions, metrics, and the page as one HTML file."""

import streamlit as st

from explorer.evaluation import html_report, report
from explorer.pages import resources
from explorer.pages.evaluate.shared import EvaluatedModel
from explorer.pages.text import file_name
from explorer.runs import table_export


def draw(evaluated: EvaluatedModel, _) -> None:
    """Draws a download button for each file; a file is made when its button is pressed."""
    name = f"{evaluated.model.name}-{evaluated.split}"

    def metrics() -> dict:
        values = report.values(evaluated.model, evaluated.predictions, resources.library().looks(evaluated.request))
        return {**values, "path": evaluated.model.name}  # the path on the server is not the reader's business

    def frame():
        return html_report.predictions_frame(evaluated.dataset, evaluated.split, evaluated.evaluation)

    files = (
        ("Predictions (CSV)", "csv", "text/csv", lambda: table_export.to_csv(frame())),
        ("Predictions (Parquet)", "parquet", "application/vnd.apache.parquet",
         lambda: table_export.to_parquet(frame())),
        ("Metrics (JSON)", "json", "application/json", lambda: html_report.to_json(metrics())),
        ("This page (HTML)", "html", "text/html",
         lambda: html_report.to_html(metrics(), evaluated.dataset, evaluated.split, evaluated.evaluation)),
    )  # fmt: skip
    with st.container(horizontal=True):
        for label, kind, mime, make in files:
            st.download_button(
                label,
                make,
                file_name(name, kind),
                mime,
                key=f"export_{kind}",
                on_click="ignore",
                icon=":material/download:",
            )
    st.caption(
        f"The predictions have one row per {evaluated.dataset.spec.one}: its index in the data set, true and predicted "
        "class, all probabilities. The page is one file without scripts or links, so it also opens offline."
    )
