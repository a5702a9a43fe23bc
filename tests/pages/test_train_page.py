"""The Train page in Streamlit's test runner, on digits and with run folders in every state."""

import json
import re

import numpy as np
import pytest
import streamlit as st
from drawn import address, button, texts, whole_app
from streamlit.testing.v1 import AppTest

from explorer.config import TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.diagnosis.lessons import lesson_of
from explorer.export.run_findings import findings_of
from explorer.pages.run import page as run_page
from explorer.runs.decision_boundary import SIDE
from explorer.runs.history import EpochRecord
from explorer.runs.status import COMPLETED, FAILED, INTERRUPTED, PAUSED
from explorer.workers import worker

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)
DEFAULTS = TrainingConfig().to_dict()


def app(more: bool = False, **query: str) -> AppTest:
    """The Train page on digits; `more` opens the collapsed settings."""
    page = whole_app()
    page.query_params.update({"dataset": "digits", **query})
    page.session_state["more"] = more
    return page.run()


def trained(store, config=DIGITS, status=COMPLETED, epochs=3, reason=""):
    run = store.create(config)
    for epoch in range(1, epochs + 1):
        run.append(EpochRecord(epoch, 2.0 / epoch, min(1, 0.2 * epoch), 2.1 / epoch, min(1, 0.19 * epoch), 5e-5, 0.1))
    run.end(status, reason)
    return run


def shared(page: AppTest) -> dict[str, str]:
    """The settings in the page's URL."""
    return {name: value for name, value in address(page).items() if name not in ("dataset", "run")}


def test_a_loss_with_a_penalty_is_shown_by_its_parts_and_one_without_is_not(store):
    penalized = store.create(DIGITS.with_(l2=0.5))
    penalized.append(EpochRecord(1, 2.0, 0.5, 0.5856, 0.5, 1e-3, 0.1, penalty=1.5, val_penalty=0.5006))
    penalized.end(COMPLETED, "")
    said = texts(app(run=penalized.name))
    assert "0.0850 (data loss) + 0.5006 (penalty)" in said and "as in Keras" in said
    assert "(penalty)" not in texts(app(run=trained(store).name))


def test_how_often_clipping_acts_is_shown_and_nothing_where_it_does_not(store):
    clipped = store.create(DIGITS.with_(clip_norm=0.5))
    clipped.append(EpochRecord(1, 2.0, 0.5, 2.0, 0.5, 1e-3, 0.1, clipped=0.975))
    clipped.end(COMPLETED, "")
    assert "In epoch 1, the gradient was clipped to norm 0.5 in 98% of the steps" in texts(app(run=clipped.name))
    assert "clipped" not in texts(app(run=trained(store).name))


def test_first_page_says_what_to_do_next(store):
    page = app()
    assert not page.exception
    assert "press **Train**" in texts(page) and "“The notebook” in this app is" in texts(page.run())
    assert "1,437 training and 360 validation images" in texts(page)


def test_every_field_has_a_control_with_help_where_it_makes_a_difference(store):
    from explorer.config import FIELDS

    def helped(**query: str) -> set[str]:
        page = app(more=True, **query)
        widgets = [*page.selectbox, *page.slider, *page.select_slider, *page.number_input]
        return {widget.label for widget in widgets if widget.help}

    first = helped()
    for field in FIELDS.values():
        assert (field.label in first) == (not field.needs)
    for needs in {tuple((name, wanted[0]) for name, wanted in f.needs.items()) for f in FIELDS.values() if f.needs}:
        shown = helped(**dict(needs))
        assert {f.label for f in FIELDS.values() if f.needs and f.matters({**DEFAULTS, **dict(needs)})} <= shown


def test_a_box_counts_in_steps_that_suit_its_field(store):
    page = app(more=True)
    steps = {box.key: box.step for box in page.number_input}
    assert (steps["weight_decay"], steps["l2"], steps["label_smoothing"]) == (1e-4, 1e-4, 0.05)


