"""Offers to download CIFAR-10 and shows its progress; the download runs in its own process, and every page shows it."""

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
SECONDS_TO_REPORT = 15  # a download process that has not reported progress by then has failed


def offer() -> None:
    """Draws the offer to download CIFAR-10; nothing if it is already here."""
    if not datasets.available(NAME):
        # always refreshing: another page or the command line may start the download
        st.fragment(_banner, run_every=REFRESH_SECONDS)()


def _banner() -> None:
    from explorer.data import download  # imports numpy, which a page does not need once the data is here

    if datasets.available(NAME):
        st.rerun()
    progress = download.read_progress(NAME)
    running = progress is not None and "error" not in progress
    started = download_state.started_download()
    if started and progress and progress["pid"] == started.pid:
        download_state.forget_download()
    with st.container(border=True):
        if running:
            total = progress["total"]
            st.progress(min(1.0, progress["done"] / total) if total else 0.0, text=_progress_text(progress))
            st.button("Cancel download", on_click=download.request_cancel, args=(NAME,), icon=":material/close:")
            return
        if started and time.monotonic() - started.since < SECONDS_TO_REPORT:
            st.progress(0.0, text="Starting the download…")
            return
        if progress and "error" in progress:
            st.error(sentence(progress["error"]))
        size = DATASETS[NAME].download_bytes / 1e6
        st.markdown(
            "**CIFAR-10 is not on this machine yet.** Until it is downloaded, the default is scikit-learn's digits "
            "data set, which trains in seconds."
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
    download_state.remember_download(process.pid)


def _progress_text(progress: dict) -> str:
    done = f"{progress['done'] / 1e6:,.0f} MB"
    total = f" of {progress['total'] / 1e6:,.0f} MB" if progress["total"] else ""
    speed = f" · {progress['speed'] / 1e6:,.1f} MB/s" if progress["speed"] else ""
    left = f" · {duration(progress['seconds_left'])} left" if progress["seconds_left"] else ""
    return f"{foreign(progress['source'])}: {foreign(progress['phase'])} {done}{total}{speed}{left}"
