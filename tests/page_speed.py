"""Measures what a person at the page waits for: `PYTHONPATH=.:tests/support .venv/bin/python tests/page_speed.py`.

A fresh server, a real Chromium; most waits are measured ten times. Seconds from the server's first answer to the page;
from the click on Train to the first point of the charts, of a shape that nobody has compiled yet and of the same shape
with another seed; in turns from the clicks on Try the fix and on Train to the first point of like networks. Then what a
page that is open costs while a run trains: seconds of the processor a second, of the server and of the browser. At last
what choosing a model and a filter takes on the Evaluate page, what a changed setting and the learning-rate finder take
before training, and how soon a sweep is stopped. Each line ends with what a fixed program takes then, by which machines
can be compared. What this machine has compiled before is not used.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import psutil
from browser import ROOT, chromium, epochs_shown, serve, wait_for, wait_to_see

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.presets import PRESETS
from explorer.runs.store import RunStore
from explorer.workers import worker

TURNS = 10
WATCHED = 20  # seconds
SMALL = "dataset=digits&depth=1&width=10"
# the first of its fixes adds batch normalization: a shape that is not compiled yet
SIGMOID = TrainingConfig(
    dataset="digits", activation="sigmoid", kernel_initializer="glorot_uniform", depth=12, input_scaling="standardized",
    learning_rate=1e-3, epochs=6,
)  # fmt: skip
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
    """Prints one line per wait."""
    with chromium() as browser, tempfile.TemporaryDirectory() as runs, tempfile.TemporaryDirectory() as programs:
        os.environ["EXPLORER_CACHE"] = programs
        page = browser.new_page(viewport={"width": 1280, "height": 980})
        page.set_default_timeout(60_000)
        tell("page, after the server answers", [opening(page, Path(runs)) for _ in range(TURNS)])
        with serve(Path(runs)) as address:
            store = RunStore(Path(runs))
            first_point(page, f"{address}?{SMALL}", store)  # now the workers are up
            for name in filter(datasets.available, ("cifar10", "digits")):
                shapes = [f"{address}?dataset={name}&depth=20&width={width}" for width in range(101, 101 + TURNS)]
                pairs = [[first_point(page, f"{shape}&seed={seed}", store) for seed in (1, 2)] for shape in shapes]
                for kind, waits in zip(("not compiled yet", "compiled"), zip(*pairs, strict=True), strict=True):
                    tell(f"{name}, {kind}: first point after the click", list(waits))
            pairs = [fix_and_train(page, address, store, width) for width in range(50, 50 + 2 * TURNS, 2)]
            for kind, waits in zip(("Try the fix", "Train"), zip(*pairs, strict=True), strict=True):
                tell(f"digits, 12 layers with batch normalization, {kind}: first point after the click", list(waits))
            watching(page, address, store)
            for name in PRESETS:
                shutil.copytree(ROOT / "models" / name, Path(runs) / name)
            evaluating(page, address)
            if datasets.available("cifar10"):
                before_training(page, address)
            sweeping(page, address, Path(runs))


def tell(what: str, waits: list[float]) -> None:
    """One line: the median of some seconds, the least and the greatest of them, and the machine's speed now."""
    between = f" ({min(waits):.2f} to {max(waits):.2f} s, {len(waits)} times)" if len(waits) > 1 else ""
    print(f"{what}: {median(waits):.2f} s{between}; 10⁷ additions take {additions():.2f} s", flush=True)


def additions() -> float:
    """Seconds for ten million additions in Python: 0.45 s on a fast machine."""
    started, total = time.perf_counter(), 0
    for number in range(10**7):
        total += number
    return time.perf_counter() - started


def opening(page, runs: Path) -> float:
    """Seconds from a fresh server's first answer to the page."""
    page.goto("about:blank")
    with serve(runs) as address:
        started = time.perf_counter()
        page.goto(f"{address}?{SMALL}")
        wait_to_see(page.get_by_role("button", name="Train", exact=True))
        return time.perf_counter() - started


