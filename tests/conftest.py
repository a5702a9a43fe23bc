"""What several test files share: the data sets, loaded once, and an empty store of runs."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from explorer.data import datasets, download
from explorer.runs.store import RunStore


@pytest.fixture(scope="session")
def cifar10() -> datasets.Dataset:
    """The real CIFAR-10, fetched where it is not on this machine."""
    download.fetch("cifar10")
    return datasets.load("cifar10")


@pytest.fixture(scope="session")
def digits() -> datasets.Dataset:
    """1,797 images of 8×8: 1,437 to train on, 44 batches of 32 and one of 29."""
    return datasets.load("digits")


@pytest.fixture
def store(tmp_path) -> RunStore:
    """A store with no run in it."""
    return RunStore(tmp_path / "runs")