def test_settings_come_from_the_url_and_bad_ones_fall_back(store):
    page = app(depth="7", activation="tanh", learning_rate="0.003", width="nonsense")
    assert page.slider(key="depth").value == 7
    assert page.selectbox(key="activation").value == "tanh"
    assert page.text_input(key="learning_rate").value == "0.003"
    assert page.text_input(key="width").value == "100"
    assert ignored(page) == "Ignored from the link: width=nonsense (it must be a whole number from 1 to 2,048)."
    page.run()
    assert ignored(page)
    page.slider(key="depth").set_value(8).run()
    assert not ignored(page)


def test_a_message_is_not_lost_where_the_page_begins_anew(store, monkeypatch):
    page = app(run=trained(store).name)
    changes = [True]
    monkeypatch.setattr(run_page, "watch", lambda *_: changes and changes.pop() and st.rerun())
    page.session_state["message"] = "Something"
    page.run()
    assert [error.value for error in page.error] == ["Something."] and not changes
    assert not page.run().error


def test_a_second_link_says_what_was_ignored_of_it_too(store):
    page = app(width="nonsense")
    run = trained(store)
    page.query_params.update({"run": run.name, "twin": "gone"})
    page.run()
    assert "twin=gone (no such run)" in ignored(page)
    page.run()
    assert ignored(page)


def ignored(page) -> str:
    """The sentence about the parts of a link that could not be used."""
    return "".join(each.value for each in page.warning if "from the link" in each.value)


def test_a_link_to_a_twin_that_is_gone_says_so(store):
    run = trained(store)
    page = app(run=run.name, twin="gone")
    assert ignored(page) == "Ignored from the link: twin=gone (no such run)."
    assert "twin" not in page.query_params


def test_a_twin_leads_to_its_original(store):
    original, twin = trained(store), trained(store, DIGITS.with_(depth=4))
    page = app(run=twin.name, twin=original.name)
    assert ignored(page) == ""
    assert store.names()[original.name] in [link.proto.label for link in page.get("page_link")]


def test_folded_settings_count_and_are_kept_while_their_widgets_are_not_drawn(store):
    page = app(optimizer="adam", seed="7", batch_size="64")
    assert not {"optimizer", "seed", "batch_size"} & {widget.key for widget in [*page.selectbox, *page.text_input]}
    assert shared(page) == {"optimizer": "adam", "seed": "7", "batch_size": "64"}
    page.session_state["more"] = True
    page.run()
    assert (page.selectbox(key="optimizer").value, page.number_input(key="seed").value) == ("adam", 7)
    page.selectbox(key="optimizer").set_value("sgd").run()
    page.text_input(key="batch_size").set_value("128").run()
    page.session_state["more"] = False
    for _ in range(3):  # what a widget held is gone after the first
        page.run()
        assert shared(page) == {"optimizer": "sgd", "seed": "7", "batch_size": "128"}
    page.session_state["more"] = True
    page.run()
    assert (page.selectbox(key="optimizer").value, page.text_input(key="batch_size").value) == ("sgd", "128")


def test_a_folded_setting_that_is_not_allowed_is_told(store):
    page = app(more=True)
    page.text_input(key="batch_size").set_value("none").run()
    page.session_state["more"] = False
    for _ in range(3):
        page.run()
        assert "Batch size: 'none' is not allowed" in texts(page)
        assert button(page, "Train").disabled


def test_a_browser_that_has_missed_an_answer_starts_from_the_next_ones_values(store):
    """A value that is set is sent in one answer only; all others carry the widget's default."""
    page = app(depth="7", width="33", learning_rate="0.002", activation="selu").run()
    slider, typed, rate, choice = (page.slider(key="depth"), page.text_input(key="width"),
                                   page.text_input(key="learning_rate"), page.selectbox(key="activation"))  # fmt: skip
    assert not slider.proto.set_value and slider.proto.default == [7]
    assert (typed.proto.default, rate.proto.default) == ("33", "0.002")
    assert choice.proto.options[choice.proto.default] == "SELU"


