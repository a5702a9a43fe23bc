"""The export buttons, as Streamlit's own test runner draws them."""

import ast
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
import streamlit as st
from drawn import page_alone

from explorer import pages
from explorer.config import TrainingConfig
from explorer.errors import RunError
from explorer.export import formats
from explorer.export.evaluating import Evaluated
from explorer.pages import resources
from explorer.pages.run.export_buttons import exported
from explorer.runs.history import EpochRecord
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore

CONFIG = TrainingConfig(dataset="digits", depth=1, width=8)
pytestmark = pytest.mark.usefixtures("processes")

EXPORTS = ["Keras script", "Notebook", "Report", "Archive"]


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    clear()
    run = RunStore().create(CONFIG)
    run.append(EpochRecord(1, 2.0, 0.3, 2.0, 0.3, 1e-3, 1.0))
    run.end(COMPLETED, "all 1 epochs are trained")
    yield run
    clear()


def clear() -> None:
    for resource in (resources.store, resources.library):
        resource.clear()


def buttons(run: Run) -> dict[str, bool]:
    """Every download button of the run's page by its label: whether it can be pressed."""
    app = page_alone("train")
    app.query_params["run"] = run.name
    app.run()
    assert not app.exception
    return {button.proto.label: not button.proto.disabled for button in app.get("download_button")}


def test_the_model_can_be_saved_once_there_is_one(run):
    assert buttons(run) == {"Model": False, "History": True, **dict.fromkeys(EXPORTS, True)}
    (run.path / "best.keras").write_bytes(b"a model")
    assert buttons(run)["Model"]


def test_a_run_that_cannot_be_read_has_no_buttons(run):
    (run.path / "status.json").write_text("{")
    assert buttons(run) == {}


# --- Made when asked for, and in another process ----------------------------------------------------------


def test_every_file_is_made_only_when_its_button_is_pressed(run, monkeypatch):
    """Whatever a download button of any page saves is a function, which no drawing of the page calls."""
    given = {}

    def download_button(label, data, *arguments, **options):
        given[label] = data

    monkeypatch.setattr(st, "download_button", download_button)
    for page, query in (("train", {"run": run.name}), ("compare", {})):
        app = page_alone(page)
        app.query_params.update(query)
        assert not app.run().exception
    assert {"Model", "History", *EXPORTS, "Table (CSV)", "Histories (CSV)"} <= set(given)
    assert {label for label, data in given.items() if not callable(data)} == set()
    sources = {path: path.read_text(encoding="utf-8") for path in sorted(Path(pages.__file__).parent.rglob("*.py"))}
    buttons = [node for text in sources.values() for node in ast.walk(ast.parse(text)) if _is_download(node)]
    assert len(buttons) >= 6
    for button in buttons:
        data = button.args[1]
        # or a kilobyte of text, in a part of the page that refreshes
        assert isinstance(data, ast.Name) or data.func.id in ("partial", "to_toml"), ast.unparse(button)


def _is_download(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "download_button"


@pytest.mark.parametrize("kind", ["notebook", "report", "archive"])
def test_what_takes_a_while_is_made_in_the_task_process(run, monkeypatch, kind):
    expected = formats.FORMATS[kind].make((run,), lambda _: Evaluated(problem="it has no saved model"))
    here = replace(formats.FORMATS[kind], make=lambda *_: pytest.fail("it is made in the process of the pages"))
    monkeypatch.setitem(formats.FORMATS, kind, here)
    content = exported(kind, (run,))
    if kind == "archive":
        files = [{i: z.read(i) for i in z.namelist()} for z in map(ZipFile, map(BytesIO, (content, expected)))]
        assert files[0] == files[1]
    else:
        assert len(content) == len(expected) and content[:200] == expected[:200]


def test_a_failure_in_the_task_process_is_the_error_that_it_was(run):
    (run.path / "history.jsonl").write_text("{\n")
    (run.path / "config.json").write_text("{")
    with pytest.raises(RunError, match=r"config\.json of .* cannot be read"):
        exported("archive", (Run(run.path),))
