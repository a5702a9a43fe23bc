"""Every drawing of a page shows one moment, whenever another process writes while the page reads."""

import shutil
from dataclasses import asdict
from types import SimpleNamespace

from drawn import address, page_alone, whole_app
from late_writer import ROOT, Moment, late_writer
from scripted import study_in

from explorer.config import TrainingConfig
from explorer.evaluation.library import Library
from explorer.pages import resources
from explorer.process import Process
from explorer.runs.store import RunStore
from explorer.sweeps.study import RUNNING, TRIAL_COMPLETED, TrialRecord

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20, epochs=20)
MOST_MOMENTS = 60
MOMENT = Moment()


def every_moment(draw, prepare):
    """Draws a page once per moment at which it opens what `prepare` has made, and yields each drawing."""
    for number in range(MOST_MOMENTS):
        folder, write = prepare()
        MOMENT.at(number, folder, write)
        page = draw(folder.name)
        came = MOMENT.over()
        assert not page.exception
        if not came:
            assert number > 3, "the page reads these files"
            return
        yield page
    raise AssertionError("a page should not read a folder so often")


def test_a_run_is_shown_in_one_state_whenever_it_starts(store):
    with late_writer() as train:

        def prepare():
            run = store.create(DIGITS)
            completed = len(store.list()) % 2 == 0  # every second one is trained to its end at that moment
            return run.path, lambda: train(run.path, epochs=20, completed=completed)

        def draw(name):
            page = whole_app()
            page.query_params.update({"dataset": "digits", "run": name})
            return page.run()

        for page in every_moment(draw, prepare):
            [headline] = [title.value for title in page.title]
            state = next(s for s in ("queued", "running", "completed") if s in headline)
            epochs = next(metric.value for metric in page.metric if metric.label == "Epochs")
            labels = {button.label for button in page.button}
            assert epochs == ("0 of 20" if state == "queued" else "20 of 20"), state
            assert ("Train again" in labels) == (state == "completed"), state
            assert ("Stop" in labels) == (state != "completed"), state
            assert len(page.get("vega_lite_chart")) == (0 if state == "queued" else 2)
            latest = page.button(key=f"open_{address(page)['run']}").label
            assert latest.endswith({"completed": "%"}.get(state, state))


def test_a_sweep_is_shown_in_one_state_whenever_a_trial_ends(store):
    def prepare():
        study = study_in(store, name=f"s{len(resources.studies().list())}")
        study.update(status=RUNNING, process=asdict(Process.current()))
        trial = TrialRecord(0, TRIAL_COMPLETED, {"depth": 1}, [], 0.5)
        return study.path, lambda: study.record(trial)

    def draw(name):
        page = page_alone("sweep")
        page.query_params["study"] = name
        return page.run()

    for page in every_moment(draw, prepare):
        completed = next(metric.value for metric in page.metric if metric.label == "Completed")
        assert page.button(key="train_winner").disabled == (completed == "0")
        assert ("use_winner" in {button.key for button in page.button}) == (completed == "1")


def test_an_evaluated_model_has_the_epoch_of_its_own_file(tmp_path):
    """While a run trains, its model may be replaced between the list of models and its evaluation."""
    shutil.copytree(ROOT / "models" / "elu", tmp_path / "elu")
    library = Library(RunStore(tmp_path), task_process=None)
    [model] = library.models()
    request = model.request()
    predictions = SimpleNamespace(facts=SimpleNamespace(model_hash=library.hash(request)))
    assert library.as_predicted(model, request, predictions).best.epoch == model.best.epoch
    shutil.copy(ROOT / "models" / "bn" / "best.keras", tmp_path / "elu" / "best.keras")
    assert library.as_predicted(model, request, predictions) is None
    predictions = SimpleNamespace(facts=SimpleNamespace(model_hash=library.hash(request)))
    assert library.as_predicted(model, request, predictions).best.epoch != model.best.epoch
