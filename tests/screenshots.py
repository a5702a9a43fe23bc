"""Makes the README's pictures from a live run: `.venv/bin/python tests/screenshots.py`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from browser import ROOT, chromium, epochs_shown, serve, wait_for

FOLDER = Path(__file__).parent / "screenshots"
EPOCHS = 12


def main() -> None:
    """Trains the SELU preset on CIFAR-10 and takes the page's picture while it does."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as runs, serve(Path(runs)) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 980})
        page.goto(f"{address}?dataset=cifar10")
        page.get_by_role("button", name="SELU", exact=True).click()
        page.get_by_text("20 hidden layers of 100 units, selu").wait_for()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_test_id("stMetric").first.wait_for()
        page.mouse.move(640, 5)
        wait_for(lambda: epochs_shown(page) >= EPOCHS, 300)
        page.screenshot(path=FOLDER / "train.png")
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Resume").wait_for()


def sweep() -> None:
    """Drives a sweep on digits to its end and takes the picture of its page."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as runs:
        file = Path(runs) / "rates and depths.toml"
        file.write_text(SWEEP, encoding="utf-8")
        command = [sys.executable, "-m", "explorer", "sweep", str(file), "--workers", "2", "--runs", runs]
        subprocess.run(command, cwd=ROOT, check=True)
        with serve(Path(runs)) as address, chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 1180})
            page.goto(f"{address}/sweep?study=rates%20and%20depths")
            wait_for(lambda: page.get_by_test_id("stVegaLiteChart").count() >= 6, 60)
            page.wait_for_timeout(2000)
            page.screenshot(path=FOLDER / "sweep.png")


SWEEP = """
sampler = "tpe"
pruner = "median"
trials = 24
epochs = 12
[settings]
dataset = "digits"
width = 32
[space]
activation = ["elu", "selu", "relu"]
depth = { low = 1, high = 8 }
learning_rate = { low = 1e-4, high = 1e-1, log = true }
[[condition]]
when = { activation = "selu" }
then = { kernel_initializer = ["lecun_normal", "lecun_uniform"] }
"""


if __name__ == "__main__":
    main()
    sweep()
