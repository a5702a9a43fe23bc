"""Findings, internals, twins and the fault gallery in Streamlit's test runner, on hand-made run folders."""

import pytest
from drawn import address, page_alone, texts, whole_app
from made_runs import DIGITS, history, signals
from streamlit.testing.v1 import AppTest

from explorer.diagnosis.fault_cases import CASES
from explorer.pages import resources
from explorer.pages.run import internals
from explorer.runs.run import COMPLETED, FAILED
from explorer.runs.store import RunStore

SIGMOID = DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform")
SHRINKING = {"gradient_rms": [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 4e-3]}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    resources.store.clear()
    yield RunStore()
    resources.store.clear()


@pytest.fixture(scope="module", autouse=True)
def close_processes():
    yield
    resources.run_queue().close()
    resources.run_queue.clear()
    resources.task_process().close()
    resources.task_process.clear()
    resources.initial_signals.clear()


def app(**query: str) -> AppTest:
    page = whole_app()
    page.query_params.update({"dataset": "digits", **query})
    return page.run()


def gallery(**query: str) -> AppTest:
    """The gallery alone: the test runner cannot switch between pages that are functions."""

    page = page_alone("gallery")
    page.query_params.update(query)
    return page.run()


def trained(store, config=SIGMOID, depth=5, records=None, by_depth=None, status=COMPLETED, reason="all is trained"):
    run = store.create(config)
    records = history(*[2.3026] * 4, accuracy=0.1) if records is None else records
    for epoch in range(len(records) + 1):
        run.append_signals(signals(epoch, depth=depth, by_depth=by_depth))
    for record in records:
        run.append(record)
    run.end(status, reason)
    return run


def button(page: AppTest, label: str):
    return next(b for b in page.button if b.label.startswith(label))


# --- A run --------------------------------------------------------------------------------------------


def test_a_run_shows_its_finding_and_one_click_puts_the_change_into_the_sidebar(store):
    page = app(run=trained(store, by_depth=SHRINKING).name)
    assert not page.exception
    assert "**Vanishing gradients**" in texts(page) and "one part in 4,000,000 of the output layer's" in texts(page)
    assert "What you see." in texts(page) and "Source: [Glorot & Bengio" in texts(page)
    button(page, "Try batch normalization ").click().run()
    assert page.selectbox(key="batch_norm").value == "before_activation"
    assert page.selectbox(key="activation").value == "sigmoid"
    assert not page.exception


def test_a_healthy_run_has_no_problems(store):
    page = app(run=trained(store, DIGITS, records=history(1.2, 0.5, 0.3, accuracy=0.95)).name)
    assert "no problems so far" in texts(page)


def test_a_run_that_blew_up_in_its_first_epoch_is_explained(store):
    reason = "diverged: the training loss became infinite in epoch 1, by step 8 of 45; a lower learning rate may help"
    page = app(run=trained(store, DIGITS, records=[], status=FAILED, reason=reason).name)
    assert not page.exception
    assert "**Divergence**" in texts(page) and "at learning rate 0.001 with Nadam" in texts(page)


def test_a_run_of_an_earlier_version_has_curves_and_findings_but_no_signals(store):
    run = store.create(SIGMOID)
    for record in history(*[2.3026] * 4, accuracy=0.1):
        run.append(record)
    run.end(COMPLETED, "all is trained")
    page = app(run=run.name)
    assert not page.exception
    assert "Nothing was measured inside this network" in texts(page) and "Stuck at chance level" in texts(page)


def test_every_way_of_looking_inside(store):
    page = app(run=trained(store, by_depth=SHRINKING).name)
    for way in internals.WAYS:
        page.segmented_control(key="inside_way").set_value(way).run()
        assert not page.exception
        assert len(page.get("vega_lite_chart")) == 3
        if way != internals.HISTOGRAM:
            page.selectbox(key="inside_signal").set_value("dead").run()
            assert not page.exception and "flat part of the activation for every probe image" in texts(page)
            page.selectbox(key="inside_signal").set_value("gradient_rms").run()


