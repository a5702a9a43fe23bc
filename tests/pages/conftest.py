"""What the tests of pages share: an empty store that the pages read, and an end for the processes they start."""

import pytest

from explorer.pages import resources
from explorer.runs.store import RunStore


@pytest.fixture
def store(tmp_path, monkeypatch, processes) -> RunStore:
    """The store of the pages, with no run in it."""
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    for resource in (resources.store, resources.studies):
        resource.clear()
    yield RunStore()
    for resource in (resources.store, resources.studies):
        resource.clear()


@pytest.fixture(scope="module")
def processes():
    """Ends the workers and the task process that the pages of a module have started."""
    yield
    for resource in (resources.run_queue, resources.task_process):
        resource().close()
        resource.clear()
    resources.initial_signals.clear()
