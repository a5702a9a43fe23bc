"""The Train page in a real browser, on digits, from the button to the end of a run."""

import os
import re
import subprocess
import sys

from browser import HANGS, ROOT, epochs_shown, serve, wait_for
from playwright.sync_api import expect

# loss and accuracy come first; further charts look inside the network
CURVES = "[data-testid=stVegaLiteChart]"
QUERY = "?dataset=digits&depth=4&width=50&epochs=10000&patience=10000"


def open_page(page, address: str) -> None:
    page.goto(address)
    page.get_by_test_id("stMain").get_by_role("heading").first.wait_for()


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_train_watch_pause_resume_reload_stop(page, server):
    """One run from the button to its end: it is paused and resumed, and its page reloaded and opened twice."""
    address, store = server
    open_page(page, address + QUERY)
    press(page, "Train")
    wait_for(lambda: page.locator(CURVES).count() >= 2)
    [summary] = store.list()
    run = summary.run

    # the charts are updated in place: the same DOM nodes after ten updates, and nothing moves
    charts = page.locator(CURVES).locator("svg.marks, canvas.marks")
    wait_for(lambda: charts.count() >= 2)
    before = charts.first.bounding_box()
    charts.first.evaluate("node => { window.firstChart = node; window.updates = 0; }")
    seen = {epochs_shown(page)}
    wait_for(lambda: seen.add(epochs_shown(page)) or len(seen) > 10)
    assert page.evaluate("document.contains(window.firstChart)")
    assert charts.first.bounding_box() == before

    press(page, "Pause")
    wait_for(lambda: run.status().status == "paused")
    paused_at = len(run.history())
    page.get_by_role("button", name="Resume").wait_for()

    press(page, "Resume")
    wait_for(lambda: len(run.history()) > paused_at)

    page.reload()
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    expect(page.get_by_text(run.name).first).to_be_visible()
    assert run.status().status == "running"

    other = page.context.new_page()
    open_page(other, address)  # a page without the run's name attaches to it
    other.get_by_text(run.name).first.wait_for()
    other.close()
    assert run.status().status == "running"

    press(page, "Stop")
    wait_for(lambda: run.status().status == "stopped")
    page.get_by_role("button", name="Resume").wait_for()
    assert [record.epoch for record in run.history()] == list(range(1, len(run.history()) + 1))


def test_trained_before_is_shown_at_once(page, server):
    """Train on a configuration with a completed run shows that run, and offers the next seed."""
    address, store = server
    settings = address + "?dataset=digits&depth=2&width=50&epochs=3"
    open_page(page, settings)
    press(page, "Train")
    page.get_by_role("button", name="Train with the next seed").wait_for()
    runs = len(store.list())
    name = store.list()[0].name

    open_page(page, settings)
    press(page, "Train")
    page.get_by_text("This configuration was already trained").wait_for()
    assert len(store.list()) == runs
    expect(page.get_by_text(name).first).to_be_visible()

    press(page, "Train with the next seed")
    wait_for(lambda: len(store.list()) == runs + 1)
    assert store.list()[0].config.seed == 2
    wait_for(lambda: store.list()[0].state == "completed")


def test_run_from_the_command_line_appears_live(page, server):
    """An idle page attaches to a run that another process has started in the same folder."""
    address, store = server
    open_page(page, address)
    settings = ["--dataset", "digits", "--depth", "1", "--width", "20", "--epochs", "10000", "--patience", "10000"]
    command = [sys.executable, "-m", "explorer", "train", *settings, "--runs", str(store.folder)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as trainer:
        wait_for(lambda: store.list()[0].state == "running")
        name = store.list()[0].name
        page.get_by_test_id("stMain").get_by_text(name).wait_for()
        wait_for(lambda: epochs_shown(page) > 3)
        press(page, "Stop")
        assert trainer.wait(HANGS) == 0
    assert store.get(name).status().status == "stopped"


def test_use_these_settings_fills_the_sidebar(page, server):
    """One click puts the settings of a finished run into the sidebar."""
    address, store = server
    finished = next(s for s in store.list() if s.state == "completed")
    open_page(page, f"{address}?run={finished.name}&width=33")
    page.get_by_text("The sidebar differs from this run").wait_for()
    press(page, "Use these settings")
    width = page.get_by_label("Width, exact value")
    wait_for(lambda: width.input_value() == f"{finished.config.width}")
    page.get_by_text("The sidebar differs from this run").wait_for(state="detached")


def test_presets_and_typed_numbers(page, server):
    """A preset fills the sidebar; a typed learning rate is used, and an invalid one explained."""
    address, _ = server
    open_page(page, address)
    press(page, "SELU")
    page.get_by_text("20 hidden layers of 100 units, SELU").wait_for()
    typed = page.get_by_label("Learning rate, exact value")
    typed.fill("0.00033")
    typed.press("Enter")
    page.wait_for_url(re.compile("learning_rate=0.00033"))
    typed.fill("eleven")
    typed.press("Enter")
    page.get_by_text("Learning rate: 'eleven' is not allowed").wait_for()
    wait_for(lambda: page.get_by_role("button", name="Train", exact=True).is_disabled())


def test_every_control_has_a_name(page, server):
    """Every button, slider, box and chart has a name for screen readers."""
    address, _ = server
    open_page(page, address + "?dataset=digits")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, [role=slider], [role=combobox]')]
        .filter(e => e.offsetParent !== null && !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')
          || e.innerText.trim() || e.title || (e.labels && e.labels.length) || e.getAttribute('aria-hidden')))
        .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []


def test_readable_on_a_phone(page, server):
    """At 400 pixels nothing is wider than the screen, and Train is there without the sidebar."""
    address, _ = server
    page.set_viewport_size({"width": 400, "height": 900})
    open_page(page, address + "?dataset=digits")
    page.get_by_role("button", name="Train now").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_without_cifar10_digits_train_at_once_and_its_download_can_be_cancelled(browser, tmp_path):
    """Digits can be trained without a network; a cancelled download leaves nothing that looks like the data."""
    npm = tmp_path / "bin" / "npm"  # the last source that is tried before the slow one: it never ends
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\nexec sleep 600\n")
    npm.chmod(0o755)
    data, path = tmp_path / "data", f"{npm.parent}{os.pathsep}{os.environ['PATH']}"
    places = {"EXPLORER_DATA": str(data), "KERAS_HOME": str(tmp_path / "keras"), "PATH": path}
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(1000 * HANGS)
    with serve(tmp_path / "runs", **places) as address:
        page = context.new_page()
        open_page(page, address)
        page.get_by_text("CIFAR-10 is not on this machine yet").wait_for()
        page.get_by_text("1,437 training and 360 validation images").wait_for()
        expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
        page.get_by_role("button", name="Download CIFAR-10").click()
        press(page, "Cancel download")
        page.get_by_role("button", name="Download CIFAR-10").wait_for()
        assert not (data / "cifar10.uint8").exists()
    context.close()
