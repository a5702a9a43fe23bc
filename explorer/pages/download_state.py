"""Remembers a download that this session has started, until its process reports progress."""

import time
from dataclasses import dataclass

import streamlit as st

_DOWNLOAD = "download_started"


@dataclass(frozen=True)
class StartedDownload:
    """A download process, and when it was started, in seconds of the monotonic clock."""

    pid: int
    since: float


def remember_download(pid: int) -> None:
    """Remembers a download process that was just started."""
    st.session_state[_DOWNLOAD] = StartedDownload(pid, time.monotonic())


def forget_download() -> None:
    """Forgets the download process, which reports its own progress from now on."""
    st.session_state.pop(_DOWNLOAD, None)


def started_download() -> StartedDownload | None:
    """The download process that has not reported progress yet."""
    return st.session_state.get(_DOWNLOAD)
