"""Fixes tried and compared on a run's page, in a real browser with real workers."""

import pytest
from browser import wait_for
from made_runs import DIGITS
from playwright.sync_api import expect

from explorer.runs.fix_mark import read_fix_mark
from explorer.runs.status import ACTIVE, COMPLETED, PAUSED, RUNNING
from explorer.workers import worker

SIGMOID = DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform", depth=12, width=64, epochs=6)
SENTENCE = "With batch normalization before each activation:"


@pytest.fixture
def page(lasting_page):
    return lasting_page


@pytest.fixture(scope="module")
def origin(server):
    run = server[1].create(SIGMOID)
    worker.execute(run)
    return run


def press(page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def tries(store) -> dict:
    """The runs that try fixes, by what they try."""
    marks = {summary.name: read_fix_mark(str(summary.run.path)) for summary in store.list()}
    return {frozenset(marks[s.name].change): s for s in store.list() if marks[s.name]}


def test_a_fix_is_tried_at_once_and_its_result_is_there_after_a_reload(page, server, origin):
    address, store = server
    page.goto(f"{address}?run={origin.name}")
    page.get_by_text("untried").first.wait_for()
    press(page, "Try the fix")
    page.get_by_text(SENTENCE).first.wait_for()
    [run] = tries(store).values()
    assert run.config == SIGMOID.with_(batch_norm="before_activation") and run.state == COMPLETED
    before, after = (records[-1].val_accuracy for records in (origin.history(), run.records))
    result = f"{SENTENCE} {after:.2%} instead of {before:.2%} after 6 epochs (same start, seed 1)."
    page.get_by_text(result).first.wait_for()
    page.reload()
    page.get_by_text(result).first.wait_for()
    page.get_by_text("with the change").first.wait_for()  # the legend of both curves
    assert origin.name in page.url
    expect(page.get_by_text("untried")).to_have_count(0)


def test_all_fixes_are_compared_then_the_best_two_and_the_winner_goes_into_the_sidebar(page, server, origin):
    address, store = server
    page.goto(f"{address}?run={origin.name}")
    press(page, "Compare all fixes")
    page.get_by_text("on the same 360 validation images").wait_for()
    wait_for(lambda: len(tries(store)) == 4)
    page.get_by_role("button", name="Use activation").wait_for()
    found = tries(store)
    assert set(found) >= {
        frozenset({"batch_norm"}),
        frozenset({"kernel_initializer"}),
        frozenset({"activation", "kernel_initializer"}),
    }
    best = max(found.values(), key=lambda summary: summary.records[-1].val_accuracy)
    assert best.config.activation == "elu" and best.records[-1].val_accuracy > 0.8
    press(page, "Use activation ELU")
    # the address leaves defaults out, and ELU is one
    wait_for(lambda: "depth=12" in (address := page.evaluate("location.search")) and "activation=" not in address)
    expect(page.get_by_role("combobox", name="Activation")).to_have_value("ELU")


def test_a_run_in_training_makes_room_for_its_fix_and_can_be_resumed(page, server):
    """Plain gradient descent on raw pixels: a problem within an epoch, of a run that would go on for hours."""
    address, store = server
    page.goto(
        f"{address}?dataset=digits&activation=sigmoid&kernel_initializer=glorot_uniform&depth=12&width=64"
        "&input_scaling=standardized&learning_rate=0.001&epochs=10000&patience=10000"
    )
    press(page, "Train")
    page.get_by_text("untried").first.wait_for()
    run = next(summary for summary in store.list() if summary.config.epochs == 10_000)
    assert run.state == RUNNING
    press(page, "Try the fix")
    wait_for(lambda: any(s.config.epochs == 10 and s.state not in ACTIVE for s in store.list()))
    page.get_by_text(SENTENCE).first.wait_for()
    assert next(summary for summary in store.list() if summary.name == run.name).state == PAUSED
    page.get_by_role("button", name="Resume").first.wait_for()
