"""Findings, internals, twins and the fault gallery in Streamlit's test runner, on hand-made run folders."""

import re

import pytest
from browser import wait_for
from drawn import address, app, page_alone, texts
from made_runs import DIGITS, history, signals
from streamlit.testing.v1 import AppTest

from explorer.config import TrainingConfig
from explorer.data.own.adding import Request, add
from explorer.diagnosis.case_questions import QUESTIONS
from explorer.diagnosis.fault_cases import CASES
from explorer.diagnosis.lessons import LESSONS
from explorer.pages import navigation, resources
from explorer.pages.gallery.questions import order
from explorer.pages.gallery.state import read_answers, write_answers
from explorer.pages.run import internals
from explorer.pages.train.run_groups import GALLERY, origin
from explorer.runs.status import COMPLETED, FAILED

SIGMOID = DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform")
SHRINKING = {"gradient_rms": [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 4e-3]}


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


def inside(page: AppTest) -> AppTest:
    """The page of a run with what is inside the network, which is not the first of its parts."""
    return page.segmented_control(key="run_part").set_value("Inside the network").run()


def button(page: AppTest, label: str):
    return next(b for b in page.button if b.label.startswith(label))


# --- A run --------------------------------------------------------------------------------------------


def test_a_run_shows_its_finding_and_one_click_puts_the_change_into_the_sidebar(store):
    page = app(run=trained(store, by_depth=SHRINKING).name)
    assert not page.exception
    assert "**Vanishing gradients**" in texts(page) and "one part in 4,000,000 of the output layer's" in texts(page)
    assert "What you see." in texts(page) and "Source: [Glorot & Bengio" in texts(page)
    button(page, "Copy to the sidebar").click().run()
    assert page.selectbox(key="batch_norm").value == "before_activation"
    assert "in the settings] batch normalization off → " in texts(page)
    assert button(page, "Train with this change")
    assert page.selectbox(key="activation").value == "sigmoid"
    assert not page.exception


def test_a_healthy_run_has_no_problems(store):
    page = app(run=trained(store, DIGITS, records=history(1.2, 0.5, 0.3, accuracy=0.95)).name)
    assert texts(page).count("no problems so far") == 1


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
    assert "Stuck at chance level" in texts(page)
    assert "Nothing was measured inside this network" in texts(inside(page))


def test_every_way_of_looking_inside(store):
    page = inside(app(run=trained(store, by_depth=SHRINKING).name))
    for way in internals.WAYS:
        page.segmented_control(key="inside_way").set_value(way).run()
        assert not page.exception
        assert len(page.get("vega_lite_chart")) == 3
        if way != internals.HISTOGRAM:
            page.selectbox(key="inside_signal").set_value("dead").run()
            assert not page.exception and "flat part of the activation for every probe input" in texts(page)
            page.selectbox(key="inside_signal").set_value("gradient_rms").run()


def test_what_a_logarithmic_axis_leaves_out_is_said(store):
    some = {"gradient_rms": [1e-9, 0.0, 1e-7, 1e-6, 1e-5, 4e-3]}
    none = {"gradient_rms": [0.0] * 6}
    for by_depth, left_out, nothing in ((SHRINKING, False, False), (some, True, False), (none, False, True)):
        page = inside(app(run=trained(store, by_depth=by_depth).name))
        for way in (internals.EVERY_LAYER, internals.BY_DEPTH):
            page.segmented_control(key="inside_way").set_value(way).run()
            assert (internals.NO_ZERO in texts(page)) == left_out
            assert ("No value is above 0" in texts(page)) == nothing


def test_a_thousand_epochs_of_twenty_layers_are_thinned_out(store):
    page = inside(app(run=trained(store, DIGITS.with_(depth=20), 20, history(*[1.0] * 1000)).name))
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 3


def test_what_the_log_scale_of_an_exploded_twin_leaves_out_is_said(store):
    run = trained(store, records=history(1.0, 0.5))
    for changed, said in ((history(1.0, 1e9), False), (history(0.0, 1e9), True)):
        twin = trained(store, SIGMOID.with_(activation="elu"), records=changed)
        page = app(run=twin.name, twin=run.name)
        assert not page.exception and "One thing changed" in texts(page)
        assert (internals.NO_ZERO in texts(page)) == said


