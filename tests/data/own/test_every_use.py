"""Pictures and a table of one's own, in three classes, in everything that works on a data set."""

import json
import re
import zipfile

import pytest
from own_data import added
from own_pictures import COLOURS, files, write_folder

from explorer.config import TrainingConfig
from explorer.diagnosis import Evidence, diagnose
from explorer.diagnosis.lessons import lesson_of
from explorer.evaluation.library import Library
from explorer.evaluation.predictions import VALIDATION
from explorer.evaluation.report import lines, values
from explorer.evaluation.saved_models import find
from explorer.export.evaluating import evaluator
from explorer.export.formats import FORMATS
from explorer.runs import cost_estimate
from explorer.runs.run_summary import summarize
from explorer.runs.status import COMPLETED
from explorer.sweeps.driver import drive
from explorer.sweeps.study import TRIAL_COMPLETED, StudyStore
from explorer.sweeps.study_spec import StudySpec
from explorer.workers import tasks, worker
from explorer.workers.cluster import Settings
from explorer.workers.run_queue import RunQueue
from explorer.workers.task_process import TaskProcess

CONFIG = {"depth": 2, "width": 16, "epochs": 3, "learning_rate": 3e-3, "batch_size": 8, "input_scaling": "standardized"}
INPUTS = {"pictures": 20 * 30, "table": 3}


@pytest.fixture(params=INPUTS)
def own(request, tmp_path):
    """A data set of each kind: pictures of 20 × 30 in grey, or rows with a number and a category."""
    if request.param == "pictures":
        return added(write_folder(tmp_path / "pictures", files()), "pictures", size=(20, 30), grey=True)
    rows = (f"{place / 3},{'red' if place % 2 else 'blue'},{list(COLOURS)[place % 3]}" for place in range(60))
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["size,colour,label", *rows]))
    return added(path, "table")


@pytest.fixture
def ask():
    process = TaskProcess()
    yield process
    process.close()


def test_it_is_measured_trained_explained_evaluated_and_taken_home(own, store, ask, tmp_path):
    config = TrainingConfig(dataset=own.full_name, **CONFIG)
    assert cost_estimate.layer_sizes(config) == [INPUTS[own.name], 16, 16, 3]
    assert cost_estimate.epoch_cost(config) > 0 and cost_estimate.memory_bytes(config) > 0
    start = tasks.signals_at_start(config.to_dict())
    assert len(start.layers) == 3
    suggestion = tasks.range_test(config.to_dict(), str(tmp_path / "points.jsonl"))
    assert tasks.read_points(str(tmp_path / "points.jsonl")) and suggestion

    run = store.create(config)
    assert worker.execute(run) == COMPLETED
    summary = summarize(run)
    assert len(summary.records) == 3 and summary.title.startswith(own.name)
    # a rate that is too low has findings whatever the data
    slow = store.create(config.with_(learning_rate=1e-7, activation="sigmoid"))
    assert worker.execute(slow) == COMPLETED
    found = diagnose(Evidence(slow.config, slow.history(), slow.signals()))
    words = [text for each in found for text in (each.evidence, each.why, lesson_of(each).text)]
    assert words and (own.name == "pictures" or not any(re.search(r"\b(images?|pixels?)\b", text) for text in words))

    library = Library(store, ask)
    model = find(store, run.name)
    predictions = library.predictions(model.request(split=VALIDATION)).result()
    noun = "images" if own.name == "pictures" else "rows"
    said = lines(values(model, predictions, looks=0))
    assert f"validation {noun} of {own.spec.title}" in said[0] and any(line.startswith("iris") for line in said)
    content = {kind: each.make((run,), evaluator(library)) for kind, each in FORMATS.items()}
    assert f'np.load("{own.name}.npz")' in content["script"].decode()
    assert json.loads(content["notebook"])["nbformat"] == 4
    assert f"{noun}.".encode() in content["report"] and b"tulip" in content["report"]
    (tmp_path / "run.zip").write_bytes(content["archive"])
    assert f"{run.name}/dataset.json" in zipfile.ZipFile(tmp_path / "run.zip").namelist()


def test_it_is_swept(own, store):
    settings = {"dataset": own.full_name} | {name: CONFIG[name] for name in ("depth", "width", "batch_size")}
    plan = {"name": "own", "sampler": "grid", "trials": 2, "epochs": 2, "settings": settings}
    study = StudyStore(store).create(StudySpec.from_dict(plan | {"space": {"learning_rate": [1e-3, 1e-2]}}))
    run_queue = RunQueue(Settings(workers=1))
    try:
        drive(study, store, lambda: run_queue, lambda line: None)
    finally:
        run_queue.close()
    assert [trial.state for trial in study.trials()] == [TRIAL_COMPLETED] * 2
    assert {summary.config.dataset for summary in store.list()} == {own.full_name}
