"""The pace of live pages: two redraws per second for a few, fewer the more there is to redraw."""

import pytest

from explorer.pages.run.pace import FORGOTTEN, MOST, SECONDS, SHARE, Pace

COST = 0.019  # seconds of a redraw


def watched(watchers: int, cost: float = COST, every: float = SECONDS[0]) -> Pace:
    """The pace of a server on which so many look at a live run, as of time 0."""
    pace = Pace()
    for number in range(watchers):
        pace.took((str(number), "view"), cost, 0.0, every)
    return pace


@pytest.mark.parametrize("watchers", [0, 1, 5, 20, 40, 100, 200])
def test_all_redraws_together_take_their_share_at_most(watchers):
    seconds = watched(watchers).seconds(0.0)
    assert watchers * COST / seconds <= SHARE
    slower = [step for step in SECONDS if step < seconds]
    assert all(watchers * COST / step > SHARE for step in slower), "it is no slower than it has to be"


def test_a_few_are_redrawn_twice_per_second_and_thousands_at_the_slowest_pace():
    assert watched(5).seconds(0.0) == SECONDS[0]
    assert watched(10_000).seconds(0.0) == SECONDS[-1]


def test_a_pace_becomes_faster_only_where_there_is_room_for_it():
    assert watched(10).seconds(0.0) == 1.0
    assert watched(10).seconds(0.0, current=2.0) == 2.0
    assert watched(10).seconds(0.0, current=4.0) == 1.0


def test_a_page_that_was_closed_is_forgotten():
    pace = watched(100, every=2.0)
    assert pace.seconds(2.0 + FORGOTTEN - 0.1) > 1.0
    assert pace.seconds(2.0 + FORGOTTEN + 0.1) == SECONDS[0]


def test_a_part_that_is_redrawn_again_counts_once_and_the_first_drawing_does_not_slow_all_down():
    pace = Pace()
    for _ in range(100):
        pace.took(("one", "view"), 2.0, 0.0, SECONDS[0])  # it imports what draws charts
    assert SECONDS[0] >= MOST / SHARE
    assert pace.seconds(0.0) == SECONDS[0]
