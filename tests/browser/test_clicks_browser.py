"""One click, one run: single and double clicks on busy pages that refresh themselves, with settings typed before."""

import re

import pytest
from browser import HANGS, serve, wait_for

from explorer.runs.status import FAILED, INTERRUPTED, STOPPED
from explorer.runs.store import RunStore

# one image per step, so that it trains for far longer than the tests take
LONG = "?dataset=digits&depth=2&width=50&batch_size=1&epochs=10000&patience=10000"
SHORT = "?dataset=digits&depth=1&width=10&epochs=1"
CLICKS, DOUBLE_CLICKS = 50, 10
# a page so slow that its timer ends between a click and the message of that click
SLOW = "(() => { const real = window.setTimeout; window.setTimeout = (f, ms, ...a) => real(f, ms || 900, ...a); })()"


@pytest.fixture
def server(tmp_path):
    with serve(tmp_path) as address:
        yield address, RunStore(tmp_path)


def open_page(browser, address: str, script: str = ""):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(1000 * HANGS)
    page = context.new_page()
    if script:
        page.add_init_script(script)
    page.goto(address)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    train_button(page).wait_for()
    return page


def train_button(page):
    return page.get_by_role("button", name="Train", exact=True)


def type_rate(page, rate: float) -> None:
    page.get_by_label("Learning rate, exact value").fill(f"{rate:g}")


def rates(store) -> list[float]:
    """The learning rates of all runs but the one that keeps the pages busy, oldest first."""
    return [summary.config.learning_rate for summary in reversed(store.list()) if summary.config.epochs == 1]


def test_single_and_double_clicks_on_busy_pages_make_one_run_each_with_the_settings_as_typed(browser, server):
    address, store = server
    train_button(open_page(browser, address + LONG)).click()
    wait_for(lambda: [summary.state for summary in store.list()] == ["running"])
    open_page(browser, f"{address}/?run={store.list()[0].name}")

    page = open_page(browser, address + SHORT)
    typed = []
    for number in range(1, CLICKS + DOUBLE_CLICKS + 1):
        typed.append(number / 1000)
        type_rate(page, typed[-1])
        train_button(page).click(click_count=1 + (number > CLICKS))
        wait_for(lambda: len(rates(store)) >= len(typed))
        page.wait_for_url(re.compile(f"run={store.list()[0].name}"))  # whoever types the next one sees this one's page
    assert rates(store) == typed
    assert not {summary.state for summary in store.list()} & {STOPPED, FAILED, INTERRUPTED}


def test_a_click_that_is_also_sent_with_a_timer_makes_one_run(browser, server):
    address, store = server
    page = open_page(browser, address + LONG, SLOW)
    train_button(page).click()
    wait_for(lambda: [summary.state for summary in store.list()] == ["running"])
    page.get_by_role("button", name="Stop").wait_for()  # from now on, the page refreshes itself twice per second
    type_rate(page, 0.002)
    train_button(page).click()
    wait_for(lambda: len(store.list()) > 1)
    page.get_by_text("Queued: position 1").wait_for()
    assert len(store.list()) == 2
    assert store.list()[0].config.learning_rate == 0.002