def test_each_slider_shows_the_value_of_the_box_beside_it(store):
    page = app(more=True, learning_rate="0.0037")

    def sliders() -> dict[str, float]:
        return {re.sub(r"_slider(_\d+)?$", "", slider.key): slider.value for slider in page.select_slider}

    def boxes() -> dict[str, float]:
        return {name: float(page.text_input(key=name).value) for name in sliders()}

    shown = sliders()
    assert shown == boxes() == {"width": 100, "learning_rate": 0.0037, "batch_size": 32}
    page.text_input(key="batch_size").set_value("48").run()
    assert sliders()["batch_size"] == 48 and sliders() == boxes()
    slider = next(slider for slider in page.select_slider if slider.key.startswith("batch_size"))
    slider.set_value(50.0).run()
    assert page.text_input(key="batch_size").value == "50" and sliders() == boxes()


def test_a_bad_number_is_explained_and_nothing_can_be_trained(store):
    page = app()
    page.text_input(key="learning_rate").set_value("11").run()
    assert "it must be a number from 1e-07 to 10" in texts(page)
    assert button(page, "Train").disabled


@pytest.mark.parametrize("name", ["elu", "bn", "selu", "mlp_best"])
def test_presets_fill_the_sidebar(store, name):
    from explorer.presets import ALL_PRESETS

    page = app(more=True)
    page.button(key=f"preset_{name}").click().run()
    config = ALL_PRESETS[name].config
    assert page.selectbox(key="activation").value == config.activation
    assert page.selectbox(key="batch_norm").value == config.batch_norm
    assert page.selectbox(key="input_scaling").value == config.input_scaling
    assert float(page.text_input(key="learning_rate").value) == config.learning_rate
    assert page.selectbox(key="dataset").value == "digits"


@pytest.mark.parametrize(
    ("status", "epochs", "words", "offered"),
    [
        (COMPLETED, 3, "All is trained.", "Train again"),
        (PAUSED, 2, "Paused in epoch 3.", "Resume"),
        (INTERRUPTED, 2, "continues from the last finished epoch", "Resume"),
        (FAILED, 0, "The loss became NaN.", "Use these settings"),
    ],
)
def test_a_run_of_each_state(store, status, epochs, words, offered):
    reason = {COMPLETED: "all is trained", PAUSED: "paused in epoch 3", FAILED: "the loss became NaN"}.get(
        status, "gone"
    )
    run = trained(store, status=status, epochs=epochs, reason=reason)
    page = app(run=run.name)
    assert not page.exception
    assert words in texts(page)
    assert button(page, offered)
    assert len(page.get("vega_lite_chart")) == (2 if epochs else 0)


def test_broken_folders_are_listed_and_shown_with_their_reason(store):
    broken = trained(store)
    (broken.path / "status.json").write_text("{")
    fine = trained(store)
    page = app(run=broken.name)
    assert not page.exception
    assert "This run cannot be shown: status.json" in texts(page)
    assert page.button(key=f"open_{fine.name}")


def test_a_missing_run_is_one_sentence(store):
    page = app(run="nobody")
    assert not page.exception
    assert "'nobody' does not exist" in texts(page)


def test_a_thousand_epochs_are_thinned_out(store):
    run = trained(store, epochs=1000)
    page = app(run=run.name)
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 2


def test_training_again_what_was_trained_shows_that_run(store):
    run = trained(store, TrainingConfig(dataset="digits"))
    page = app()
    button(page, "Train").click().run()
    assert "This configuration was already trained; this is the earlier run" in texts(page)
    assert [summary.name for summary in store.list()] == [run.name]


# --- Points in a plane --------------------------------------------------------------------------------

MOONS = DIGITS.with_(dataset="moons")


def drawn(page: AppTest) -> str:
    """The HTML that a page draws itself, and the texts for readers of its charts."""
    charts = [json.dumps(str(chart.proto)) for chart in page.get("vega_lite_chart")]
    return " ".join([*(part.proto.body for part in page.get("html")), *charts])


def test_a_run_on_points_shows_its_decision_boundary_beside_its_curves(store):
    run = trained(store, MOONS)
    run.append_boundary(3, np.linspace(0, 1, SIDE * SIDE))
    page = app(run=run.name)
    assert not page.exception
    assert "decision boundary between upper moon and lower moon" in drawn(page)
    assert "Predicted class at each point after epoch 3, with 400 training points." in texts(page)


