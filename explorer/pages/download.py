"""The offer to download CIFAR-10 and its progress: the fetch runs in a process of its own, seen by every page."""

import subprocess
import sys
import time

import streamlit as st

from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.pages import download_state
from explorer.pages.text import foreign, sentence
from explorer.runs.progress import duration

NAME = "cifar10"
REFRESH_SECONDS = 0.5
SECONDS_TO_BE_HEARD_OF = 15  # a process that is asked to download says so by then, or it never will


def offer() -> None:
    """Says that CIFAR-10 is missing and offers it; draws nothing where it is there."""
    if not datasets.available(NAME):
        # always looking: the fetch may be another page's or the command line's
        st.fragment(_banner, run_every=REFRESH_SECONDS)()


def _banner() -> None:
    from explorer.data import download  # with numpy, which a page is drawn without where the data is there

    if datasets.available(NAME):
        st.rerun()
    progress = download.read_progress(NAME)
    running = progress is not None and "error" not in progress
    asked = download_state.asked_download()
    if asked and progress and progress["pid"] == asked.pid:
        download_state.download_is_heard_of()
    with st.container(border=True):
        if running:
            total = progress["total"]
            st.progress(min(1.0, progress["done"] / total) if total else 0.0, text=_words(progress))
            st.button("Cancel the download", on_click=download.request_cancel, args=(NAME,), icon=":material/close:")
            return
        if asked and time.monotonic() - asked.since < SECONDS_TO_BE_HEARD_OF:
            st.progress(0.0, text="Starting the download…")
            return
        if progress and "error" in progress:
            st.error(sentence(progress["error"]))
        size = DATASETS[NAME].download_bytes / 1e6
        st.markdown(
            "**CIFAR-10 is not on this machine yet**, so the page starts with scikit-learn's small digits, "
            "which train in seconds."
        )
        st.button(f"Download CIFAR-10 ({size:,.0f} MB)", on_click=_start, icon=":material/download:")


def _start() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "explorer", "data", NAME],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # closing the page must not end it
    )
    download_state.download_starts(process.pid)


def _words(progress: dict) -> str:
    done = f"{progress['done'] / 1e6:,.0f} MB"
    total = f" of {progress['total'] / 1e6:,.0f} MB" if progress["total"] else ""
    speed = f" · {progress['speed'] / 1e6:,.1f} MB/s" if progress["speed"] else ""
    left = f" · {duration(progress['seconds_left'])} left" if progress["seconds_left"] else ""
    return f"{foreign(progress['source'])}: {foreign(progress['phase'])} {done}{total}{speed}{left}"