def fix_and_train(page, address: str, store: RunStore, width: int) -> tuple[float, float]:
    """Seconds from the click on Try the fix to the first point of its run, and from Train to that of a like network."""
    origin = store.create(SIGMOID.with_(width=width))
    worker.execute(origin)
    before = len(store.list())
    page.goto(f"{address}?run={origin.name}")
    button = page.get_by_role("button", name="Try the fix").first
    button.wait_for()
    clicked = time.perf_counter()
    button.click()
    wait_for(lambda: len(store.list()) > before)
    wait_to_see(page.get_by_text("with the change").first)
    waited = time.perf_counter() - clicked
    wait_for(lambda: store.list()[0].state == "completed")
    fixed = store.list()[0].config.with_(width=width + 1, epochs=1000, patience=1000)
    training = first_point(page, f"{address}?{urlencode(fixed.to_dict())}", store)
    assert store.list()[0].config == fixed
    return waited, training


def watching(page, address: str, store: RunStore) -> None:
    """Tells what a page that shows a run in training costs."""
    first_point(page, f"{address}?dataset=digits&depth=20&epochs=10000&patience=10000", store, stop=False)
    server, *browsers = processes()
    before, started = (seconds(server), seconds(*browsers)), time.perf_counter()
    time.sleep(WATCHED)
    passed = time.perf_counter() - started
    of_server, of_browser = seconds(server) - before[0], seconds(*browsers) - before[1]
    print(
        f"an open page costs {of_server / passed:.2f} of a core in the server and {of_browser / passed:.2f} in the "
        "browser",
        flush=True,
    )
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for(lambda: store.list()[0].state == "stopped", 30)


def evaluating(page, address: str) -> None:
    """Chooses models and filters on the Evaluate page; tells the seconds until what follows is drawn."""

    def timed(words: str, label: str, option: str, shown: str) -> None:
        page.get_by_role("combobox", name=label).fill(option)  # of many models, only some are in the page
        chosen = page.get_by_role("option", name=option)
        chosen.wait_for()
        started = time.perf_counter()
        chosen.click()
        wait_to_see(page.get_by_text(re.compile(shown)))
        tell(f"Evaluate, {words}", [time.perf_counter() - started])

    page.goto(f"{address}/evaluate?model=elu")
    page.get_by_text("500,210 parameters").wait_for()
    bn, selu = "CIFAR-10 ELU+BN 20×100", "CIFAR-10 SELU 20×100"
    timed("a model not seen before", "Model", bn, r"^CIFAR-10 ELU\+BN 20×100.* · 520,498 parameters")
    timed("another one", "Model", selu, "^CIFAR-10 SELU 20×100.* · 500,210 parameters")
    timed("a model seen before", "Model", bn, r"^CIFAR-10 ELU\+BN 20×100.* · 520,498 parameters")
    for words, label, option in (("a filter", "True class", "cat"), ("another filter", "Predicted class", "dog")):
        now = page.get_by_text(re.compile("^[0-9,]+ images?, showing")).inner_text()
        timed(words, label, option, f"^(?!{now.split()[0]} )[0-9,]+ images?, showing")


def before_training(page, address: str) -> None:
    """Changes a setting while signal propagation is shown, then runs the learning-rate finder, on 20 ELU layers."""
    page.goto(f"{address}?dataset=cifar10&depth=20&width=100")
    page.get_by_role("radio", name="Before training").click()
    page.get_by_text("untrained network; seed 1.").wait_for()
    page.get_by_text("More settings").click()
    seed = page.get_by_label("Seed", exact=True)
    waits = []
    for number in range(2, 2 + TURNS):
        seed.fill(str(number))
        started = time.perf_counter()
        seed.press("Enter")
        wait_to_see(page.get_by_text(f"untrained network; seed {number}."))
        waits.append(time.perf_counter() - started)
    tell("before training, a setting changed", waits)
    page.get_by_role("radio", name="Learning-rate finder").click()
    for kind in ("not compiled yet", "compiled"):
        started = time.perf_counter()
        page.get_by_role("button", name="Find a learning rate").click()
        page.get_by_role("button", name="Use learning rate").wait_for(state="detached")
        wait_to_see(page.get_by_role("button", name="Use learning rate"))
        tell(f"learning-rate finder, {kind}", [time.perf_counter() - started])


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
    tell("sweep: stopped after the click", [time.perf_counter() - started])
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
