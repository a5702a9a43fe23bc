"""The Sweep page: its form and a study of every state, and one sweep from the button to the winner in a browser."""

import re
import time
import tomllib
from dataclasses import asdict
from urllib.parse import unquote

import pytest
from browser import HANGS, chromium, serve, wait_for
from drawn import page_alone, texts
from scripted import Scripted, add_epochs, study_in, trains
from streamlit.testing.v1 import AppTest

from explorer.pages.run.links import NAME_IN_ADDRESS
from explorer.process import Process
from explorer.runs.status import COMPLETED, FAILED
from explorer.runs.store import RunStore
from explorer.sweeps import study as folder
from explorer.sweeps import summary
from explorer.sweeps.driver import drive
from explorer.sweeps.study import TRIAL_COMPLETED, TRIAL_RUNNING, StudyStore, TrialRecord
from explorer.sweeps.study_spec import StudySpec


def app(**query: str) -> AppTest:
    page = page_alone("sweep")
    page.query_params.update({"dataset": "digits", **query})
    page.run()
    assert not page.exception
    return page


def spec_shown(page: AppTest) -> StudySpec:
    assert not page.exception
    return StudySpec.from_dict(tomllib.loads(page.code[0].value))


def button(page: AppTest, key: str):
    return page.button(key=key)


def test_the_form_says_what_it_asks_for(store):
    page = app()
    spec = spec_shown(page)
    assert spec.space.fields() == [
        "activation",
        "learning_rate",
        "kernel_initializer",
    ]  # SELU only with LeCun initializers
    assert spec.space.settings == {"dataset": "digits"}
    assert (spec.name, spec.sampler, spec.trials, spec.epochs) == ("study 1", "tpe", 20, 10)
    assert "20 trials" in texts(page)
    assert not button(page, "start_sweep").disabled


def test_any_field_can_be_varied_in_the_form(store):
    from explorer.config import FIELDS

    page = app()
    page.multiselect(key="vary").set_value(list(FIELDS)).run()
    assert not page.error, texts(page)
    assert set(spec_shown(page).space.fields()) == set(FIELDS)


def test_selu_with_lecun_and_conditions_of_ones_own(store):
    page = app()
    page.multiselect(key="vary").set_value(["activation", "kernel_initializer", "depth"]).run()
    page.number_input(key="conditions").set_value(1).run()
    page.selectbox(key="when_0").set_value("depth")
    page.text_input(key="when_values_0").set_value("3, 4")
    page.selectbox(key="then_0").set_value("batch_norm")
    page.text_input(key="then_values_0").set_value("after_activation")
    page.text_input(key="vary_depth_only").set_value("2, 3, 4").run()
    for drawn in StudySpec.from_dict({**spec_shown(page).to_dict(), "sampler": "grid"}).space.grid():
        assert drawn["activation"] != "selu" or drawn["kernel_initializer"].startswith("lecun")
        assert (drawn.get("batch_norm") == "after_activation") == (drawn["depth"] in (3, 4))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("vary_learning_rate_low", "fast", "space.learning_rate.low: 'fast' is not allowed"),
        ("vary_learning_rate_high", "11", "space.learning_rate.high: '11' is not allowed"),
        (
            "vary_learning_rate_low",
            "0.1",
            "space.learning_rate.high: 0.0005 is not allowed; it must be greater than low",
        ),
        ("study_name", "../up", "name: '../up' is not allowed"),
    ],
)
def test_bad_input_is_one_sentence(store, key, value, words):
    page = app()
    page.text_input(key=key).set_value(value).run()
    assert not page.exception
    assert words in texts(page)
    assert not [b for b in page.button if b.key == "start_sweep"]


def test_a_completed_study_with_all_its_pictures(store):
    study = study_in(store, trials=12, space={"depth": [1, 2, 3, 4], "width": [10, 20, 30]})
    drive(study, store, lambda: Scripted(trains, slots=2))
    page = app(study="s")
    assert "12 of 12 trials" in page.get("progress")[0].proto.text
    assert "explains over 12 completed trials (fANOVA): mean ± one standard deviation" in texts(page)
    assert len(page.get("vega_lite_chart")) == 6  # best, curves, importance, two slices, the linked views
    assert page.dataframe[0].value["trial"].tolist()[:3] == [0, 1, 2]
    assert not button(page, "train_winner").disabled
    button(page, "use_winner").click().run()
    assert (page.session_state["depth"], page.session_state["width"]) == (1, "10")


def test_every_trial_links_to_the_page_of_its_run_by_the_name_of_the_run(store):
    study = study_in(store, trials=3, space={"depth": [1, 2, 3]})
    drive(study, store, lambda: Scripted(trains))
    runs = {trial.trial: trial.runs[-1] for trial in study.trials()}
    table = app(study="s").dataframe[0].value
    links = {trial: re.fullmatch(rf"\./\?run={runs[trial]}{NAME_IN_ADDRESS}", link)
             for trial, link in zip(table["trial"], table["run"], strict=True)}  # fmt: skip
    assert len(links) == 3 and all(links.values())
    assert {runs[trial]: unquote(link[1]) for trial, link in links.items()} == store.names()


def test_a_study_that_varies_the_penalty_says_that_its_loss_includes_it(store):
    study = study_in(store, trials=2, space={"l2": [0.0, 0.01]})
    drive(study, store, lambda: Scripted(trains))
    said = (
        "The validation loss includes the L2 penalty, which differs between the trials; the validation accuracy does "
        "not."
    )
    assert said in texts(app(study="s")) and summary.lines(summary.result(study))[-1] == said
    smoothed = study_in(store, name="smoothed", trials=2, space={"l2": [0.0, 0.01], "label_smoothing": [0.0, 0.1]})
    assert smoothed.spec.caution == (
        "The validation loss includes the L2 penalty and label smoothing, which differ between the trials; the "
        "validation accuracy does not."
    )
    other = study_in(store, name="other", trials=2, space={"l2": [0.0, 0.01]}, objective="val_accuracy")
    assert not other.spec.caution and not study_in(store, name="third", trials=2).spec.caution


