"""A benchmark of many browsers that watch one live run on the Train page (`benchmark --watchers`)."""

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

import psutil

import explorer
from explorer.benchmarks.watcher import Received, Watcher
from explorer.errors import WorkersError
from explorer.machine import free_port
from explorer.plain_text import columns
from explorer.runs.run import Run
from explorer.runs.store import RunStore
from explorer.scratch import scratch_folder

ROOT = Path(explorer.__file__).parents[1]
COUNTS = (1, 5, 15, 40, 100, 200)
START_SECONDS = 180.0
FIRST_EPOCHS = 50  # before anything is measured, so that the charts are no longer almost empty
SETTLING_SECONDS = 30.0  # until the pages have found their pace
MEASURED_SECONDS = 40.0  # for each number of watchers, and for the training alone
LOG = "server.log"


def measure(watchers: int, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """A live run of the notebook's network on digits, watched by more and more browsers.

    Raises `WorkersError` if the server or the training does not start.
    """
    counts = [*(count for count in COUNTS if count < watchers), watchers]
    with scratch_folder() as folder, _training(folder), _server(folder) as (address, server):
        run = _first_epochs(folder)
        rows, alone = asyncio.run(_measure(counts, address, server, run, tell))
        faults = (folder / LOG).read_text(errors="replace").count("Traceback")
    return {
        "cores": os.cpu_count(),
        "epochs_a_second_alone": alone,
        "server_exceptions": faults,
        "watched": rows,
    }


@contextmanager
def _training(folder: Path) -> Iterator[None]:
    options = ["--runs", str(folder), "--dataset", "digits", "--epochs", "10000", "--patience", "10000", "--json"]
    with _process([sys.executable, "-m", "explorer", "train", *options], folder):
        yield


@contextmanager
def _server(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    port = str(free_port())
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    with _process([*command, "--server.port", port], folder) as process:
        address = f"http://localhost:{port}"
        _wait_for(lambda: _answers(address), "the server")
        yield address, psutil.Process(process.pid)


@contextmanager
def _process(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen]:
    """A process of this project that ends with the block; what it writes on its standard error is kept."""
    with ExitStack() as stack:
        log = stack.enter_context((folder / LOG).open("ab"))
        environment = {**os.environ, "EXPLORER_RUNS": str(folder)}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
        return answer.status == 200
    return False


def _first_epochs(folder: Path) -> Run:
    store = RunStore(folder)
    _wait_for(lambda: any(s.outline.epochs >= FIRST_EPOCHS for s in store.list()), "the training")
    return store.list()[0].run


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise WorkersError(f"{what} has not started after {START_SECONDS:.0f} s")
        time.sleep(0.2)


async def _measure(
    counts: Sequence[int], address: str, server: psutil.Process, run: Run, tell: Callable[[str], None]
) -> tuple[list[dict[str, float]], float]:
    """The figures for each number of watchers, and the epochs per second before and after all of them."""
    query = f"dataset=digits&run={run.name}"
    before = await _rate(run)
    watchers, rows = [], []
    async with asyncio.TaskGroup() as tasks:
        watching = []
        for count in counts:
            tell(f"{count} watchers …")
            while len(watchers) < count:
                watchers.append(Watcher(address, query))
                watching.append(tasks.create_task(watchers[-1].watch()))
                await watchers[-1].drawn.wait()
            await asyncio.sleep(SETTLING_SECONDS)
            rows.append(await _watched(watchers, server, run) | {"new_page_seconds": await _new_page(address, query)})
        for task in watching:
            task.cancel()
    await asyncio.sleep(SETTLING_SECONDS)
    alone = mean([before, await _rate(run)])
    return [row | {"training": row["epochs_a_second"] / alone} for row in rows], alone


async def _rate(run: Run) -> float:
    """The epochs per second of a run in the next `MEASURED_SECONDS`."""
    first, start = run.outline().epochs, time.monotonic()
    await asyncio.sleep(MEASURED_SECONDS)
    return (run.outline().epochs - first) / (time.monotonic() - start)


async def _watched(watchers: Sequence[Watcher], server: psutil.Process, run: Run) -> dict[str, float]:
    for watcher in watchers:
        watcher.received = Received()
    before, start = server.cpu_times(), time.monotonic()
    rate = await _rate(run)
    seconds, after = time.monotonic() - start, server.cpu_times()
    received = [watcher.received for watcher in watchers]
    redraws = sorted(taken for each in received for taken in each.redraws)
    every = [min(watcher.intervals, default=0.0) for watcher in watchers]  # other parts of a page have slower timers
    return {
        "watchers": len(watchers),
        "redraws": len(redraws),
        "redraw_seconds": median(redraws),
        "redraw_seconds_of_95_percent": quantiles(redraws, n=20)[-1],
        "every_seconds": median(every),
        "bytes_a_second_each": sum(each.bytes for each in received) / seconds / len(watchers),
        "server_cores": (after.user + after.system - before.user - before.system) / seconds,
        "epochs_a_second": rate,
        "errors": sum(len(each.errors) for each in received),
    }


async def _new_page(address: str, query: str) -> float:
    """The seconds until one more browser has the whole page."""
    watcher = Watcher(address, query)
    task = asyncio.create_task(watcher.watch())
    await watcher.drawn.wait()
    task.cancel()
    return watcher.received.pages[0]


def lines(results: dict[str, Any]) -> list[str]:
    """The results as lines of a table."""
    head = ["watchers", "redraw", "95% within", "every", "new page", "kB/s each", "server", "training", "errors"]
    rows = [
        [
            str(row["watchers"]),
            f"{row['redraw_seconds']:.2f} s",
            f"{row['redraw_seconds_of_95_percent']:.2f} s",
            f"{row['every_seconds']:.1f} s",
            f"{row['new_page_seconds']:.2f} s",
            f"{row['bytes_a_second_each'] / 1000:.0f}",
            f"{row['server_cores']:.2f} cores",
            f"{row['training']:.0%}",
            str(row["errors"]),
        ]
        for row in results["watched"]
    ]
    return [
        f"One live run (20 × 100 on digits, {results['epochs_a_second_alone']:.1f} epochs per second alone), "
        f"{results['cores']} cores",
        *columns([head, *rows], right="012345678"),
        f"exceptions in the server: {results['server_exceptions']}",
    ]
