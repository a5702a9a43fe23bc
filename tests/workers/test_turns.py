"""Many people on one server: sessions take turns, and what its operator limits is limited."""

import subprocess

import pytest
from browser import start_server, wait_for
from worker_processes import wait_status

from explorer.config import TrainingConfig
from explorer.errors import FieldError, InputError
from explorer.runs.cause import Cause
from explorer.runs.fix_mark import FixMark
from explorer.runs.status import COMPLETED, PAUSED, QUEUED, RUNNING, STOPPED
from explorer.workers.cluster import Settings
from explorer.workers.limits import Limits
from explorer.workers.run_queue import RunQueue
from explorer.workers.turns import NEXT_TURN, expected_wait

SHORT = TrainingConfig(dataset="digits", depth=1, width=10, epochs=1)
LONG = SHORT.with_(epochs=10_000, patience=10_000)


@pytest.fixture(scope="module")
def run_queue():
    started = RunQueue(Settings(workers=1), Limits(minutes=60, runs=2), turn_seconds=0.1)
    assert started.wait_until_ready(120) == "ready", started.message
    yield started
    started.close()


def submit(run_queue, store, config, session):
    return run_queue.submit_once(config, lambda: store.create(config), session)


def losses(run) -> list[tuple]:
    return [(r.epoch, r.loss, r.accuracy, r.val_loss, r.val_accuracy) for r in run.history()]


def test_a_long_run_makes_room_for_another_session_and_ends_as_if_it_had_not(run_queue, store):
    config = SHORT.with_(epochs=300, patience=300, learning_rate=1e-3)
    alone = submit(run_queue, store, config, "one")
    wait_status(alone, COMPLETED)
    long = submit(run_queue, store, config, "one")
    wait_for(long.history)
    own = submit(run_queue, store, SHORT.with_(seed=3), "one")  # it waits for the long one: a session's own order holds
    others = [submit(run_queue, store, SHORT.with_(seed=seed), "another") for seed in (1, 2)]
    for run in others:
        wait_status(run, COMPLETED)
        assert own.status().started is None
    wait_status(long, COMPLETED)
    wait_status(own, COMPLETED)
    assert others[0].status().started < long.status().started  # its last turn began after theirs
    assert losses(long) == losses(alone)


def test_a_run_that_tries_a_fix_is_no_other_run_of_the_same_settings(run_queue, store):
    mark = FixMark("origin", {"epochs": LONG.epochs})
    plain = submit(run_queue, store, LONG, "fixing")
    tries = [
        run_queue.submit_once(LONG, lambda: store.create(LONG, fix=mark), "fixing", FixMark(mark.origin, mark.change))
        for _ in range(2)
    ]
    assert tries[0] is tries[1] and tries[0].name != plain.name
    assert submit(run_queue, store, LONG, "fixing").name == plain.name
    for run in (plain, tries[0]):
        run_queue.stop(run)
        wait_status(run, STOPPED)


def test_a_person_who_pauses_or_stops_a_run_whose_turn_ends_has_it_paused_or_stopped(run_queue, store):
    for session, ask, state in (("one", run_queue.pause, PAUSED), ("two", run_queue.stop, STOPPED)):
        run = submit(run_queue, store, LONG, session)
        wait_for(run.history)
        other = submit(run_queue, store, LONG.with_(seed=5), "another")
        ask(run)
        wait_for(lambda run=run, state=state: run.status().status in (state, QUEUED))
        if run.status().status == QUEUED:  # its turn had ended already, and says so
            assert run.status().reason == NEXT_TURN
            run_queue.stop(run)
        run_queue.stop(other)
        wait_for(lambda other=other: other.status().status == STOPPED)


def test_a_second_request_of_a_session_for_the_same_run_gives_the_first(run_queue, store):
    first = submit(run_queue, store, LONG, "one")
    assert submit(run_queue, store, LONG, "one").name == first.name
    other = submit(run_queue, store, LONG, "another")
    assert other.name != first.name
    second = submit(run_queue, store, LONG.with_(seed=2), "one")
    with pytest.raises(InputError, match="you already have 2 queued or running runs, the maximum"):
        submit(run_queue, store, LONG.with_(seed=3), "one")
    fix = FixMark(first.name, {"width": 20})
    with pytest.raises(
        InputError, match=f"the maximum on this server; pause '{first.name}', try its fix, then resume it"
    ):
        run_queue.submit_once(LONG.with_(width=20), lambda: pytest.fail("it was created"), "one", fix)
    assert len(store.list()) == 3
    for run in (second, other, first):
        run_queue.stop(run)
    for run in (second, other, first):
        wait_status(run, STOPPED)


def test_a_run_is_stopped_after_the_minutes_that_it_may_train(run_queue, store):
    shorter = RunQueue(Settings(workers=1), Limits(minutes=0.005, epochs=50_000))
    run = store.create(LONG)
    shorter.submit(run)
    wait_for(lambda: run.status().cause == Cause.TIME_LIMIT)
    assert run.status().status == STOPPED and "it has trained for 0.005 minutes" in run.status().reason
    with pytest.raises(InputError, match=r"has trained for 0\.005 minutes, the limit for a run on this server"):
        shorter.resume(run)
    shorter.close()
    run_queue.resume(run)  # on a server that allows more
    wait_status(run, RUNNING)
    run_queue.stop(run)
    wait_status(run, STOPPED)
    with pytest.raises(InputError, match="has 10,000 epochs; on this server, a run is limited to 100"):
        Limits(epochs=100).check_run(run)


@pytest.mark.parametrize(
    ("busy", "ahead", "workers", "expected"),
    [([], [], 1, 0), ([5], [], 1, 5), ([5], [2, 3], 1, 10), ([5, 1], [2, 3], 2, 5), ([5], [], 2, 0), ([], [1], 0, 1)],
)
def test_the_expected_wait_is_the_time_until_a_worker_is_free(busy, ahead, workers, expected):
    assert expected_wait(busy, ahead, workers) == expected


def test_limits_come_from_the_environment_and_cap_epochs(monkeypatch):
    for name in ("EPOCHS", "MINUTES", "RUNS"):
        monkeypatch.delenv(f"EXPLORER_MAX_{name}", raising=False)
    assert Limits.from_environment() == Limits()
    assert Limits().capped(LONG) == LONG
    for name, value in (("EPOCHS", "20"), ("MINUTES", "1.5"), ("RUNS", "3")):
        monkeypatch.setenv(f"EXPLORER_MAX_{name}", value)
    assert Limits.from_environment() == Limits(20, 1.5, 3)
    assert Limits.from_environment().capped(LONG) == LONG.with_(epochs=20)
    assert Limits.from_environment().capped(SHORT) == SHORT
    for name in ("EPOCHS", "MINUTES", "RUNS"):
        for bad in ("0", "-1", "many", "nan", "inf"):
            with monkeypatch.context() as changed, pytest.raises(FieldError, match=f"EXPLORER_MAX_{name}: '{bad}'"):
                changed.setenv(f"EXPLORER_MAX_{name}", bad)
                Limits.from_environment()


def test_a_server_with_a_bad_limit_ends_with_one_sentence(tmp_path):
    server = start_server(tmp_path, stderr=subprocess.PIPE, EXPLORER_MAX_MINUTES="soon")
    try:
        _, said = server.process.communicate(timeout=600)
    finally:
        server.end(15)
    assert server.process.returncode == 2
    assert [line for line in said.splitlines() if "EXPLORER" in line or "Traceback" in line] == [
        "explorer: EXPLORER_MAX_MINUTES: 'soon' is not allowed; it must be a number above 0, at most 1,000,000"
    ]
