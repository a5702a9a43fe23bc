"""Offers to download a data set and shows its progress, on every page; the download runs in its own process."""

import subprocess
import sys
import time

import streamlit as st

from explorer.data import datasets
from explorer.data.datasets import BUILT_IN, DATASETS
from explorer.data.origin import Added
from explorer.pages import download_state
from explorer.pages.text import foreign, lines
from explorer.runs.progress import duration

FIRST = next(iter(BUILT_IN))  # the notebook's data set, offered until it is here
REFRESH_SECONDS = 0.5
SECONDS_TO_REPORT = 15  # a download process that has not reported progress by then has failed


def offer(*wanted: str) -> None:
    """Draws the offer to download the first missing one of the wanted data sets or of the notebook's, if any."""
    missing = next((name for name in (*wanted, FIRST) if not datasets.available(name)), None)
    if missing:
        # always refreshing: another page or the command line may start the download
        st.fragment(_banner, run_every=REFRESH_SECONDS)(missing)


def _banner(name: str) -> None:
    from explorer.data import download  # imports numpy, which a page does not need once the data is here

    if datasets.available(name):
        st.rerun()
    if isinstance(DATASETS[name].origin, Added):
        st.warning(
            f"The data set {DATASETS[name].title} is not on this machine. Its runs can still be viewed; to train, "
            "resume or evaluate them, add the same files again on the **Train** page, or with "
            f"`{DATASETS[name].command}`."
        )
        return
    progress = download.read_progress(name)
    running = progress is not None and "error" not in progress
    started = download_state.started_download(name)
    if started and progress and progress["pid"] == started.pid:
        download_state.forget_download(name)
    with st.container(border=True):
        if running:
            total = progress["total"]
            st.progress(min(1.0, progress["done"] / total) if total else 0.0, text=_progress_text(progress))
            st.button("Cancel download", on_click=download.request_cancel, args=(name,), icon=":material/close:")
            return
        if started and time.monotonic() - started.since < SECONDS_TO_REPORT:
            st.progress(0.0, text="Starting the download…")
            return
        if progress and "error" in progress:
            st.error(lines(progress["error"]))
        spec, here = DATASETS[name], DATASETS[datasets.preferred()]
        st.markdown(
            f"**{spec.title} is not on this machine yet.** Until it is downloaded, {here.title} can be trained."
        )
        size = f"{spec.download_bytes / 1e6:,.0f} MB"
        st.button(f"Download {spec.title} ({size})", on_click=_start, args=(name,), icon=":material/download:")


def _start(name: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "explorer", "data", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # closing the page must not end it
    )
    download_state.remember_download(name, process.pid)


def _progress_text(progress: dict) -> str:
    done = f"{progress['done'] / 1e6:,.0f} MB"
    total = f" of {progress['total'] / 1e6:,.0f} MB" if progress["total"] else ""
    speed = f" · {progress['speed'] / 1e6:,.1f} MB/s" if progress["speed"] else ""
    left = f" · {duration(progress['seconds_left'])} left" if progress["seconds_left"] else ""
    return f"{foreign(progress['source'])}: {foreign(progress['phase'])} {done}{total}{speed}{left}"
