"""Files of the Compare page: tables, a report and the exports of one run to save, and an archive to import."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import ExplorerError
from explorer.pages import resources
from explorer.pages.compare.state import compare
from explorer.pages.popovers import close, popover
from explorer.pages.run import export_buttons
from explorer.pages.text import foreign, sentence
from explorer.plain_text import count
from explorer.runs.run import Run
from explorer.scratch import ScratchFolder

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.runtime.uploaded_file_manager import UploadedFile

IMPORT = "compare_import_popover"
LARGEST_UPLOAD = 1024  # MiB
UPLOADS = "compare_uploads"  # how many archives were imported in this session: each uploader takes one


def export(filtered: "pd.DataFrame", chosen: "pd.DataFrame") -> None:
    """Draws the files of the filtered table, and those of the selected run or the report of several."""
    from explorer.runs.table_export import FORMATS

    with popover("Export", "compare_export", icon=":material/download:", disabled=filtered.empty):
        st.caption(f"The {len(filtered):,} runs in the filtered table, or every epoch of each.")
        for kind, (title, mime) in FORMATS.items():
            with st.container(horizontal=True):
                for label, name, content in (
                    ("Table", "runs", _table_file),
                    ("Histories", "histories", _histories_file),
                ):
                    st.download_button(
                        f"{label} ({title})",
                        partial(content, filtered, kind),  # made only when the button is pressed
                        file_name=f"{name}.{kind}",
                        mime=mime,
                        key=f"compare_export_{name}_{kind}",
                        on_click="ignore",
                    )
        if len(chosen) == 1:
            st.caption(f"The selected run, {foreign(chosen['title'].iloc[0])}.")
            export_buttons.render(Run(resources.store().folder / chosen["run"].iloc[0]), heading="")
        else:
            _export_comparison(chosen)


def _export_comparison(chosen: "pd.DataFrame") -> None:
    from explorer.export.report import MOST_RUNS

    st.caption(
        f"A one-page report that compares up to {MOST_RUNS} selected runs, with statistics. Select a single run to "
        "export its model, script, notebook, report or archive."
    )
    st.download_button(
        f"Report of {count(len(chosen), 'selected run')}" if len(chosen) else "Report of the selected runs",
        partial(_report, chosen["run"].tolist()),
        file_name="report.html",
        mime="text/html",
        key="compare_export_report",
        on_click="ignore",
        disabled=not 2 <= len(chosen) <= MOST_RUNS,
    )


def _table_file(filtered: "pd.DataFrame", kind: str) -> bytes:
    from explorer.runs.table_export import to_file

    return to_file(filtered, kind)


def _histories_file(filtered: "pd.DataFrame", kind: str) -> bytes:
    from explorer.runs.table_export import histories, to_file

    folder = resources.store().folder
    return to_file(histories(Run(folder / name) for name in filtered["run"]), kind)


def _report(names: list[str]) -> bytes:
    return export_buttons.exported("report", tuple(resources.store().get(name) for name in names))


def import_archive() -> None:
    """Draws the upload of a run that was exported as an archive; the imported run is selected."""
    with popover("Import", IMPORT, icon=":material/upload:"):
        number = st.session_state.setdefault(UPLOADS, 0)
        file = st.file_uploader(
            "Archive of a run (.zip)",
            max_upload_size=LARGEST_UPLOAD,
            key=f"compare_upload_{number}",
            help="A run that was exported as an archive, here or on another machine. Every file in it is checked.",
        )
        if not st.button("Import it", key="compare_import", type="primary", disabled=file is None) or file is None:
            return
        try:
            with st.spinner("Unpacking and checking"):
                run = _imported(file)
        except ExplorerError as error:
            st.error(sentence(error))
            return
    st.session_state[UPLOADS] += 1
    compare([run.name])
    close(IMPORT)
    st.rerun()


def _imported(file: "UploadedFile") -> Run:
    from explorer.export.archive_import import import_run

    scratch = ScratchFolder()
    try:
        path = Path(scratch.path) / "run.zip"
        path.write_bytes(file.getbuffer())
        return import_run(path, file.name, resources.store(), resources.task_process())
    finally:
        scratch.remove()
