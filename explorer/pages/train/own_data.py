"""Draws the report on a data set of one's own, and the progress while it is read."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from explorer.data.own import report_text
from explorer.data.own.description import Description
from explorer.errors import DataError
from explorer.pages import resources
from explorer.pages.chart import draw_chart
from explorer.pages.text import LONGEST_SENTENCE, file_name, foreign, sentence
from explorer.pages.train import own_data_state as state
from explorer.runs.run_summary import RunSummary

REFRESH_SECONDS = 0.5
MOST_EXAMPLES = 30  # classes of which an image is shown
MOST_RUNS = 5
MOST_CHART = 320  # pixels, above which the chart scrolls


def report(listing: Sequence[RunSummary]) -> None:
    """Draws, in a place that is always there, what is being read, what was found, or why it cannot be used."""
    with st.container(key="own_report"):
        if now := state.reading():
            st.fragment(_waiting, run_every=REFRESH_SECONDS)(now)
        if problem := state.problem():
            st.error(sentence(problem))
            st.button("Close", key="own_close_problem", on_click=state.close)
        elif description := state.reported():
            with st.container(border=True):
                _report(description, state.runs_on(description, listing))


def _waiting(now: state.Reading) -> None:
    if state.reading() is None:
        st.rerun()
    st.markdown(
        f":material/hourglass_top: Reading and checking {foreign(now.title)}, to add it as **{foreign(now.name)}** …"
    )
    if counted := now.progress.read():
        done, total = counted
        st.progress(done / total, text=f"{done:,} of {total:,} files")
    st.button("Cancel", key="own_cancel", icon=":material/close:", on_click=state.cancel, help="Nothing is added.")


def _report(description: Description, runs: list[str]) -> None:
    report = description.report
    st.markdown(f"**{foreign(description.name)}** · {foreign(report_text.headline(description), LONGEST_SENTENCE)}")
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _balance(description)
    with right:
        for text in report_text.warnings(description):
            st.warning(sentence(text))
        if report.unreadable:
            with st.expander(f"Files that could not be read: {report.all_unreadable:,}"):
                st.markdown("\n".join(f"- {sentence(text)}" for text in report.unreadable))
        for text in (*report_text.remarks(report), report_text.division(description)):
            st.caption(sentence(text))
        _examples(description)
    _buttons(description, runs)
    if runs:
        more = f" and {len(runs) - MOST_RUNS:,} more" if len(runs) > MOST_RUNS else ""
        st.caption(f"Trained on it: {', '.join(map(foreign, runs[:MOST_RUNS]))}{more}.")


def _buttons(description: Description, runs: list[str]) -> None:
    with st.container(horizontal=True):
        st.button(
            f"Use {foreign(description.name)}",
            key="own_use",
            type="primary",
            icon=":material/check:",
            help="Selects it in the sidebar, so that **Train** uses it.",
            on_click=state.use,
            args=(description,),
        )
        st.button("Close", key="own_close", on_click=state.close)
        st.download_button(
            "Save",
            partial(state.saved, description),
            file_name(description.name, "npz"),
            "application/octet-stream",
            key="own_save",
            icon=":material/download:",
            help="The whole data set as one `.npz` file, which exported scripts read and other machines can add.",
            on_click="ignore",
        )
        used = "The run trained on them stays" if len(runs) == 1 else f"The {len(runs):,} runs trained on them stay"
        st.button(
            "Remove",
            key="own_remove",
            icon=":material/delete:",
            type="tertiary",
            help=f"Removes the {description.spec.noun}."
            + (f" {used}, but can no longer be resumed or evaluated." if runs else ""),
            on_click=state.remove,
            args=(description,),
        )


def _balance(description: Description) -> None:
    from explorer.charts.class_balance import AXIS, ROW, balance_frame, class_balance

    classes = len(description.class_names)
    height = ROW * classes + AXIS
    with st.container(height=MOST_CHART if height > MOST_CHART else "content", border=False):
        counts = report_text.counts(description.report)
        arguments = classes, tuple(counts), description.spec.noun
        frame = balance_frame(description.class_names, counts)
        draw_chart(
            class_balance, frame, *arguments, key="own_balance", alt=f"{description.spec.noun} of each class, by split"
        )


def _examples(description: Description) -> None:
    from explorer.evaluation.image_cards import examples

    if len(description.class_names) > MOST_EXAMPLES:
        return
    try:
        dataset = resources.dataset(description.full_name)
    except DataError:  # it was removed just now
        return
    spec = description.spec
    if spec.plane:
        st.caption("Its first training rows as points")
    elif spec.pictures:
        st.caption("One image of each class, as the network sees it")
    else:
        st.caption("One row of each class")
    st.html(examples(dataset))
