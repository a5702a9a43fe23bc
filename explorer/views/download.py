"""The offer to download CIFAR-10 and its progress: the fetch runs in a process of its own, seen by every page."""

import subprocess
import sys

import streamlit as st

from explorer import datasets, sources
from explorer.datasets import DATASETS
from explorer.progress import duration

NAME = "cifar10"


def offer() -> None:
    """Says that CIFAR-10 is missing and offers it; draws nothing where it is there."""
    if datasets.available(NAME):
        return
    progress = sources.read_progress(NAME)
    running = progress is not None and "error" not in progress
    st.fragment(_banner, run_every=0.5 if running else None)(running)


def _banner(was_running: bool) -> None:
    progress = sources.read_progress(NAME)
    running = progress is not None and "error" not in progress
    if running != was_running or datasets.available(NAME):
        st.rerun()
    with st.container(border=True):
        if running:
            total = progress["total"]
            st.progress(min(1.0, progress["done"] / total) if total else 0.0, text=_words(progress))
            st.button("Cancel the download", on_click=sources.request_cancel, args=(NAME,), icon=":material/close:")
            return
        if progress and "error" in progress:
            st.error(progress["error"])
        size = DATASETS[NAME].download_bytes / 1e6
        st.markdown(
            "**CIFAR-10 is not on this machine yet**, so the page starts with scikit-learn's small digits, "
            "which train in seconds."
        )
        st.button(f"Download CIFAR-10 ({size:,.0f} MB)", on_click=_start, icon=":material/download:")


def _start() -> None:
    subprocess.Popen(
        [sys.executable, "-m", "explorer", "data", NAME],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # closing the page must not end it
    )


def _words(progress: dict) -> str:
    done = f"{progress['done'] / 1e6:,.0f} MB"
    total = f" of {progress['total'] / 1e6:,.0f} MB" if progress["total"] else ""
    speed = f" · {progress['speed'] / 1e6:,.1f} MB/s" if progress["speed"] else ""
    left = f" · {duration(progress['seconds_left'])} left" if progress["seconds_left"] else ""
    return f"{progress['source']}: {progress['phase']} {done}{total}{speed}{left}"
