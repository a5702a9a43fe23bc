"""What the page of a run says of its place in the queue, of the time left, and of which epoch its numbers are."""

import re

import pytest
from browser import HANGS, wait_for
from drawn import app, texts
from late_writer import late_writer
from streamlit.testing.v1 import AppTest

from explorer.config import TrainingConfig
from explorer.pages import resources
from explorer.runs.history import EpochRecord
from explorer.runs.status import COMPLETED

DIGITS = TrainingConfig(dataset="digits", depth=1, width=10, epochs=100)


def bar(page: AppTest) -> str:
    """The text of the bar of a run."""
    assert not page.exception
    return page.get("progress")[0].proto.text


def test_a_waiting_run_says_where_it_stands_and_when_it_starts_at_the_latest(store):
    queue = resources.run_queue()
    assert queue.wait_until_ready(HANGS) == "ready"
    long = DIGITS.with_(epochs=10_000, patience=10_000)
    runs = [store.create(long.with_(seed=number)) for number in range(queue.slots + 2)]
    for run in runs:
        queue.submit(run)
    try:
        wait_for(lambda: runs[0].history())
        waits = [queue.expected_wait(run, lambda run: 50.0) for run in (runs[0], *runs[-2:])]
        assert waits[:2] == [None, 50.0] and waits[2] in (50.0, 100.0)  # 50 where another one is free by then
        for place, run in enumerate(runs[-2:], 1):
            page = app(run=run.name)
            time = r"([\d.]+ s|\d+ min \d\d s|\d+ h \d\d min)"
            assert re.fullmatch(f"Queued: position {place} of 2 · starts in at most about {time}", bar(page))
            assert "2 runs are waiting." in texts(page)
    finally:
        for run in runs:
            queue.stop(run)
    wait_for(lambda: not queue.length)
    assert "waiting." not in texts(app())


@pytest.mark.parametrize(
    ("patience", "left"), [(20, "about 2.0 s left if it stops improving, at most 9.7 s"), (100, "about 9.7 s left")]
)
def test_a_run_in_training_says_how_long_it_takes_at_most_and_where_it_stops_improving(store, patience, left):
    run = store.create(DIGITS.with_(patience=patience))
    with late_writer() as train:
        train(run.path, epochs=3)  # of 0.1 s each
        assert bar(app(run=run.name)) == f"Epoch 4 of 100, step 10 of 10 · learning rate 0.001 · {left}"


def test_the_large_numbers_say_of_which_epoch_they_are_and_have_the_latest_beside_them(store):
    run = store.create(DIGITS.with_(epochs=3))
    for epoch, (loss, accuracy) in enumerate([(2.0, 0.3), (1.0, 0.6), (1.5, 0.55)], 1):
        run.append(EpochRecord(epoch, 1.0, 0.5, loss, accuracy, 1e-3, 0.1))
    run.end(COMPLETED, "")
    numbers = {metric.label: (metric.value, metric.delta) for metric in app(run=run.name).metric}
    assert numbers["Val. accuracy · best, epoch 2"] == ("60.00%", "55.00% in epoch 3")
    assert numbers["Val. loss · best, epoch 2"] == ("1.0000", "1.5000 in epoch 3")
    assert numbers["Epochs"][0] == "3 of 3"
