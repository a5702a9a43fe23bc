"""Each data set by one click on the page: downloaded from its real sources, trained for two epochs and evaluated.

`PYTHONPATH=.:tests/support .venv/bin/python tests/campaigns/downloads.py [NAME …]`, all by default. It prints what
happened to each; for one whose sources cannot be reached here, the page's message.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

from browser import HANGS, chromium, serve, wait_for

from explorer.data import datasets

NETWORK = "depth=2&width=50&epochs=2&input_scaling=standardized&learning_rate=0.001"


def try_out(page, address: str, name: str) -> str:
    """What happened to a data set, in words."""
    started = time.monotonic()
    page.goto(f"{address}/?dataset={name}&{NETWORK}")
    train = page.get_by_role("button", name="Train", exact=True)
    train.wait_for()
    downloaded = ""
    if not train.is_enabled():
        page.get_by_role("button", name=re.compile("^Download ")).first.click()
        failed = page.get_by_text("could not be downloaded")
        wait_for(lambda: train.is_enabled() or failed.count())
        if not train.is_enabled():
            return page.get_by_test_id("stAlert").first.inner_text()
        downloaded = f"downloaded in {time.monotonic() - started:.0f} s, "
    train.click()
    page.get_by_text("Trained for 2 epochs").wait_for()
    page.get_by_role("link", name="Evaluate its model").click()
    page.get_by_text(re.compile("validation (images|points|rows) of")).first.wait_for()
    accuracy = page.get_by_test_id("stMetric").filter(has_text="Accuracy").first
    accuracy.wait_for()
    return f"{downloaded}trained and evaluated: {' '.join(accuracy.inner_text().split())}"


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        places = {"EXPLORER_DATA": f"{folder}/data", "KERAS_HOME": f"{folder}/keras"}
        with serve(Path(folder) / "runs", **places) as address:
            for name in names:
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                page.set_default_timeout(1000 * HANGS)
                print(f"{name}: {try_out(page, address, name)}", flush=True)
                page.context.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(datasets.BUILT_IN))
