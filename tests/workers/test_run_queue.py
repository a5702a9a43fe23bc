"""The run queue with real worker processes: queue, death, memory, recycling."""

import os
import signal

import psutil
import pytest
from browser import wait_for
from worker_processes import compiled, wait_status, worker_processes

from explorer.config import TrainingConfig
from explorer.errors import FieldError, InputError
from explorer.process import Process
from explorer.runs.cause import Cause
from explorer.runs.status import COMPLETED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED
from explorer.workers.cluster import Settings
from explorer.workers.lost_runs import LostRuns
from explorer.workers.run_control import queue_again, settle_orphans
from explorer.workers.run_queue import RunQueue
from explorer.workers.waiting import Entry, WaitingRuns

LONG = TrainingConfig(dataset="digits", depth=2, width=20, epochs=10_000, patience=10_000)
SHORT = LONG.with_(epochs=2)


def submit(run_queue, store, config):
    run = store.create(config)
    run_queue.submit(run)
    return run


def test_one_at_a_time_in_order_with_positions(run_queue, store):
    first, second, third = (submit(run_queue, store, LONG.with_(seed=seed)) for seed in (1, 2, 3))
    wait_status(first, RUNNING)
    assert (second.status().status, third.status().status) == (QUEUED, QUEUED)
    assert [run_queue.position(run) for run in (first, second, third)] == [None, 1, 2]
    run_queue.stop(second)
    assert (second.status().status, second.status().cause) == (STOPPED, Cause.STOPPED_BY_REQUEST)
    run_queue.stop(first)
    wait_status(first, STOPPED)
    wait_status(third, RUNNING)
    run_queue.stop(third)
    wait_status(third, STOPPED)


def test_workers_are_forks_of_a_process_of_one_thread(run_queue):
    """Another thread's locks would stay locked in a fork for good."""
    [worker] = worker_processes(run_queue)
    forked_from = psutil.Process(worker).parent()
    assert forked_from.pid != os.getpid()
    assert forked_from.num_threads() == 1
    assert any("libtensorflow" in mapped.path for mapped in forked_from.memory_maps())


def test_killed_worker_costs_its_run_a_status_and_the_queue_goes_on(run_queue, store):
    victim, waiting = submit(run_queue, store, LONG), submit(run_queue, store, SHORT)
    wait_for(lambda: len(victim.history()) > 2)
    os.kill(victim.status().process.pid, signal.SIGKILL)
    wait_status(victim, INTERRUPTED)
    wait_for(lambda: "its worker process died" in victim.written_status().reason)
    assert victim.status().cause == Cause.PROCESS_ENDED
    wait_status(waiting, COMPLETED)
    before = len(victim.history())
    run_queue.resume(victim)
    wait_for(lambda: len(victim.history()) > before)
    run_queue.stop(victim)
    wait_status(victim, STOPPED)
    assert [r.epoch for r in victim.history()] == list(range(1, len(victim.history()) + 1))


def test_pause_frees_the_worker_for_another_run(run_queue, store):
    paused = submit(run_queue, store, LONG)
    wait_for(paused.history)
    run_queue.pause(paused)
    wait_status(paused, PAUSED)
    assert paused.status().cause == Cause.PAUSED_BY_REQUEST
    other = submit(run_queue, store, SHORT)
    wait_status(other, COMPLETED)
    run_queue.resume(paused)
    with pytest.raises(InputError, match=r"can be resumed|in use"):
        run_queue.resume(paused)
    wait_status(paused, RUNNING)
    assert paused.status().cause is None
    run_queue.stop(paused)
    wait_status(paused, STOPPED)


def test_worker_over_its_memory_limit_is_told_as_such(store):
    run_queue = RunQueue(Settings(workers=1, memory_limit=1_200_000_000))
    assert run_queue.wait_until_ready(60) == "ready", run_queue.message
    run = submit(run_queue, store, LONG.with_(depth=30, width=2048))
    wait_status(run, INTERRUPTED)
    wait_for(lambda: "memory limit" in run.status().reason)
    assert run.status().cause == Cause.MEMORY_LIMIT
    run_queue.close()


