"""Twenty browsers without a screen at one run: what they are sent, and that nothing fails. No time is asserted."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from browser import HANGS, serve
from made_runs import DIGITS, history, signals
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from explorer.benchmarks import watching
from explorer.benchmarks.watcher import Received, Watcher
from explorer.runs.notes import Annotation
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED, RUNNING
from explorer.runs.store import RunStore

WATCHERS = 20
EPOCHS = 300
LEAST = 2  # redraws that each has got before they are counted
LONG_ENOUGH = 10
# bytes of what Streamlit says about a redraw in which nothing is drawn, of one in which no epoch has been added, and of
# the whole page, which is drawn where its pace changes
NOTHING, NO_EPOCH, PAGE = 1_500, 20_000, 100_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The store of a server, and its address."""
    folder = tmp_path_factory.mktemp("runs")
    with serve(folder) as address:
        yield RunStore(folder), address


@dataclass
class Counted(Received):
    """What a watcher has been sent, with the number of elements and containers."""

    deltas: int = 0


class Counting(Watcher):
    """A watcher that counts the elements and containers that it is sent, also those that it has kept."""

    def __init__(self, address: str, query: str) -> None:
        super().__init__(address, query)
        self.received = Counted()

    def _take(self, connection, content: bytes) -> None:
        super()._take(connection, content)
        if ForwardMsg.FromString(content).WhichOneof("type") in ("delta", "ref_hash"):
            self.received.deltas += 1


def trained(store: RunStore) -> Run:
    """A run of many epochs, not yet ended."""
    run = store.create(DIGITS.with_(epochs=1000))
    for record in history(*(2 / epoch for epoch in range(1, EPOCHS + 1))):
        run.append(record)
    run.append_signals(signals(0))
    return run


@asynccontextmanager
async def watchers(address: str, run: Run):
    """So many browsers that have drawn the page of a run."""
    async with asyncio.TaskGroup() as tasks:
        everyone = [Counting(address, f"dataset=digits&run={run.name}") for _ in range(WATCHERS)]
        watched = [tasks.create_task(each.watch()) for each in everyone]
        async with asyncio.timeout(HANGS):
            await asyncio.gather(*(each.drawn.wait() for each in everyone))
        yield everyone
        for task in watched:
            task.cancel()


async def until(condition) -> None:
    async with asyncio.timeout(HANGS):
        while not condition():
            await asyncio.sleep(0.05)


async def redrawn(everyone: list[Watcher]) -> list[Received]:
    """What each browser is sent from now on until it has been redrawn a few times."""
    for each in everyone:
        each.received = Counted()
    await until(lambda: all(len(each.received.redraws) >= LEAST for each in everyone))
    return [each.received for each in everyone]


def most_drawings(received: Received) -> int:
    """Drawings of which something can have been counted: those begun since, also if overtaken, and one begun before."""
    return received.begun + 1


def test_who_watches_an_ended_run_is_sent_nothing_until_it_changes(server):
    store, address = server
    run = trained(store)
    run.end(COMPLETED, "it has trained all epochs")

    async def watch():
        async with watchers(address, run) as everyone:
            for received in await redrawn(everyone):
                assert received.deltas <= most_drawings(received), "the part that watches, which is empty"
                assert received.bytes < NOTHING * most_drawings(received)
                assert received.errors == received.pages == []
            run.annotate(Annotation("the named run"))
            await until(lambda: all(each.received.pages for each in everyone))
            assert all(any("the named run" in title for title in each.received.headings) for each in everyone)

    asyncio.run(watch())


def test_who_watches_a_live_run_is_sent_its_charts_only_with_another_epoch(server):
    store, address = server
    run = trained(store)

    async def watch():
        async with watchers(address, run) as everyone:
            # else a redraw that was asked for before others can name a message that the browser has forgotten
            assert all(each.kept_for >= LONG_ENOUGH for each in everyone)
            await redrawn(everyone)
            for received in await redrawn(everyone):
                assert received.errors == []
                assert received.charts == 0
                assert received.bytes < NO_EPOCH * most_drawings(received) + PAGE * len(received.pages)
            run.append(history(*[1.0] * (EPOCHS + 1))[-1])
            await until(lambda: all(each.received.charts >= 2 for each in everyone))
            assert not any(each.received.errors for each in everyone)

    with run.locked():
        run.update(status=RUNNING, phase="training", started=time.time(), epoch=EPOCHS + 1)
        asyncio.run(watch())
        run.end(COMPLETED, "it has trained all epochs")


def test_the_figures_are_a_line_for_each_number_of_watchers():
    row = {
        "watchers": 40,
        "redraw_seconds": 0.05,
        "redraw_seconds_of_95_percent": 0.2,
        "every_seconds": 4.0,
        "new_page_seconds": 0.15,
        "bytes_a_second_each": 17_400.0,
        "server_cores": 0.24,
        "training": 0.95,
        "errors": 0,
    }
    results = {"cores": 2, "epochs_a_second_alone": 7.0, "server_exceptions": 0, "watched": [row]}
    first, _, line, last = watching.lines(results)
    assert "7.0 epochs per second alone" in first and last.endswith(": 0")
    assert line.split() == ["40", "0.05", "s", "0.20", "s", "4.0", "s", "0.15", "s", "17", "0.24", "cores", "95%", "0"]
