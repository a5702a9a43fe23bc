"""A class of 20 browsers on one server with limits: everybody trains, sees the queue, and has a turn."""

import re

from browser import HANGS, chromium, serve, wait_for

from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore

SESSIONS = 20
PATIENCE = 2 * HANGS  # twenty pages refresh themselves beside the worker whose runs they wait for
TRAINED = re.compile(r"2 of 2")


def test_twenty_sessions_that_each_train_on_a_server_with_limits(tmp_path):
    store = RunStore(tmp_path)
    with chromium() as browser, serve(tmp_path, EXPLORER_MAX_EPOCHS="2", EXPLORER_MAX_RUNS="1") as address:
        pages = []
        for number in range(SESSIONS):
            context = browser.new_context(viewport={"width": 1280, "height": 720})  # cookies of its own
            context.set_default_timeout(1000 * PATIENCE)
            pages.append(context.new_page())
            pages[-1].goto(f"{address}/?dataset=digits&depth=1&width=10&epochs=1000&seed={number}")
            pages[-1].get_by_text("On this server, a run is limited to 2 epochs.").wait_for()
        for page in pages:
            page.get_by_role("button", name="Train", exact=True).click()
        wait_for(lambda: len(store.list()) == SESSIONS)
        sessions = set()
        for page in pages:
            page.get_by_test_id("stMetric").filter(has_text=TRAINED).wait_for()
            sessions |= {cookie["value"] for cookie in page.context.cookies() if "explorer" in cookie["name"]}
            page.context.close()  # whoever has had a turn leaves: an open page costs as much as one that waits
        wait_for(lambda: {summary.state for summary in store.list()} == {COMPLETED})
        assert sorted(summary.config.seed for summary in store.list()) == list(range(SESSIONS))
        assert {summary.config.epochs for summary in store.list()} == {2}
        assert len(sessions) == SESSIONS
