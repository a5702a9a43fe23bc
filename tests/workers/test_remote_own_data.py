"""Data that a person has added, sent to a worker that lacks it over a real scheduler, whole or damaged."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from browser import wait_for
from machines import Machines, certificates
from own_data import added
from own_pictures import files, write_folder

from explorer.config import TrainingConfig
from explorer.data.dataset_file import stored_file
from explorer.data.own import registry
from explorer.runs.cause import Cause
from explorer.runs.status import COMPLETED, FAILED
from explorer.runs.store import RunStore
from explorer.workers.cluster import Settings
from explorer.workers.remote import own_data
from explorer.workers.run_queue import RunQueue


@pytest.fixture
def flowers(tmp_path, monkeypatch):
    """A data set of 36 pictures in a data cache of its own."""
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "_learned", {})
    return added(write_folder(tmp_path / "flowers", files()))


@pytest.fixture
def machines(tmp_path):
    """In a folder of a short path, as a temporary folder is elsewhere; all have ended after the test."""
    with tempfile.TemporaryDirectory() as folder:
        started = Machines(Path(folder), certificates(tmp_path))
        yield started
        started.close()


def test_a_worker_gets_the_data_that_it_lacks_and_says_when_it_cannot(tmp_path, flowers, machines):
    store, name = RunStore(tmp_path / "runs"), flowers.full_name
    config = TrainingConfig(dataset="flowers", depth=1, width=10, epochs=2)
    machines.scheduler()
    machines.worker("far")
    there = machines.homes[1] / ".cache/deep-network-explorer/own"
    run_queue = RunQueue(Settings(scheduler=machines.address, tls=machines.tls, datasets=(name,)))

    def end_of(run):
        run_queue.submit(run)
        wait_for(lambda: run.status().status in (COMPLETED, FAILED))
        return run.status().status, run.status().cause, run.status().reason

    try:
        run = store.create(config)
        status, _, reason = end_of(run)
        assert status == COMPLETED, reason
        assert len(run.history()) == 2
        sent = stored_file(name).read_bytes()
        assert {path.name: path.read_bytes() for path in there.iterdir()} == {
            stored_file(name).name: sent,
            f"{name}.json": flowers.to_json(),
        }

        (there / stored_file(name).name).write_bytes(bytes(len(sent)))  # damaged there: sent again
        assert end_of(store.create(config.with_(seed=2)))[0] == COMPLETED
        assert (there / stored_file(name).name).read_bytes() == sent

        shutil.rmtree(there)
        there.write_text("in the way")
        status, cause, reason = end_of(store.create(config.with_(seed=3)))
        assert (status, cause) == (FAILED, Cause.DATA_UNAVAILABLE)
        assert reason.endswith(
            f"did not get the data set {flowers.spec.title}: the data set cannot be stored in {there} (File exists)"
        )

        registry.remove(flowers)
        status, cause, reason = end_of(store.create(config.with_(seed=4)))
        assert (status, cause, reason) == (FAILED, Cause.DATA_UNAVAILABLE, flowers.spec.absence)
    finally:
        run_queue.close()


def test_bytes_that_changed_on_the_way_are_not_kept(flowers, monkeypatch, tmp_path):
    monkeypatch.setattr(own_data, "PIECE_BYTES", 1000)
    content = list(own_data.pieces(flowers.full_name))
    assert len(content) > 10
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "elsewhere"))
    assert asyncio.run(own_data.lacks(flowers))

    damaged = [*content[:-2], bytes(len(content[-2])), content[-1]]
    for arrived in (damaged, content[:-1], []):
        assert "it did not arrive intact" in own_data.keep(flowers, arrived)
        assert list(registry.folder().iterdir()) == []
    assert own_data.keep(flowers, content) == ""
    assert not asyncio.run(own_data.lacks(flowers))