def test_a_run_on_points_without_a_boundary_says_when_there_will_be_one(store):
    assert "The decision boundary appears here when training starts." in texts(app(run=trained(store, MOONS).name))
    assert "decision boundary" not in texts(app(run=trained(store).name)) + drawn(app(run=trained(store).name))


@pytest.mark.parametrize(
    ("settings", "problem", "words"),
    [
        ({"activation": "sigmoid", "kernel_initializer": "glorot_uniform"}, "vanishing",
         "The gradient of layer 1 is one part in"),
        ({"activation": "relu", "kernel_initializer": "he_normal", "width": 3}, "too_deep",
         "the same output for every point"),
    ],
)  # fmt: skip
def test_twenty_layers_on_points_get_their_boundary_and_the_finding_that_explains_them(store, settings, problem, words):
    config = MOONS.with_(**{"depth": 20, "width": 20, "epochs": 2, "input_scaling": "standardized", **settings})
    run = store.create(config)
    assert worker.execute(run) == COMPLETED
    epoch, probabilities = run.boundary()
    assert epoch == len(run.history()) == 2 and probabilities.shape == (SIDE * SIDE,)
    most_serious, *_ = findings_of(run)
    assert (most_serious.name, most_serious.severity, most_serious.one) == (problem, "problem", "point")
    assert words in most_serious.evidence
    page = app(dataset="moons", run=run.name)
    said = texts(page)
    assert not page.exception and words in said and lesson_of(most_serious).title in said
    assert "Predicted class at each point after epoch 2" in said
    assert "decision boundary between upper moon and lower moon" in drawn(page)
    told = f"{most_serious.evidence} {most_serious.why} {lesson_of(most_serious).text}"
    assert not re.search(r"\b(image|pixel)s?\b", told, re.IGNORECASE)


def test_a_data_set_that_is_not_here_is_introduced_without_images(store, monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "none"))
    page = app(dataset="cifar100").run()
    assert "CIFAR-100**: 50,000 labelled and 10,000 test images, 100 classes" in texts(page)
    assert "Licence: none stated by its authors." in texts(page) and "<img" not in drawn(page)


@pytest.mark.parametrize(("dataset", "counts"), [("moons", "2,000 labelled and 1,000 test points, 2 classes"),
                                                 ("digits", "1,797 labelled images, 10 classes")])  # fmt: skip
def test_a_data_set_is_introduced_with_licence_citation_and_examples(store, dataset, counts):
    page = app(dataset=dataset).run()
    spec = DATASETS[dataset]
    said = texts(page)
    assert counts in said and f"Licence: {spec.licence}." in said and spec.source in said
    assert spec.citation.split(":")[0] in said
    for name in spec.class_names:
        assert name in drawn(page)


def test_the_data_set_of_the_sidebar_is_introduced_below_a_run_too(store):
    spec, run = DATASETS["moons"], trained(store)
    page = app(dataset="moons", run=run.name)
    assert f"Licence: {spec.licence}." not in texts(page)
    page.segmented_control(key="run_part").set_value("Data set").run()
    assert not page.exception
    said = texts(page)
    assert "2,000 labelled and 1,000 test points, 2 classes" in said and f"Licence: {spec.licence}." in said
    assert spec.source in said and spec.citation.split(":")[0] in said and spec.class_names[1] in drawn(page)
    page.selectbox(key="dataset").set_value("digits").run()
    assert f"Licence: {DATASETS['digits'].licence}." in texts(page) and drawn(page).count("<img") == 10
    page.text_input(key="learning_rate").set_value("11").run()
    assert not page.exception and "Available once all settings are valid." in texts(page)


def test_noise_and_seed_of_points_choose_another_data_set(store):
    page = app(dataset="moons").run()
    page.number_input(key="points_noise").set_value(1.5).run()
    assert address(page)["dataset"] == "moons_noise150" and "Two moons (noise 1.5, seed 1): 1,600" in texts(page)
    page.number_input(key="points_seed").set_value(3).run()
    assert address(page)["dataset"] == "moons_noise150_seed3"
    page.number_input(key="points_noise").set_value(0.4).run()
    assert address(page)["dataset"] == "moons_seed3" and not page.exception
    page.selectbox(key="dataset").set_value("digits").run()
    assert not [box for box in page.number_input if box.key == "points_noise"]
