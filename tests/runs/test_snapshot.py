"""Snapshots of a run: one for all who look at it, and another one as soon as something has changed."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from made_runs import DIGITS, history, signals

from explorer.runs.notes import Annotation
from explorer.runs.run import CHECKPOINT, HISTORY, Run
from explorer.runs.snapshot import snapshot
from explorer.runs.status import INTERRUPTED, RUNNING
from explorer.work_folder import PAUSE

LONG = 1e9  # seconds for which a snapshot may be shown again


@pytest.fixture
def run(store):
    """A run that this process trains, with one epoch."""
    run = store.create(DIGITS)
    with run.locked():
        run.update(status=RUNNING)
        run.append(history(1.0)[0])
        yield run


CHANGES = {
    "an epoch": lambda run: run.append(history(1.0, 0.9)[1]),
    "signals": lambda run: run.append_signals(signals(0)),
    "a step": lambda run: run.update(step=2),
    "a checkpoint": lambda run: (run.path / CHECKPOINT).touch(),
    "a request": lambda run: run.request(PAUSE),
    "a name": lambda run: run.annotate(Annotation("named")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_has_one_snapshot_until_something_changes(run, change):
    before = snapshot(Run(run.path))
    assert snapshot(Run(run.path)) is before
    CHANGES[change](run)
    after = snapshot(Run(run.path))
    assert after is not before
    assert snapshot(Run(run.path)) is after


@pytest.mark.parametrize(("change", "at_once"), [("an epoch", False), ("a step", False), ("a name", True)])
def test_what_has_gone_on_may_be_shown_later_but_not_what_a_person_has_changed(run, change, at_once):
    before = snapshot(run, LONG)
    CHANGES[change](run)
    assert (snapshot(run, LONG) is not before) == at_once
    assert snapshot(run) is not before


def test_a_pause_and_another_state_are_shown_at_once(run):
    snapshot(run)
    run.request(PAUSE)
    assert snapshot(run, LONG).request == PAUSE
    run.end("paused", "as requested")
    assert snapshot(run, LONG).summary.state == "paused"


def test_a_run_whose_process_has_ended_is_interrupted_although_no_file_has_changed(store):
    run = store.create(DIGITS)
    with run.locked():
        run.update(status=RUNNING)
        assert snapshot(Run(run.path)).summary.state == RUNNING
    assert snapshot(Run(run.path)).summary.state == INTERRUPTED


def test_of_many_who_look_at_a_run_one_reads_it(run):
    opened, everyone = [], threading.Barrier(20)
    sys.addaudithook(lambda event, details: event == "open" and opened.append(str(details[0])))

    def look(_):
        everyone.wait()
        return snapshot(Run(run.path))

    with ThreadPoolExecutor(20) as people:
        first, *others = people.map(look, range(20))
    assert all(other is first for other in others)
    assert opened.count(str(run.path / HISTORY)) == 1