@pytest.mark.parametrize("first", ["the event", "the death"])
def test_the_memory_limit_is_told_whichever_news_comes_first(store, first):
    """Dask's event has a connection of its own, which on a busy machine is slower than the end of the process."""
    run, lost = store.create(LONG), LostRuns(WaitingRuns())
    process = ended_process(run)
    news = [lambda: lost.note_memory((0.0, {"pid": process, "rss": 1_300_000_000})), lambda: lost.settle(entry_of(run))]
    for tell in news if first == "the event" else reversed(news):
        tell()
    assert (run.status().status, run.status().cause) == (INTERRUPTED, Cause.MEMORY_LIMIT)
    assert run.status().reason == "its worker was ended at the memory limit, with 1.3 GB in use"


def test_late_news_of_the_memory_limit_leaves_a_resumed_run_alone(store):
    run, lost = store.create(LONG), LostRuns(WaitingRuns())
    process = ended_process(run)
    lost.settle(entry_of(run))
    queue_again(run)
    lost.note_memory((0.0, {"pid": process, "rss": 1_300_000_000}))
    assert run.status().status == QUEUED


def entry_of(run):
    return Entry(run, "", 1)


def ended_process(run):
    """The number of a process that trained a run and has ended."""
    child = os.fork()
    if child == 0:
        run.update(status=RUNNING, process=Process.current())
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_a_process_is_recycled_after_its_runs(run_queue, store):
    [before] = worker_processes(run_queue)
    run_queue._client.run(_recycle_after, 1)
    run = submit(run_queue, store, SHORT)
    wait_status(run, COMPLETED)
    wait_for(lambda: worker_processes(run_queue) not in ([], [before]))
    again = submit(run_queue, store, SHORT.with_(seed=2))
    wait_status(again, COMPLETED)


def test_a_process_is_recycled_also_when_it_has_only_compiled_ahead(run_queue, store):
    [before] = worker_processes(run_queue)
    run_queue._client.run(_recycle_after, 2)
    run_queue.prepare([SHORT.with_(width=37)])
    wait_for(lambda: 37 in widths(run_queue))
    assert worker_processes(run_queue) == [before]
    run_queue.prepare([SHORT.with_(width=38)])
    wait_for(lambda: worker_processes(run_queue) not in ([], [before]))
    run = submit(run_queue, store, SHORT)
    wait_status(run, COMPLETED)


def _recycle_after(networks: int) -> None:
    from explorer.workers import worker_process

    worker_process.THIS._networks = 0
    worker_process.NETWORKS_PER_PROCESS = networks


def test_orphans_of_a_dead_server_are_settled(store):
    """A run whose process is gone is interrupted for every reader, and written down as such."""
    run = store.create(LONG)
    ended_process(run)
    assert run.status().status == INTERRUPTED
    settle_orphans(store)
    assert '"interrupted"' in (run.path / "status.json").read_text()
    assert '"cause": "process_ended"' in (run.path / "status.json").read_text()


def test_settings_name_what_is_allowed(monkeypatch):
    for bad in ("0", "many", "-1", "10000"):
        monkeypatch.setenv("EXPLORER_WORKERS", bad)
        with pytest.raises(FieldError, match="EXPLORER_WORKERS"):
            Settings.from_environment()


def test_a_run_queue_that_cannot_start_says_why():
    run_queue = RunQueue(Settings(scheduler="tcp://localhost:1"))
    assert run_queue.wait_until_ready(60) == "broken"
    assert run_queue.message


def test_ahead_of_time_compilation_is_used_by_the_run(run_queue, store):
    config = SHORT.with_(depth=3, width=33)
    run_queue.prepare([config])
    wait_for(lambda: 33 in widths(run_queue))
    run = submit(run_queue, store, config)
    wait_status(run, COMPLETED)
    assert run.status().compile_seconds == 0.0


def widths(run_queue) -> list[int]:
    return [shape["width"] for shape in compiled(run_queue)]


def test_what_is_likely_to_be_trained_is_compiled_in_its_order_and_a_newer_wish_counts(run_queue):
    first, second, newer = (SHORT.with_(width=width) for width in (34, 35, 36))
    run_queue.prepare([newer])
    run_queue.prepare([first, second])
    wait_for(lambda: 35 in widths(run_queue))
    assert [width for width in widths(run_queue) if width in (34, 35, 36)] == [34, 35]


def test_a_queued_run_waits_for_a_run_queue_that_starts(store):
    run_queue = RunQueue(Settings(workers=1))
    run = submit(run_queue, store, SHORT)
    wait_status(run, COMPLETED)
    assert len(run.history()) == 2
    run_queue.close()
