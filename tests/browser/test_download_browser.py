"""Downloads in a real browser, from the click to a trained and evaluated network: files in the original formats.

They hold noise, since the suite needs no network. Whether the real ones, with their own hashes, still lie on their
servers is tried by `tests/campaigns/downloads.py`.
"""

import os
import re
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest
import small_cifar100
import small_mnist
from browser import ROOT, new_page, serve, wait_for
from playwright.sync_api import expect
from web_server import Server, servers

from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore

QUERY = "/?dataset=mnist&depth=1&width=16&epochs=2&learning_rate=0.001"


@pytest.fixture
def source():
    """A web server with the files, which pauses in the first one until it may go on."""
    with servers() as start:
        yield start(small_mnist.files(), pause_after=1_000_000)


@pytest.fixture
def place(tmp_path, source: Server) -> dict[str, str]:
    """The environment of a machine without data, on which MNIST is the small one."""
    return without_data(tmp_path, small_mnist, source)


def without_data(folder: Path, small: ModuleType, source: Server) -> dict[str, str]:
    """The environment of a machine without data, on which a data set is the small one of a module, from a server."""
    (folder / "sitecustomize.py").write_text(f"import {small.__name__}\n{small.__name__}.register()\n")
    return {
        "PYTHONPATH": os.pathsep.join(map(str, [folder, ROOT, ROOT / "tests/support"])),
        "EXPLORER_DATA": str(folder / "data"),
        "KERAS_HOME": str(folder / "keras"),
        small.SERVER: source.folder,
        "no_proxy": "*",
    }


def test_one_click_downloads_a_data_set_and_a_network_is_trained_on_it(browser, tmp_path, source, place):
    runs, data = tmp_path / "runs", tmp_path / "data"
    with serve(runs, **place) as address, new_page(browser) as page:
        page.goto(address + QUERY)
        train = page.get_by_role("button", name="Train", exact=True)
        page.get_by_text("MNIST is not on this machine yet.").wait_for()
        expect(train).to_be_disabled()
        page.get_by_role("button", name="Download MNIST (2 MB)").click()
        page.get_by_text("downloading 1 MB of 2 MB").wait_for()
        share = page.get_by_test_id("stProgress").get_by_role("progressbar").get_attribute("aria-valuenow")
        assert 40 < float(share) < 70
        expect(train).to_be_disabled()
        assert not (data / "mnist.uint8").exists()

        source.go_on.set()
        page.get_by_text("MNIST is not on this machine yet.").wait_for(state="detached")
        page.get_by_text("MNIST: 1,600 training and 400 validation images").wait_for()
        expect(train).to_be_enabled()
        stored = b"".join(array.tobytes() for array in small_mnist.arrays().values())
        assert (data / "mnist.uint8").read_bytes() == stored
        assert source.ranges == [None] * 4 and not list(data.glob("mnist*part"))

        train.click()
        wait_for(lambda: [run.state for run in RunStore(runs).list()] == [COMPLETED])
        page.get_by_text("Trained for 2 epochs").wait_for()
        page.get_by_role("link", name="Evaluate its model").click()
        page.get_by_text("400 validation images of MNIST").first.wait_for()


def test_one_archive_brings_both_data_sets_of_cifar100(browser, tmp_path):
    runs = tmp_path / "runs"
    with servers() as start, ExitStack() as stack:
        place = without_data(tmp_path, small_cifar100, start(small_cifar100.ARCHIVE))
        address, page = stack.enter_context(serve(runs, **place)), stack.enter_context(new_page(browser))
        for name, title in (("cifar100", "CIFAR-100"), ("cifar100_coarse", "CIFAR-100 (20 groups)")):
            page.goto(f"{address}/?dataset={name}&depth=1&width=16&epochs=2&learning_rate=0.001")
            if name == "cifar100":  # the other one is there with it
                page.get_by_role("button", name=re.compile(r"^Download CIFAR-100")).click()
            page.get_by_text(f"{title}: 40 training and 10 validation images").wait_for()
            page.get_by_role("button", name="Train", exact=True).click()
            page.get_by_text("Trained for 2 epochs").wait_for()
            page.get_by_role("link", name="Evaluate its model").click()
            page.get_by_text(f"10 validation images of {title}").first.wait_for()
        assert sorted(run.config.dataset for run in RunStore(runs).list()) == ["cifar100", "cifar100_coarse"]
