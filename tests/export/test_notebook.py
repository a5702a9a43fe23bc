"""The notebook of a run: what it holds, and that it runs from top to bottom without this project."""

import base64
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from own_data import added

from explorer.config import CONSTANT, HORIZONTAL, ONE_CYCLE, PAIRS, STANDARDIZED, TrainingConfig
from explorer.data.own import registry
from explorer.data.own.arrays import save
from explorer.export.keras_script import keras_script
from explorer.export.notebook import notebook
from explorer.export.run_findings import findings_of
from explorer.runs import cost_estimate
from explorer.runs.history import best_epoch
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore
from explorer.workers import worker

# sigmoid on raw pixels: there is something to find
CONFIG = TrainingConfig(dataset="digits", depth=6, width=12, activation="sigmoid", epochs=2, learning_rate=1e-3)
# what its cells have in other words: a layer with the statistics of the data, a functional network, a rate for each
# step, augmented images, and labels that are shares of the classes; in few steps, after which digits agree
VARIED = TrainingConfig(
    dataset="digits",
    depth=4,
    width=12,
    input_scaling=STANDARDIZED,
    schedule=ONE_CYCLE,
    skip=PAIRS,
    flip=HORIZONTAL,
    shift=1,
    mixup=0.4,
    label_smoothing=0.1,
    batch_size=500,
    epochs=2,
    learning_rate=1e-3,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def run(store) -> Run:
    return trained(store, CONFIG)


def trained(store: RunStore, config: TrainingConfig) -> Run:
    run = store.create(config)
    assert worker.execute(run) == COMPLETED
    return run


@pytest.fixture(scope="module")
def read(run) -> nbformat.NotebookNode:
    return nbformat.reads(notebook(run).decode(), as_version=4)


def texts(notebook: nbformat.NotebookNode, kind: str) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


def test_it_is_valid_and_the_same_each_time(run, read):
    nbformat.validate(read)
    assert notebook(run) == notebook(run)


def test_its_code_is_that_of_the_script(read):
    script = keras_script(CONFIG).split('"""\n\n', 1)[1]
    bare = [line for line in script.splitlines() if line.strip() and not line.startswith("# ---")]
    cells = texts(read, "code").splitlines()
    assert [line for line in bare if not line.startswith("# ") and line not in cells] == []


def test_it_shows_curves_as_pictures_and_findings_with_their_lessons(run, read):
    text = texts(read, "markdown")
    pictures = [base64.b64decode(data) for data in re.findall(r"\(data:image/png;base64,([^)]+)\)", text)]
    assert len(pictures) == 2
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 5_000 for picture in pictures)
    findings = findings_of(run)
    assert findings
    assert text.count("**Why.**") == text.count("Source: [") == len(findings)
    assert "validation accuracy" in text and "lowest validation loss" in text


def test_a_hostile_name_stays_text(run):
    hostile = Run(run.path.rename(run.path.with_name("<img src=x onerror=alert(1)> [x](http:evil)")))
    try:
        text = texts(nbformat.reads(notebook(hostile).decode(), as_version=4), "markdown")
        assert "onerror" in text and "<img" not in text and "](http:evil" not in text
    finally:
        hostile.path.rename(run.path)


def test_it_runs_from_top_to_bottom_where_this_project_cannot_be_imported(run, read, tmp_path, monkeypatch):
    tried = assert_runs(run, read, tmp_path, monkeypatch)
    assert tried == pytest.approx([record.val_loss for record in run.history()], rel=2e-3)


def test_one_with_augmentation_skip_connections_and_a_schedule_runs_too(store, tmp_path, monkeypatch):
    assert cost_estimate.skips(VARIED) == [3]
    run = trained(store, VARIED)
    tried = assert_runs(run, nbformat.reads(notebook(run).decode(), as_version=4), tmp_path, monkeypatch)
    constant = trained(store, VARIED.with_(schedule=CONSTANT))
    assert tried == pytest.approx([record.val_loss for record in constant.history()], rel=2e-3)


def test_one_on_data_of_ones_own_reads_the_saved_file_beside_it(store, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "_learned", {})
    np.savez(tmp_path / "mine.npz", x_train=digits.images, y_train=digits.labels)
    own = added(tmp_path / "mine.npz", "scans", seed=3)
    run = trained(store, VARIED.with_(dataset=own.full_name))
    read = nbformat.reads(notebook(run).decode(), as_version=4)
    sentence = "It reads scans.npz in the current folder, which `python -m explorer data save scans` writes."
    assert sentence in texts(read, "markdown")
    save(own.full_name, str(tmp_path / "scans.npz"))
    assert_runs(run, read, tmp_path, monkeypatch)


def assert_runs(run: Run, read: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The cells are executed from top to bottom where this project cannot be imported, and reach what the run has.

    Returns the validation losses of the last cell with the run's own learning rate, which stays as it is there.
    """
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    check = nbformat.v4.new_code_cell("import importlib.util\nprint(importlib.util.find_spec('explorer'))")
    copy = nbformat.from_dict({**read, "cells": [check, *read.cells]})
    NotebookClient(copy, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = ["".join(out.get("text", "") for out in cell.outputs) for cell in copy.cells if cell.cell_type == "code"]
    assert outputs[0] == "None\n"
    tried = dict(re.findall(r"learning rate (\S+): validation loss (.+)", outputs[-1]))
    assert [float(rate) / run.config.learning_rate for rate in tried] == pytest.approx([0.3, 1, 3])
    best = best_epoch(run.history())
    assert (
        f"validation loss {best.val_loss:.4f}, validation accuracy {best.val_accuracy:.2%} on 360 images" in outputs[-2]
    )
    return [float(loss) for loss in list(tried.values())[1].split()]