def test_what_a_logarithmic_axis_leaves_out_is_said(store):
    some = {"gradient_rms": [1e-9, 0.0, 1e-7, 1e-6, 1e-5, 4e-3]}
    none = {"gradient_rms": [0.0] * 6}
    for by_depth, left_out, nothing in ((SHRINKING, False, False), (some, True, False), (none, False, True)):
        page = app(run=trained(store, by_depth=by_depth).name)
        for way in (internals.EVERY_LAYER, internals.BY_DEPTH):
            page.segmented_control(key="inside_way").set_value(way).run()
            assert (internals.NO_ZERO in texts(page)) == left_out
            assert ("No value is above 0" in texts(page)) == nothing


def test_a_thousand_epochs_of_twenty_layers_are_thinned_out(store):
    page = app(run=trained(store, DIGITS.with_(depth=20), 20, history(*[1.0] * 1000)).name)
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 3


def test_changing_one_thing_says_what_starts_equal_and_shows_both(store):
    run = trained(store)
    twin = trained(store, SIGMOID.with_(activation="elu"), records=history(1.0, 0.5))
    page = app(run=run.name)
    page.selectbox(key="twin_field").set_value("activation").run()
    page.selectbox(key="twin_value_activation").set_value("elu").run()
    assert "**activation Sigmoid → ELU**" in texts(page) and "All initial weights are identical." in texts(page)
    page.selectbox(key="twin_field").set_value("width").run()
    page.text_input(key="twin_value_width").set_value("0").run()
    assert "must be a whole number from 1 to 2,048" in texts(page)
    assert button(page, "Train the twin").disabled
    page.selectbox(key="twin_field").set_value("activation").run()
    page.selectbox(key="twin_value_activation").set_value("elu").run()
    button(page, "Train the twin").click().run()
    assert not page.exception
    assert address(page)["run"] == twin.name and address(page)["twin"] == run.name
    assert "**One thing changed: activation Sigmoid → ELU.**" in texts(page)
    assert len(store.list()) == 2


# --- Before training ----------------------------------------------------------------------------------


def test_nothing_is_measured_before_training_until_it_is_asked_for(store):
    page = app()
    assert not page.exception
    assert "256 training images" not in texts(page) and "Measuring" not in texts(page)


# --- The gallery --------------------------------------------------------------------------------------


def test_the_gallery_asks_first_and_a_link_opens_a_case(store):
    page = gallery(case="zeros")
    assert not page.exception
    assert CASES["zeros"].title in texts(page) and page.radio[0].label == f"**{CASES['zeros'].question}**"
    assert page.radio[0].value is None and button(page, "Train and see").disabled
    assert CASES["zeros"].reveal not in texts(page)
    assert store.list() == []


def test_a_case_that_is_not_there_is_one_sentence(store):
    page = gallery(case="nobody")
    assert not page.exception
    assert "case: 'nobody' is not allowed; it must be one of sigmoid, zeros," in texts(page)


@pytest.mark.parametrize("right", [True, False])
def test_an_answer_is_counted_and_the_run_revealed(store, right):
    case = CASES["sigmoid"]
    trained(store, case.config, 20, by_depth={"gradient_rms": [10.0 ** (depth - 24) for depth in range(21)]})
    trained(store, case.fixed_config, 20, history(1.0, 0.5, accuracy=0.9))
    page = gallery(case="sigmoid")
    chosen = case.right if right else (case.right + 1) % 3
    page.radio[0].set_value(chosen).run()
    button(page, "Train and see").click().run()
    assert not page.exception
    assert [metric.value for metric in page.metric[:2]] == (["1", "0"] if right else ["0", "1"])
    page_text = texts(page)
    assert ("Correct." in page_text) == right and (
        f"Incorrect. The answer is: {case.answers[case.right]}" in page_text
    ) != right
    assert case.reveal in page_text and "**Vanishing gradients**" in page_text
    button(page, "Train with activation Sigmoid → ELU").click().run()
    assert not page.exception
    assert case.fixed in texts(page) and "All initial weights are identical" in texts(page)
    button(page, "Next").click().run()
    assert page.radio[0].label == f"**{CASES['zeros'].question}**"
    assert [metric.value for metric in page.metric[:2]] == (["1", "0"] if right else ["0", "1"])
