"""Measures what a person at the page waits for: `PYTHONPATH=.:tests/support .venv/bin/python tests/page_speed.py`.

A fresh server, a real Chromium; seconds from the server's start to the page (from the command, and from the server's
first answer), and from the click on Train to the first point of the charts: of a shape that nobody has compiled yet,
then of the same shape with another seed. Then what a page that is open costs while a run trains: seconds of the
processor a second, of the server and of the browser. At last what choosing a model and a filter takes on the Evaluate
page, what a changed setting and the learning-rate finder take before training, and how soon a sweep is stopped.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from browser import ROOT, chromium, epochs_shown, serve, wait_for, wait_to_see

from explorer.data import datasets
from explorer.presets import PRESETS
from explorer.runs.store import RunStore

SHAPE = "depth=20&width=100"
WATCHED = 20  # seconds
SWEEP = """
trials = 4
epochs = 10000
[settings]
dataset = "digits"
patience = 10000
[space]
depth = [2, 3, 4, 5]
"""


def main() -> None:
    """Prints one line a measurement."""
    with chromium() as browser, tempfile.TemporaryDirectory() as runs:
        page = browser.new_page(viewport={"width": 1280, "height": 980})
        page.set_default_timeout(60_000)
        page.goto("about:blank")
        started = time.perf_counter()
        with serve(Path(runs)) as address:
            answers = time.perf_counter()
            page.goto(f"{address}?dataset=digits&depth=1&width=10")
            wait_to_see(page.get_by_role("button", name="Train", exact=True))
            there = time.perf_counter()
            print(f"page: {there - answers:.1f} s after the server answers, {there - started:.1f} s after the command")
            store = RunStore(Path(runs))
            first_point(page, f"{address}?dataset=digits&depth=1&width=10", store)  # now the workers are up
            for name in filter(datasets.available, datasets.DATASETS):
                for seed, kind in ((1, "not compiled yet"), (2, "compiled")):
                    waited = first_point(page, f"{address}?dataset={name}&{SHAPE}&seed={seed}", store)
                    print(f"{name}, {kind}: first point {waited:.1f} s after the click", flush=True)
            first_point(page, f"{address}?dataset=digits&{SHAPE}&epochs=10000&patience=10000", store, stop=False)
            server, *browsers = processes()
            before, started = (seconds(server), seconds(*browsers)), time.perf_counter()
            time.sleep(WATCHED)
            passed = time.perf_counter() - started
            costs = (f"{(now - then) / passed:.2f}" for now, then in
                     zip((seconds(server), seconds(*browsers)), before, strict=True))  # fmt: skip
            print("an open page costs {} of a core in the server and {} in the browser".format(*costs), flush=True)
            page.get_by_role("button", name="Stop", exact=True).click()
            wait_for(lambda: store.list()[0].state == "stopped", 30)
            for name in PRESETS:
                shutil.copytree(ROOT / "models" / name, Path(runs) / name)
            evaluating(page, address)
            if datasets.available("cifar10"):
                before_training(page, address)
            sweeping(page, address, Path(runs))


def evaluating(page, address: str) -> None:
    """Chooses models and filters on the Evaluate page; tells the seconds until what follows is drawn."""

    def timed(words: str, label: str, option: str, shown: str) -> None:
        page.get_by_role("combobox", name=label).click()
        chosen = page.get_by_role("option", name=re.compile(rf"^{option}\b"))
        chosen.wait_for()
        started = time.perf_counter()
        chosen.click()
        wait_to_see(page.get_by_text(re.compile(shown)))
        print(f"Evaluate, {words}: {time.perf_counter() - started:.2f} s", flush=True)

    page.goto(f"{address}/evaluate?model=elu")
    page.get_by_text("500,210 parameters").wait_for()
    timed("a model not seen before", "Model", "bn", "^bn .*520,498 parameters")
    timed("another one", "Model", "selu", "^selu .*500,210 parameters")
    timed("a model seen before", "Model", "bn", "^bn .*520,498 parameters")
    timed("a filter", "True class", "cat", "^709 images")
    timed("another filter", "Predicted class", "dog", "^209 images")


def before_training(page, address: str) -> None:
    """Changes a setting while signal propagation is shown, then runs the learning-rate finder, on 20 ELU layers."""
    page.goto(f"{address}?dataset=cifar10&{SHAPE}")
    page.get_by_role("radio", name="Before training").click()
    page.get_by_text("untrained network; seed 1.").wait_for()
    page.get_by_text("More settings").click()
    seed = page.get_by_label("Seed", exact=True)
    for number in range(2, 7):
        seed.fill(str(number))
        started = time.perf_counter()
        seed.press("Enter")
        wait_to_see(page.get_by_text(f"untrained network; seed {number}."))
        print(f"before training, a setting changed: {time.perf_counter() - started:.2f} s", flush=True)
    page.get_by_role("radio", name="Learning-rate finder").click()
    for kind in ("not compiled yet", "compiled"):
        started = time.perf_counter()
        page.get_by_role("button", name="Find a learning rate").click()
        page.get_by_role("button", name="Use learning rate").wait_for(state="detached")
        wait_to_see(page.get_by_role("button", name="Use learning rate"))
        print(f"learning-rate finder, {kind}: {time.perf_counter() - started:.1f} s", flush=True)


def sweeping(page, address: str, runs: Path) -> None:
    """Stops a sweep with two trials running."""
    file = runs.parent / f"{runs.name}.toml"
    file.write_text(SWEEP)
    driver = subprocess.Popen([sys.executable, "-m", "explorer", "sweep", file, "--workers", "2", "--runs", runs])
    store = RunStore(runs)
    wait_for(lambda: sum(run.state == "running" and run.outline.epochs > 0 for run in store.list()) == 2)
    page.goto(f"{address}/sweep?study={file.stem}")
    stop = page.get_by_role("button", name="Stop", exact=True)
    stop.wait_for()
    started = time.perf_counter()
    stop.click()
    wait_to_see(page.get_by_role("button", name="Resume"))
    print(f"sweep: stopped {time.perf_counter() - started:.1f} s after the click", flush=True)
    driver.wait()
    file.unlink()


def processes() -> list[psutil.Process]:
    """The server's process, and those of the browser."""
    children = psutil.Process().children(recursive=True)
    server = next(p for p in psutil.Process().children() if "streamlit" in " ".join(p.cmdline()))
    return [server, *(p for p in children if "chrom" in p.name())]


def seconds(*found: psutil.Process) -> float:
    """What some processes have used of the processor."""
    return sum(sum(p.cpu_times()[:2]) for p in found if p.is_running())


def first_point(page, address: str, store: RunStore, stop: bool = True) -> float:
    """Seconds from the click on Train to the first point; stops the run after that, if wanted."""
    before = len(store.list())
    page.goto(address)
    button = page.get_by_role("button", name="Train", exact=True)
    button.wait_for()
    clicked = time.perf_counter()
    button.click()
    wait_for(lambda: len(store.list()) > before)
    wait_for(lambda: page.get_by_test_id("stVegaLiteChart").count() >= 2 and epochs_shown(page) >= 1, 120)
    waited = time.perf_counter() - clicked
    if stop:
        page.get_by_role("button", name="Stop", exact=True).click()
        wait_for(lambda: store.list()[0].state == "stopped", 30)
    return waited


if __name__ == "__main__":
    main()
