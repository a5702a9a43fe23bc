"""How far a run is and how much longer it takes, worked out by hand."""

import pytest

from explorer.config import TrainingConfig
from explorer.runs.history import EpochRecord
from explorer.runs.progress import Outlook, duration, outlook
from explorer.runs.status import COMPLETED, RUNNING, RunStatus

CONFIG = TrainingConfig(epochs=10, patience=5)


def records(*val_losses: float, seconds: float | tuple[float, ...] = 2.0) -> list[EpochRecord]:
    times = seconds if isinstance(seconds, tuple) else (seconds,) * len(val_losses)
    pairs = zip(val_losses, times, strict=True)
    return [EpochRecord(epoch, 1.0, 0.5, loss, 0.5, 1e-3, time) for epoch, (loss, time) in enumerate(pairs, 1)]


def within(epoch: int, step: int, steps: int = 40) -> RunStatus:
    return RunStatus(RUNNING, phase="training", epoch=epoch, step=step, steps=steps)


def falling(count: int) -> list[float]:
    return [1.0 - at / 100 for at in range(count)]


@pytest.mark.parametrize("status", [RunStatus("queued"), RunStatus(RUNNING, phase="compiling", steps=40)])
def test_before_the_first_step_nothing_is_done_and_no_time_is_known(status):
    assert outlook(CONFIG, status, []) == Outlook(0.0, 1, None, None, None)


def test_within_the_first_epoch_the_fraction_moves_and_no_time_is_known_yet():
    assert outlook(CONFIG, within(epoch=1, step=20), []) == Outlook(0.05, 1, None, None, None)


def test_within_an_epoch_its_steps_count_as_their_part_of_it():
    # 2 of 10 epochs and half of the third: 7.5 are left at most, and 4.5 of the 5 that patience allows
    view = outlook(CONFIG, within(epoch=3, step=20), records(2.0, 1.0, seconds=2.0))
    assert view == Outlook(fraction=0.25, epoch=3, seconds_per_epoch=2.0, at_most=15.0, at_least=9.0)


@pytest.mark.parametrize(
    "status",
    [
        within(epoch=2, step=40),  # of the epoch that is in the record already
        within(epoch=3, step=0),
        RunStatus(RUNNING, epoch=3, step=20),  # how many steps there are is not known
    ],
)
def test_between_two_epochs_no_step_counts(status):
    view = outlook(CONFIG, status, records(2.0, 1.0, seconds=2.0))
    assert view == Outlook(fraction=0.2, epoch=3, seconds_per_epoch=2.0, at_most=16.0, at_least=10.0)


@pytest.mark.parametrize(
    ("val_losses", "at_least"),
    [
        ([3.0, 2.0, 1.0], 5),  # patience begins with the best epoch
        ([3.0, 1.0, 2.0], 4),
        ([1.0, 1.0, 1.0], 3),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 1),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 0),  # beyond it: the run went on under a longer patience
        (falling(8), 2),  # the last epoch comes first
    ],
)
def test_the_shortest_rest_is_what_patience_has_left_but_not_past_the_last_epoch(val_losses, at_least):
    done = len(val_losses)
    view = outlook(CONFIG, within(epoch=done, step=40), records(*val_losses, seconds=1.0))
    assert (view.at_least, view.at_most) == (at_least, 10 - done)


def test_patience_that_is_nearly_used_up_leaves_the_rest_of_the_epoch():
    view = outlook(CONFIG, within(epoch=6, step=30), records(1.0, 2.0, 3.0, 4.0, 5.0, seconds=4.0))
    assert view.at_least == 1.0


def test_a_run_that_early_stopping_has_completed_is_done():
    assert outlook(CONFIG, RunStatus(COMPLETED, epoch=4, step=39, steps=40), records(*falling(4))).fraction == 1.0
    assert outlook(CONFIG, RunStatus("stopped", epoch=4, step=39, steps=40), records(*falling(4))).fraction < 0.5


def test_after_the_last_epoch_all_is_done():
    view = outlook(CONFIG, RunStatus(COMPLETED, epoch=10, step=40, steps=40), records(*falling(10), seconds=3.0))
    assert view == Outlook(fraction=1.0, epoch=10, seconds_per_epoch=3.0, at_most=0.0, at_least=0.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((7.0,), 7.0),
        ((1.0, 2.0), 1.5),
        ((9.0, 1.0, 2.0), 2.0),  # one slow epoch says little
        ((100.0, 100.0, 1.0, 2.0, 3.0, 4.0, 5.0), 3.0),  # the five latest only
    ],
)
def test_seconds_per_epoch_are_the_median_of_the_latest_five(seconds, expected):
    run = records(*falling(len(seconds)), seconds=seconds)
    assert outlook(CONFIG, within(epoch=len(seconds), step=40), run).seconds_per_epoch == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.04, "0.0 s"),
        (0.8, "0.8 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (10, "10 s"),
        (42.4, "42 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (200, "3 min 20 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (7559, "2 h 05 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_a_duration_is_told_as_a_person_says_it(seconds, text):
    assert duration(seconds) == text
