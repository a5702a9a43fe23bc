"""What the tests of workers share: a run queue with one worker process for a module, and an empty store."""

import pytest

from explorer.runs.store import RunStore
from explorer.workers.cluster import Settings
from explorer.workers.run_queue import RunQueue


@pytest.fixture(scope="module")
def run_queue():
    started = RunQueue(Settings(workers=1))
    assert started.wait_until_ready(120) == "ready", started.message
    yield started
    started.close()


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)
