"""Exports in a real browser: the files of a run, from its page and from Compare, an archive brought back."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from browser import HANGS, new_page, serve, wait_for

from explorer.config import TrainingConfig
from explorer.export.keras_script import keras_script
from explorer.runs.history import best_epoch
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore
from explorer.workers import worker

CONFIG = TrainingConfig(dataset="digits", depth=1, width=12, epochs=2, learning_rate=1e-3)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    assert worker.execute(RunStore(folder).create(CONFIG)) == COMPLETED
    return folder


@pytest.fixture(scope="module")
def page(browser, runs):
    with serve(runs) as address, new_page(browser, 1800, accept_downloads=True, base_url=address) as page:
        yield page


def saved(page, button: str, tmp_path: Path) -> Path:
    """The file that a click on a button saves.

    Streamlit withdraws a file while it is being saved if the whole page is redrawn in that moment, as when the workers
    have started; then a second click saves it.
    """
    for _ in range(3):
        with page.expect_download(timeout=1000 * HANGS) as started:
            page.get_by_role("button", name=button, exact=True).click()
        if started.value.failure() is None:
            path = tmp_path / started.value.suggested_filename
            started.value.save_as(path)
            return path
    raise AssertionError(f"{button}: {started.value.failure()}")


def test_each_file_of_a_run_is_one_click_and_its_archive_comes_back(page, runs, tmp_path):
    (summary,) = RunStore(runs).list()
    run, name = summary.run, summary.name
    page.goto(f"/?run={name}")
    page.get_by_role("heading", name="Export").wait_for()
    model = saved(page, "Model", tmp_path)
    assert (model.name, model.read_bytes()) == (f"{name}.keras", (run.path / "best.keras").read_bytes())
    history = saved(page, "History", tmp_path).read_text(encoding="utf-8").splitlines()
    assert len(history) == 3 and history[0].startswith("run,epoch,loss,accuracy,val_loss,val_accuracy,learning_rate")
    script = saved(page, "Keras script", tmp_path)
    assert script.name == f"{name}.py"
    assert script.read_text(encoding="utf-8") == keras_script(CONFIG, name, best_epoch(run.history()))
    notebook = json.loads(saved(page, "Notebook", tmp_path).read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    report = saved(page, "Report", tmp_path).read_text(encoding="utf-8")
    assert f"{best_epoch(run.history()).val_accuracy:.2%}" in report and "Confusion matrix" in report
    archive = saved(page, "Archive", tmp_path)
    assert zipfile.ZipFile(archive).testzip() is None
    kept = {path.name: path.read_bytes() for path in run.path.glob("*.jsonl")}
    shutil.rmtree(run.path)

    page.goto("/compare")
    page.get_by_role("button", name="Import").click()
    page.locator("input[type=file]").set_input_files(archive)
    page.get_by_role("button", name="Import it").click()
    wait_for(lambda: [summary.state for summary in RunStore(runs).list()] == [COMPLETED])
    assert {path.name: path.read_bytes() for path in Run(runs / name).path.glob("*.jsonl")} == kept
    page.get_by_role("button", name="Export").wait_for()


def test_a_file_that_is_no_archive_is_refused_in_one_sentence(page, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"nothing")
    page.goto("/compare")
    page.get_by_role("button", name="Import").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "x.zip")
    page.get_by_role("button", name="Import it").click()
    page.get_by_text("archive: 'x.zip' is not a complete zip file, or it is damaged.").wait_for()


def test_the_files_of_the_selected_run_are_one_click_on_compare(page, runs, tmp_path):
    page.goto("/compare")
    page.get_by_test_id("stDataFrame").wait_for()
    table = page.get_by_test_id("stDataFrame").first
    wait_for(lambda: table.locator("canvas").count() > 0)
    table.click(position={"x": 20, "y": 35 + 35 / 2})
    page.get_by_role("button", name="Export").click()
    report = saved(page, "Report", tmp_path).read_text(encoding="utf-8")
    assert RunStore(runs).list()[0].name in report and "Confusion matrix" in report
    assert zipfile.ZipFile(saved(page, "Archive", tmp_path)).testzip() is None
