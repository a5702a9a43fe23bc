"""The buttons of what is taken home, as Streamlit's own test runner draws them."""

import pytest
from drawn import page_alone

from explorer.config import TrainingConfig
from explorer.pages import resources
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
    resources.store.clear()
    run = RunStore().create(CONFIG)
    run.append(EpochRecord(1, 2.0, 0.3, 2.0, 0.3, 1e-3, 1.0))
    run.end(COMPLETED, "all 1 epochs are trained")
    yield run
    resources.store.clear()


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
