"""Remembers the downloads that this session has started, until their processes report progress."""

import time
from dataclasses import dataclass

import streamlit as st

_DOWNLOAD = "download_started"


@dataclass(frozen=True)
class StartedDownload:
    """A download process, and when it was started, in seconds of the monotonic clock."""

    pid: int
    since: float


def remember_download(name: str, pid: int) -> None:
    """Remembers the process that was just started to download a data set."""
    st.session_state[f"{_DOWNLOAD}_{name}"] = StartedDownload(pid, time.monotonic())


def forget_download(name: str) -> None:
    """Forgets the download process, which reports its own progress from now on."""
    st.session_state.pop(f"{_DOWNLOAD}_{name}", None)


def started_download(name: str) -> StartedDownload | None:
    """The download process that has not reported progress yet."""
    return st.session_state.get(f"{_DOWNLOAD}_{name}")
