"""The order of waiting runs: position, page, command line and execution agree, whatever happens to workers and runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from browser import ROOT, wait_for
from worker_processes import wait_status, worker_processes

from explorer.config import TrainingConfig
from explorer.runs.queue_order import written_positions
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED
from explorer.runs.store import RunStore
from explorer.workers.run_control import ask_to_stop
from explorer.workers.waiting import Entry, WaitingRuns, in_turns

SHORT = TrainingConfig(dataset="digits", depth=1, width=10, epochs=1)
LONG = SHORT.with_(epochs=10_000, patience=10_000)


def submit(run_queue, store, config, count=1) -> list[Run]:
    runs = []
    for seed in range(count):
        runs.append(store.create(config.with_(seed=seed)))
        run_queue.submit(runs[-1])
    return runs


def positions(run_queue, runs) -> list[int | None]:
    """The positions that the page shows, which must be those that other processes read, too."""
    shown = [run_queue.position(run) for run in runs]
    written = written_positions(runs[0].path.parent)
    assert [written.get(run.name) for run in runs] == shown
    return shown


def wait_positions(run_queue, runs, expected) -> None:
    """Waits until the positions are as expected, both in the run queue and as written."""

    def as_expected() -> bool:
        try:
            return positions(run_queue, runs) == expected
        except AssertionError:  # not yet written
            return False

    wait_for(as_expected)


def trained(runs) -> list[int]:
    """The runs by number in the order in which they started."""
    wait_for(lambda: all(run.status().started for run in runs))
    return sorted(range(len(runs)), key=lambda number: runs[number].status().started)


# --- the rule ---------------------------------------------------------------------------------------------


def entry(session: str, number: int) -> Entry:
    return Entry(Run(Path(f"{session}{number}")), session, number)


@pytest.mark.parametrize(
    ("submitted", "training", "turns", "expected"),
    [
        ("aaa", {}, {}, "a1 a2 a3"),
        ("aaabbc", {}, {}, "a1 b4 c6 a2 b5 a3"),
        ("aab", {"a": 1}, {}, "b3 a1 a2"),
        ("aabb", {"b": 2}, {"a": 2, "b": 3}, "a1 a2 b3 b4"),
        ("abc", {}, {"a": 7, "b": 5}, "c3 b2 a1"),
    ],
)
def test_sessions_take_turns_and_each_keeps_its_own_order(submitted, training, turns, expected):
    entries = [entry(session, number) for number, session in enumerate(submitted, 1)]
    for given in (entries, entries[::-1]):
        assert " ".join(each.run.name for each in in_turns(given, training, turns)) == expected


def test_a_run_that_is_put_back_has_the_place_it_had():
    waiting = WaitingRuns()
    for name, session in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")):
        waiting.add(Run(Path("nowhere", name)), session)
    before = [each.run.name for each in waiting.order()]
    assert before == ["a1", "b1", "a2", "b2"]
    first, second = waiting.take(), waiting.take()
    assert [first.run.name, second.run.name] == ["a1", "b1"]
    for each in (second, first):
        waiting.put_back(each)
    assert [each.run.name for each in waiting.order()] == before
    waiting.put_back(waiting.take(), served=True)  # its session has had its turn: the other one is next
    assert [each.run.name for each in waiting.order()] == ["b1", "a1", "b2", "a2"]


# --- real worker processes --------------------------------------------------------------------------------


def test_ten_runs_whose_first_loses_its_worker_are_trained_in_the_order_that_is_shown(run_queue, store):
    runs = submit(run_queue, store, LONG) + submit(run_queue, store, SHORT, 9)
    wait_for(runs[0].history)
    wait_positions(run_queue, runs, [None, *range(1, 10)])
    os.kill(runs[0].status().process.pid, signal.SIGKILL)
    wait_status(runs[0], INTERRUPTED)
    for run in runs[1:]:
        wait_status(run, COMPLETED)
    assert trained(runs) == list(range(10))
    wait_positions(run_queue, runs, [None] * 10)
    assert list(store.folder.glob(".queue*")) == []


def test_a_run_whose_worker_dies_before_it_starts_is_next_again(run_queue, store):
    [worker] = wait_for(lambda: worker_processes(run_queue))
    os.kill(worker, signal.SIGSTOP)
    runs = submit(run_queue, store, SHORT, 10)
    wait_positions(run_queue, runs, [None, *range(1, 10)])
    os.kill(worker, signal.SIGKILL)
    for run in runs:
        wait_status(run, COMPLETED)
    assert trained(runs) == list(range(10))


def test_stopped_paused_and_resumed_runs_have_the_places_that_are_shown(run_queue, store):
    [first] = submit(run_queue, store, LONG)
    wait_for(first.history)
    runs = [first, *submit(run_queue, store, SHORT, 5)]
    wait_positions(run_queue, runs, [None, 1, 2, 3, 4, 5])
    run_queue.stop(runs[2])
    assert ask_to_stop(Run(runs[4].path)) == STOPPED  # as `python -m explorer stop` does
    wait_positions(run_queue, runs, [None, 1, None, 2, None, 3])
    run_queue.resume(runs[2])  # behind those that wait
    wait_positions(run_queue, runs, [None, 1, 4, 2, None, 3])
    run_queue.pause(first)
    wait_status(first, PAUSED)
    run_queue.resume(first)
    for run in (runs[1], runs[3], runs[5], runs[2]):
        wait_status(run, COMPLETED)
    wait_status(first, RUNNING)
    run_queue.stop(first)
    wait_status(first, STOPPED)
    finished = [runs[1], runs[3], runs[5], runs[2], first]
    assert trained(finished) == list(range(5))
    assert runs[4].status().started is None


def test_the_command_line_shows_the_positions(run_queue, store):
    [first] = submit(run_queue, store, LONG)
    wait_for(first.history)
    runs = [first, *submit(run_queue, store, SHORT, 2)]
    wait_positions(run_queue, runs, [None, 1, 2])
    command = [sys.executable, "-m", "explorer", "runs", "--runs", str(store.folder)]
    listed = json.loads(subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, check=True).stdout)
    assert {row["run"]: row["position"] for row in listed["runs"]} == {
        run.name: position for run, position in zip(runs, (None, 1, 2), strict=True)
    }
    table = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert "queued (1)" in table and "queued (2)" in table
    for run in runs:
        run_queue.stop(run)
    wait_status(first, STOPPED)


SERVER = """
import sys
from explorer.config import TrainingConfig
from explorer.runs.store import RunStore
from explorer.workers.cluster import Settings
from explorer.workers.run_queue import RunQueue
if __name__ == "__main__":
    store, queue = RunStore(), RunQueue(Settings(workers=1))
    for seed in range(3):
        queue.submit(store.create(TrainingConfig.from_dict({**eval(sys.argv[1]), "seed": seed})))
    sys.stdin.read()
"""


def test_after_a_killed_server_nobody_waits_until_the_runs_are_resumed_in_their_new_order(run_queue, store):
    environment = {**os.environ, "EXPLORER_RUNS": str(store.folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SERVER, str(LONG.to_dict())]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE)
    wait_for(lambda: [summary.state for summary in store.list()] == [QUEUED, QUEUED, RUNNING])
    wait_for(lambda: len(written_positions(store.folder)) == 2)
    runs = [summary.run for summary in reversed(store.list())]
    worker = runs[0].status().process.pid
    server.kill()
    server.communicate()
    os.kill(worker, signal.SIGKILL)
    for run in runs:
        wait_status(run, INTERRUPTED)
    assert positions(run_queue, runs) == [None] * 3
    for run in reversed(runs):
        run_queue.resume(run)
    wait_positions(run_queue, runs, [2, 1, None])
    for run in runs:
        run_queue.stop(run)
    for run in runs:
        wait_status(run, STOPPED)
    assert QUEUED not in {summary.state for summary in store.list()}
    RunStore(store.folder).create(SHORT)  # what the killed server left is removed by the next one that creates a run
    wait_for(lambda: list(store.folder.glob(".queue*")) == [])
