"""What several test files share: the data sets, loaded once, and an empty store of runs."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from explorer.data import datasets, download
from explorer.runs.store import RunStore

# where temporary folders are in memory, nothing waits for a disk, to which each file of a run is synced
MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30  # bytes; a container may have a few megabytes there
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# all processes of the tests share what one of them has compiled; the user's own programs stay out of it
if "EXPLORER_CACHE" not in os.environ:
    os.environ["EXPLORER_CACHE"] = tempfile.mkdtemp(prefix="test-programs-")
    atexit.register(shutil.rmtree, os.environ["EXPLORER_CACHE"], ignore_errors=True)

# the files that take longest, which begin first, so that no process is left with one of them at the end; those that
# start many processes stand between those that compute in one, so that the machine is never full of them
LONGEST = (
    "browser/test_class_browser.py",
    "training/test_compiled_epoch.py",
    "benchmarks/test_diagnosis_campaign.py",
    "browser/test_clicks_browser.py",
    "diagnosis/test_fault_cases.py",
    "workers/test_remote_workers.py",
    "training/test_parity.py",
    "cli/test_cli.py",
    "export/test_keras_script.py",
    "sweeps/test_sweep.py",
    "workers/test_resume.py",
    "browser/test_foreign_browser.py",
    "browser/test_train_browser.py",
    "browser/test_export_browser.py",
    "workers/test_worker.py",
    "browser/test_explain_browser.py",
    "workers/test_run_queue.py",
    "browser/test_fixes_browser.py",
    "pages/test_own_data_page.py",
    "workers/test_queue_order.py",
    "pages/test_sweep_page.py",
    "pages/test_foreign_text.py",
    "cli/test_diagnose.py",
    "workers/test_turns.py",
    "evaluation/test_model_files.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="module", autouse=True)
def graph_optimizer() -> None:
    """Each file begins with TensorFlow's optimizer of graphs off, as in a worker: it takes a third of a tracing."""
    if "tensorflow" in sys.modules:
        from explorer.training.frameworks import set_graph_optimizer

        set_graph_optimizer(False)


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