def test_changing_one_thing_says_what_starts_equal_and_shows_both(store):
    run = trained(store)
    twin = trained(store, SIGMOID.with_(activation="elu"), records=history(1.0, 0.5))
    page = app(run=run.name)
    page.session_state["twin"] = True  # the popover is open
    page.selectbox(key="twin_field").set_value("activation").run()
    page.selectbox(key="twin_value_activation").set_value("elu").run()
    assert "**activation Sigmoid → ELU**" in texts(page) and "All initial weights are identical." in texts(page)
    page.selectbox(key="twin_field").set_value("width").run()
    page.text_input(key="twin_value_width").set_value("0").run()
    assert "must be a whole number from 1 to 2,048" in texts(page)
    assert button(page, "Train the twin").disabled
    page.selectbox(key="twin_field").set_value("activation").run()
    page.selectbox(key="twin_value_activation").set_value("elu").run()
    assert page.session_state["twin"]
    button(page, "Train the twin").click().run()
    assert not page.exception and not page.session_state["twin"]
    assert address(page)["run"] == twin.name and address(page)["twin"] == run.name
    assert "**One thing changed: activation Sigmoid → ELU.**" in texts(page)
    assert len(store.list()) == 2


# --- Before training ----------------------------------------------------------------------------------


def test_nothing_is_measured_before_training_until_it_is_asked_for(store):
    page = app()
    assert not page.exception
    assert "256 training images" not in texts(page) and "Measuring" not in texts(page)


@pytest.mark.parametrize(("scaling", "warned"), [("raw", True), ("standardized", False)])
def test_raw_pixels_are_warned_of_before_training(store, scaling, warned):
    page = app(input_scaling=scaling, depth="2", width="20")
    page.segmented_control(key="part").set_value("Before training").run()
    wait_for(lambda: "on the first 256 training images" in texts(page.run()))
    assert not page.exception
    said = f"{LESSONS['inputs'].title}" in texts(page), "activations of layer 1 have a variance of" in texts(page)
    assert said == (warned, warned)
    assert ("no problem found" in texts(page)) != warned


# --- The gallery --------------------------------------------------------------------------------------


def test_the_gallery_asks_first_and_a_link_opens_a_case(store):
    page = gallery(case="zeros")
    assert not page.exception
    assert CASES["zeros"].title in texts(page) and page.radio[0].label == f"**{CASES['zeros'].question}**"
    assert page.radio[0].value is None and button(page, "Train and see").disabled
    assert CASES["zeros"].reveal not in texts(page)
    assert store.list() == []


def test_the_address_of_a_case_does_not_give_the_answer_away(store):
    page = gallery(case="dying_relu")
    number = list(CASES).index("dying_relu") + 1
    assert address(page)["case"] == f"{number}"
    assert CASES["dying_relu"].question in gallery(case=f"{number}").radio[0].label
    page.button(key="case_next").click().run()
    assert address(page)["case"] == f"{number + 1}"


def test_a_case_that_is_not_there_is_one_sentence(store):
    page = gallery(case="nobody")
    assert not page.exception
    assert "case: 'nobody' is not allowed; it must be one of sigmoid, zeros," in texts(page)


@pytest.mark.parametrize("right", [True, False])
def test_both_answers_are_counted_and_the_runs_revealed(store, right):
    case, questions = CASES["sigmoid"], QUESTIONS["sigmoid"]
    trained(store, case.config, 20, by_depth={"gradient_rms": [10.0 ** (depth - 24) for depth in range(21)]})
    trained(store, case.fixed_config, 20, history(1.0, 0.5, accuracy=0.9))
    page = gallery(case="sigmoid")
    chosen = case.right if right else next(iter(questions.wrong))
    page.radio[0].set_value(chosen).run()
    button(page, "Train and see").click().run()
    assert not page.exception
    assert page.metric[0].value == ("1 of 1" if right else "0 of 1")
    page_text = texts(page)
    assert ("Correct." in page_text) == right
    assert (f"Incorrect. {questions.wrong.get(chosen)} The answer is: {case.answers[case.right]}" in page_text) != right
    assert case.reveal in page_text and "**Vanishing gradients**" in page_text
    assert case.fixed not in page_text and questions.choices[0].why not in page_text

    page.radio(key="second_sigmoid").set_value(0 if right else 2).run()
    page.button(key="mend").click().run()
    assert not page.exception
    assert page.metric[0].value == ("2 of 2" if right else "0 of 2")
    page_text = texts(page)
    assert questions.choices[0].why in page_text and (questions.choices[2].why in page_text) != right
    assert case.fixed in page_text and "All initial weights are identical" in page_text
    button(page, "Next").click().run()
    assert page.radio[0].label == f"**{CASES['zeros'].question}**"
    assert page.metric[0].value == ("2 of 2" if right else "0 of 2")


