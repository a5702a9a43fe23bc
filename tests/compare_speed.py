"""Measures Compare with many runs: `PYTHONPATH=.:tests/support .venv/bin/python tests/compare_speed.py [COUNT]`.

Makes the runs, lists them without an index and with it, starts a fresh server on them, and opens the page in a real
Chromium (in a fresh tab, and from another page of an open one): seconds from the request to the leaderboard and to the
curves below it, and the resident memory of the server's process. All but the first opening wait for the workers to be
at rest. Seconds of the processor are told too: on a busy machine they are what this program is to blame for.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from browser import chromium, serve, wait_for, wait_to_see
from make_runs import make_runs

from explorer.runs.store import RunStore


def main() -> None:
    """Prints one line a measurement."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        make_runs(count, Path(folder))
        listing(Path(folder), "without an index")
        listing(Path(folder), "with the index")
        page = browser.new_page(viewport={"width": 1280, "height": 980})
        page.set_default_timeout(120_000)
        with serve(Path(folder)) as address:
            server = next(p for p in psutil.Process(os.getpid()).children() if "streamlit" in " ".join(p.cmdline()))
            opened = partial(opening, page, server, count)
            address = f"{address}/compare?dataset=digits"
            for kind in ("first opening", "second opening", "third opening"):
                page.goto("about:blank")
                opened(kind, lambda: page.goto(address))
                at_rest(server)
            for _ in range(3):
                page.get_by_role("link", name="Train").first.click()
                page.get_by_role("button", name="Train", exact=True).wait_for()
                time.sleep(3)  # the sidebar has told what it shows
                at_rest(server)
                opened("from the Train page", page.get_by_role("link", name="Compare").first.click)
            for section, words in (("Repeats", "Is one better"), ("Settings and results", "Draw a rectangle")):
                started = time.perf_counter()
                page.get_by_role("radio", name=section).or_(page.get_by_role("button", name=section)).first.click()
                wait_to_see(page.get_by_text(words))
                wait_for(lambda: page.get_by_test_id("stVegaLiteChart").count() > 0)
                print(f"page, {section}: {time.perf_counter() - started:.2f} s", flush=True)
            print(f"page's process: {server.memory_info().rss / 1e6:.0f} MB resident", flush=True)


def opening(page, server: psutil.Process, count: int, kind: str, open_page: Callable) -> None:
    """Seconds until the leaderboard and until the curves below it are there."""
    started, before = time.perf_counter(), sum(server.cpu_times()[:2])
    open_page()
    wait_to_see(page.get_by_text(f"{count:,} runs. Loss and accuracy"))
    table = time.perf_counter() - started
    wait_to_see(page.get_by_text("Solid: validation"))
    spent = sum(server.cpu_times()[:2]) - before
    print(f"page, {kind}: {table:.2f} s to the table, {time.perf_counter() - started:.2f} s to the curves, "
          f"{spent:.2f} s of the server's processor", flush=True)  # fmt: skip


def at_rest(server: psutil.Process) -> None:
    """Waits until the server's workers have started and have compiled what the sidebar shows."""

    def spent() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in server.children(recursive=True))

    def resting() -> bool:
        before = spent()
        time.sleep(2)
        return spent() - before < 0.1

    wait_for(resting, 120)


def listing(folder: Path, kind: str) -> None:
    """Seconds of the first and the second listing by a new store."""
    store = RunStore(folder)
    for time_of in (kind, "again"):
        started, before = time.perf_counter(), time.process_time()
        found = len(store.list())
        print(f"listing {found:,} runs, {time_of}: {time.perf_counter() - started:.2f} s, "
              f"{time.process_time() - before:.2f} s of the processor", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
