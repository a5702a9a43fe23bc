"""The notebook of a run: what it holds, and that it runs from top to bottom without this project."""

import base64
import re

import nbformat
import pytest
from nbclient import NotebookClient

from explorer.config import TrainingConfig
from explorer.export.findings import findings_of
from explorer.export.keras_script import keras_script
from explorer.export.notebook import notebook
from explorer.runs.history import best_epoch
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore
from explorer.workers import worker

# sigmoid on raw pixels: there is something to find
CONFIG = TrainingConfig(dataset="digits", depth=6, width=12, activation="sigmoid", epochs=2, learning_rate=1e-3)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    run = RunStore(tmp_path_factory.mktemp("runs")).create(CONFIG)
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
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    check = nbformat.v4.new_code_cell("import importlib.util\nprint(importlib.util.find_spec('explorer'))")
    copy = nbformat.from_dict({**read, "cells": [check, *read.cells]})
    NotebookClient(copy, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = ["".join(out.get("text", "") for out in cell.outputs) for cell in copy.cells if cell.cell_type == "code"]
    assert outputs[0] == "None\n"
    assert len(re.findall(r"learning rate \S+: validation loss \d", outputs[-1])) == 3
    best = best_epoch(run.history())
    assert (
        f"validation loss {best.val_loss:.4f}, validation accuracy {best.val_accuracy:.2%} on 360 images" in outputs[-2]
    )