def test_failed_trials_keep_their_reasons(store):
    def script(run, config):
        add_epochs(run, config, until=1)
        run.end(FAILED, "diverged: the loss became NaN")

    study = study_in(store)
    drive(study, store, lambda: Scripted(script))
    page = app(study="s")
    assert set(page.dataframe[0].value["reason"]) == {"diverged: the loss became NaN"}
    assert button(page, "train_winner").disabled


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": folder.STOPPED, "reason": "stopped by hand"}, "Stopped by hand."),
        ({"status": folder.FAILED, "reason": "the disk is full"}, "the disk is full."),
        (
            {"status": folder.RUNNING, "process": {"host": "", "pid": 1, "started": 0.0}},
            "The first trial appears",
        ),
        (
            {"status": folder.RUNNING, "problems": ["the worker x is not used: it has keras 2"]},
            "The worker x is not used",
        ),
    ],
)
def test_a_study_of_each_state(store, changes, words):
    study_in(store).update(**changes)
    page = app(study="s")
    assert words in texts(page)
    assert bool([b for b in page.button if b.key == "stop_sweep"]) == (changes["status"] == folder.RUNNING)


@pytest.mark.parametrize(("status", "word"), [(folder.RUNNING, "running"), (folder.STOPPED, "open")])
def test_a_trial_that_has_begun_runs_while_the_sweep_does_and_is_open_after_that(store, status, word):
    study = study_in(store)
    study.record(TrialRecord(0, TRIAL_RUNNING, {"depth": 1}, []))
    study.update(status=status, process={"host": "", "pid": 1, "started": 0.0})
    page = app(study="s")
    assert {metric.label: metric.value for metric in page.metric}[word.capitalize()] == "1"
    assert "The best so far appears here" in texts(page)
    [row] = page.dataframe[0].value.to_dict("records")
    assert row["state"].endswith(f" {word}") and row["val_loss"] is None
    assert f"trials: 1 {word};" in "\n".join(summary.lines(summary.result(study)))


def test_broken_and_missing_studies_are_told(store):
    study = study_in(store)
    (study.path / "study.json").write_text("{")
    assert "'nobody' does not exist" in texts(app(study="nobody"))
    assert "This study cannot be shown: study.json" in texts(app(study="s"))


@pytest.fixture
def limited(monkeypatch):
    """A server with limits."""
    for name, value in (("EPOCHS", "4"), ("MINUTES", "2"), ("RUNS", "1")):
        monkeypatch.setenv(f"EXPLORER_MAX_{name}", value)


def test_a_study_keeps_to_the_limits_of_the_server(store, limited):
    page = app(study="-")
    spec = spec_shown(page)
    assert (spec.epochs, spec.minutes) == (4, 2.0) and "at most about" in texts(page)
    active = study_in(store)
    active.update(status=folder.RUNNING, process=asdict(Process.current()), seen=time.time())
    button(page, "start_sweep").click().run()
    assert "studies: 1 study is running, the maximum on this server; wait until one ends, or stop one" in texts(page)
    assert [study.name for study in StudyStore(store).list()] == [active.name]


def test_from_the_button_to_the_winner(tmp_path):
    """A real sweep on digits, made on the page, watched, and its winner trained with five seeds."""
    store = RunStore(tmp_path)
    with serve(tmp_path) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(1000 * HANGS)
        page.goto(f"{address}/sweep?dataset=digits&depth=1&width=16&learning_rate=0.01&patience=2")
        page.get_by_role("heading", name="Search for the best settings").wait_for()
        for label, value in (("Maximum trials", "4"), ("Epochs per trial", "3")):
            page.get_by_label(label, exact=True).fill(value)
            page.get_by_label(label, exact=True).press("Enter")
        page.get_by_text("4 trials").wait_for()
        page.get_by_text("3 epochs each").wait_for()
        page.get_by_role("button", name="Start study").dblclick()
        page.get_by_role("button", name="Stop", exact=True).wait_for()
        assert page.get_by_test_id("stAlert").count() == 0
        [study] = StudyStore(store).list()
        assert study.name == "study 1"
        page.wait_for_url(lambda url: "study=study+1" in url)
        wait_for(lambda: study.status().status == folder.RUNNING)
        driver = Process(**study.status().process)

        page.reload()  # a page that is closed or loaded anew changes nothing
        wait_for(lambda: study.status().status == folder.COMPLETED)
        page.get_by_text("4 of 4 trials").wait_for()
        assert [trial.state for trial in study.trials()] == [TRIAL_COMPLETED] * 4
        wait_for(driver.ended)
        wait_for(lambda: page.get_by_test_id("stVegaLiteChart").count() >= 4)

        page.get_by_role("button", name="Train the winner to the end").click()
        page.get_by_text("The winner, trained to the end").wait_for()
        winners = [s for s in store.list() if s.name.startswith("study_1_winner")]
        assert sorted(s.config.seed for s in winners) == [1, 2, 3, 4, 5]
        assert {s.config.learning_rate for s in winners} == {study.trials()[_best(study)].settings["learning_rate"]}
        page.get_by_text("5 of 5 seeds").wait_for()
        assert {store.get(winner.name).status().status for winner in winners} == {COMPLETED}


def _best(study) -> int:
    return min(study.trials(), key=lambda trial: trial.value).trial
