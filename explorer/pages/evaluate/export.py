"""What can be taken away: predictions, figures, and the page as one file."""

import streamlit as st

from explorer.evaluation import html_report, report
from explorer.pages import resources
from explorer.pages.evaluate.shared import Shown
from explorer.pages.text import file_name
from explorer.runs import table_export


def draw(shown: Shown, _) -> None:
    """A button for each file; each is made when it is asked for."""
    name = f"{shown.model.name}-{shown.split}"

    def told() -> dict:
        figures = report.figures(shown.model, shown.predictions, resources.library().looks(shown.request))
        return {**figures, "path": shown.model.name}  # where the server keeps it is not the reader's

    def frame():
        return html_report.predictions_frame(shown.dataset, shown.split, shown.evaluation)

    files = (
        ("Predictions (CSV)", "csv", "text/csv", lambda: table_export.to_csv(frame())),
        ("Predictions (Parquet)", "parquet", "application/vnd.apache.parquet",
         lambda: table_export.to_parquet(frame())),
        ("Figures (JSON)", "json", "application/json", lambda: html_report.to_json(told())),
        ("This page (HTML)", "html", "text/html",
         lambda: html_report.to_html(told(), shown.dataset, shown.split, shown.evaluation)),
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
        "The predictions have a row an image: its place in the data set, true and predicted class, all probabilities. "
        "The page is one file without scripts or links; it opens anywhere, also offline."
    )