def test_a_case_is_tried_on_the_data_set_that_is_chosen(store, tmp_path, monkeypatch):
    """The settings of every case are allowed on a table of one's own, and one click puts them into the sidebar."""
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    (tmp_path / "pets.csv").write_text("size,age,label\n" + "".join(f"{i},{i * i},{i % 3}\n" for i in range(30)))
    own = add(Request("my_pets", str(tmp_path / "pets.csv"), "pets.csv")).full_name
    assert {case.config.with_(dataset=own).dataset for case in CASES.values()} == {own}
    left = []
    monkeypatch.setattr(navigation, "go_to", lambda name, **_: left.append(name))
    given = ",".join(f"{name}.0" for name in CASES)
    page = gallery(case="zeros", answers=given)
    assert [b.label for b in page.button if b.label.startswith("Try them on")] == []  # nothing was chosen yet
    page.session_state["settings"] = TrainingConfig(dataset=own)
    page.run()
    button(page, "Try them on my_pets").click().run()
    assert not page.exception and left == ["train"]
    kept = {name: page.session_state[name] for name in ("dataset", "kernel_initializer", "activation", "depth")}
    assert kept == {"dataset": own} | {name: getattr(CASES["zeros"].config, name) for name in list(kept)[1:]}


def test_a_run_of_the_gallery_is_marked_as_such(store):
    page = gallery(case="sigmoid")
    page.radio[0].set_value(0).run()
    button(page, "Train and see").click().run()
    (summary,) = store.list()
    resources.run_queue().stop(summary.run)
    assert not page.exception and "_gallery_" in summary.name and origin(summary) == GALLERY


def test_a_reload_keeps_the_score_and_the_runs(store):
    """The URL holds the answers; the runs are those of the same settings."""
    case = CASES["sigmoid"]
    trained(store, case.config, 20)
    trained(store, case.fixed_config, 20, history(1.0, 0.5, accuracy=0.9))
    given = f"sigmoid.{case.right}.1,zeros.0"
    page = gallery(case="sigmoid", answers=given)
    assert not page.exception
    assert page.metric[0].value == "1 of 3"
    assert "Correct." in texts(page) and case.fixed in texts(page)
    assert re.search(r"\*\*Fix:\*\* .+ :gray-badge\[untried\]", texts(page))
    assert page.query_params["answers"] in (given, [given])
    page.button(key="score_again").click().run()
    assert page.metric[0].value == "none yet" and page.radio[0].value is None


@pytest.mark.parametrize(
    "text", ["", "nobody.1", "sigmoid", "sigmoid.7", "sigmoid.1.9", "sigmoid.x", "sigmoid.1.1.1", "9" * 5000]
)
def test_answers_that_fit_no_case_are_ignored(text):
    assert read_answers(text) == {}
    assert read_answers(f"{text},zeros.1") == {"zeros": (1, None)}


def test_the_answers_in_the_url_are_read_as_they_were_written():
    given = {"sigmoid": (1, None), "zeros": (0, 2), "linear": (2, 0)}
    assert read_answers(write_answers(given)) == given


def test_the_end_of_the_gallery_says_what_to_read_next(store):
    page = gallery(case=list(CASES)[-1])
    assert "Further reading" in texts(page)
    assert "Further reading" not in texts(gallery(case="sigmoid"))


def test_the_right_choice_is_not_always_in_the_same_place():
    places = [order(case).index(0) for case in CASES.values()]
    assert max(places.count(place) for place in range(3)) < 0.6 * len(places)
