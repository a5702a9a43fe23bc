"""The Evaluate page as Streamlit's own test runner draws it, with digits models in a real task process."""

import io

import keras
import numpy as np
import pytest
from browser import wait_for
from damaged_models import looping_file
from drawn import page_alone, texts
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.config import TrainingConfig
from explorer.evaluation import library
from explorer.evaluation.saved_models import find
from explorer.pages import resources
from explorer.pages.evaluate.state import MODEL, ORDER, OTHER, PREDICTED, SEARCH, SPLIT, TAB, TRUE, UPLOAD, choice_key
from explorer.runs.history import EpochRecord
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore
from explorer.training.model import build_network, set_initial_weights
from explorer.workers.task_process import TaskProcess

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)


def saved_run(store, name: str, loss: float = 2.1, **settings):
    """A run with a saved model that has learnt nothing: its figures are as good as any."""
    run = store.create(DIGITS.with_(**settings), name=name)
    network = build_network(run.config)
    set_initial_weights(network, run.config, np.zeros(64, "float32"), np.full(64, 256, "float32"))
    network.save(run.path / "best.keras")
    run.append(EpochRecord(1, 2.0, 0.2, loss, 0.19, 5e-5, 0.1))
    run.end(COMPLETED, "")
    return run.name


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Four runs, of which the second is the best and the first the newest, and a file of each kind that is refused."""
    folder = tmp_path_factory.mktemp("runs")
    store = RunStore(folder)
    others = [saved_run(store, "book", validation_split="book")]
    others.append(saved_run(store, "dropping", dropout="hidden", dropout_rate=0.5, label_smoothing=0.1))
    best, newest = (saved_run(store, f"seed{seed}", loss, seed=seed) for seed, loss in ((2, 2.05), (1, 2.1)))
    names = [newest, best, *others]
    plain = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, activation="softmax")])
    plain.save(folder / "plain.h5")
    penalized = keras.layers.Dense(10, activation="sigmoid", kernel_regularizer=keras.regularizers.L2(0.5))
    keras.Sequential([keras.Input((64,)), keras.layers.Rescaling(1 / 16), penalized]).save(folder / "sigmoids.keras")
    (folder / "text.keras").write_text("no model")
    (folder.parent / "outside.keras").write_bytes((folder / names[0] / "best.keras").read_bytes())
    (folder / "link.keras").symlink_to(folder.parent / "outside.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_RUNS", str(folder))
        for cached in (resources.store, resources.library):
            cached.clear()
        yield store, names
    resources.task_process().close()
    resources.run_queue().close()
    for cached in (resources.store, resources.library, resources.task_process, resources.run_queue):
        cached.clear()


def settled(page: AppTest) -> AppTest:
    """The page once whatever it waits for is there."""
    wait_for(lambda: not any("in a separate process" in info.value for info in page.run().info))
    assert not page.exception
    return page


def app() -> AppTest:
    return page_alone("evaluate")


def evaluate(**query: str) -> AppTest:
    page = app()
    page.query_params.update(query)
    return settled(page)


def metric(page: AppTest, label: str) -> str:
    return next(m.value for m in page.metric if m.label == label)


def open_tab(page: AppTest, name: str) -> AppTest:
    page.session_state[TAB] = name
    return settled(page)


def test_the_best_run_is_shown_first_with_its_figures(models, digits):
    store, names = models
    page = evaluate()
    assert page.selectbox(key=MODEL).value == names[1]
    assert "Digits ELU 2×20, seed 2** (epoch 1, lowest validation loss)" in texts(page)
    assert next(link.proto.label for link in page.get("page_link")) == "Digits ELU 2×20, seed 2"
    assert "360 validation images of Digits" in texts(page)
    expected = keras.models.load_model(store.folder / names[1] / "best.keras", compile=False)
    images, labels = digits.split("validation")
    right = expected.predict(images, verbose=0).argmax(axis=1) == labels
    assert metric(page, "Accuracy") == f"{right.mean():.2%}"
    assert "Input" not in texts(page)  # a run's model carries its scaling: nothing is asked
    assert [b for b in page.selectbox if b.key == choice_key("scaling", names[1])] == []


def test_what_a_link_wants_that_is_not_there_is_named(models):
    page = evaluate(model="gone", split="other")
    said = "Ignored from the link: model=gone (no such choice), split=other (no such choice)."
    assert said in [each.value for each in page.warning]
    page.session_state[MODEL] = models[1][0]
    assert said not in [each.value for each in settled(page).warning]


def test_links_are_not_offered_and_bad_files_are_one_sentence(models):
    page = evaluate()
    options = page.selectbox(key=MODEL).options
    assert len(options) == 7 and not any("link" in option for option in options)
    assert "Unavailable: model: 'link.keras' is a link that points outside the models folder" in texts(page)
    page = evaluate(model="text.keras")
    assert [error.value for error in page.error] == ["model: 'text.keras' is not a Keras model file, despite its name."]
    page.selectbox(key=MODEL).select_index(0)
    assert not settled(page).error  # the page goes on


def test_a_file_that_takes_too_long_is_told_and_asked_again_only_on_request(models, monkeypatch):
    path = models[0].folder / "loop.h5"
    looping_file(path)
    asked, ask = [], TaskProcess.ask
    monkeypatch.setattr(TaskProcess, "ask", lambda *what, **settings: asked.append(what) or ask(*what, **settings))
    monkeypatch.setattr(library, "SECONDS", 3.0)
    try:
        page = evaluate(model="loop.h5")
        for _ in range(3):
            settled(page)
            assert [error.value for error in page.error] == ["it took longer than 3 s and was ended."]
        assert len(asked) == 1
        next(button for button in page.button if button.label == "Try again").click()
        settled(page)
        assert len(asked) == 2 and [error.value for error in page.error] == ["it took longer than 3 s and was ended."]
    finally:
        path.unlink()


def test_a_file_without_scaling_is_asked_about(models):
    page = evaluate(model="plain.h5")
    key = choice_key("scaling", "plain.h5")
    assert page.selectbox(key=key).value == "standardized"
    assert "takes flat images and has no scaling layer, so standardized pixels are assumed" in texts(page)
    before = metric(page, "Loss")
    page.selectbox(key=key).set_value("raw")
    settled(page)
    assert metric(page, "Loss") != before and "this scaling was chosen" in texts(page)


def test_outputs_that_are_no_probabilities_are_told_and_asked_about_and_the_penalty_has_a_name(models, digits):
    store, _ = models
    page = evaluate(model="sigmoids.keras")
    key = choice_key("outputs", "sigmoids.keras")
    assert page.selectbox(key=key).value == "probabilities"
    assert "About the model's outputs: they are independent probabilities of the classes" in texts(page)
    made = keras.models.load_model(store.folder / "sigmoids.keras")
    made.compile(loss="sparse_categorical_crossentropy")
    images, labels = digits.split("validation")
    stated = made.evaluate(images.reshape(-1, 64), labels, verbose=0)
    assert metric(page, "Loss") == f"{stated:.4f}"
    penalty = 0.5 * np.square(made.layers[-1].kernel.numpy()).sum()
    assert float(metric(page, "Penalty (L2)")) == pytest.approx(penalty, abs=1e-4)
    assert float(metric(page, "Data loss")) == pytest.approx(stated - penalty, abs=1e-4)
    page.selectbox(key=key).set_value("logits")
    settled(page)
    assert "they are read as logits, as chosen" in texts(page) and metric(page, "Loss") != f"{stated:.4f}"
    settled(page)
    assert page.selectbox(key=key).value == "logits"
    page.selectbox(key=MODEL).set_value("plain.h5")
    settled(page)
    assert not [m for m in page.metric if m.label.startswith("Penalty")]


def test_a_split_that_is_not_there_is_not_offered_and_told_where_it_was_not_known(models):
    page = evaluate(split="test")
    assert page.segmented_control(key=SPLIT).options == ["Validation"] and not page.error
    page = evaluate(model="plain.h5", split="test")
    assert [error.value for error in page.error] == ["Digits (8×8) has no test split; choose train or validation."]


def test_filters_choose_the_images(models):
    page = evaluate()
    page.selectbox(key=TRUE).set_value("3")
    page.selectbox(key=PREDICTED).set_value("5")
    page.text_input(key=SEARCH).set_value("elephant")
    settled(page)
    assert "search: 'elephant' is not a class" in texts(page)
    page.text_input(key=SEARCH).set_value("#7")
    page.selectbox(key=ORDER).set_value("all")
    page.selectbox(key=TRUE).set_value(None)
    page.selectbox(key=PREDICTED).set_value(None)
    settled(page)
    assert "1 image" in texts(page)


def test_every_tab_draws(models):
    page = evaluate()
    charts = {name: len(open_tab(page, name).get("vega_lite_chart")) for name in evaluate_tabs()}
    assert charts == {
        "Where it fails": 1,
        "Classes": 1,
        "Confidence": 2,
        "Uncertainty": 0,
        "Your own image": 0,
        "Two models": 0,
        "Weights": 1,
        "Export": 0,
    }


def evaluate_tabs() -> list[str]:
    from explorer.pages.evaluate.page import TABS

    return list(TABS)


def test_a_network_without_dropout_is_told_what_to_do(models):
    assert "This network has no dropout, so its predictions are the same every time" in texts(
        open_tab(evaluate(), "Uncertainty")
    )


def test_dropout_left_on_gives_a_mean_and_the_images_of_which_it_is_least_certain(models):
    store, names = models
    page = evaluate(model=names[3])
    smoothed = "The losses that its run recorded include label smoothing; this loss does not."
    assert smoothed in texts(page) and smoothed not in texts(evaluate(model=names[2]))
    page = open_tab(page, "Uncertainty")
    predicted = resources.library().predictions(find(store, names[3]).request(samples=10)).result()
    assert predicted.samples == 10 and predicted.spread.shape == (360,) and predicted.spread.max() > 0.01
    assert metric(page, "Accuracy of the mean") == f"{predicted.evaluation(resources.dataset('digits')).accuracy:.2%}"
    assert "Mean of 10 samples on 360 validation images" in texts(page)
    cards = page.get("html")[-1].proto.body
    assert cards.count("between samples") == 24
    assert cards.index(f"#{predicted.spread.argmax()}<") < cards.index("between samples")  # it comes first


def test_only_models_that_kept_the_same_images_back_are_offered_for_comparison(models):
    _, names = models
    page = open_tab(evaluate(other=names[2]), "Two models")
    offered = page.selectbox(key=OTHER)
    assert offered.value == names[0]
    assert "Digits ELU 2×20, the book's split · 19.00%" not in offered.options
    assert any(option.startswith("Digits ELU 2×20, dropout") for option in offered.options)
    alone = open_tab(evaluate(model=names[2]), "Two models")
    assert "No other saved model can be compared with this one on the same validation images." in texts(alone)


def test_two_models_end_in_one_sentence(models):
    page = open_tab(evaluate(), "Two models")
    assert "McNemar's exact test" in texts(page)
    counts = [int(m.value.replace(",", "")) for m in page.metric if m.label.startswith(("Both", "Only", "Neither"))]
    assert len(counts) == 4 and sum(counts) == 360


@pytest.mark.parametrize("good", [True, False])
def test_an_own_image_is_answered_and_a_bad_one_explained(models, good):
    page = open_tab(evaluate(), "Your own image")
    stream = io.BytesIO()
    Image.fromarray(np.full((50, 80), 200, np.uint8)).save(stream, "PNG")
    page.file_uploader(key=UPLOAD).set_value(("mine.png", stream.getvalue() if good else b"text", "image/png"))
    settled(page)
    if good:
        assert "PNG, 80 × 50 pixels, cropped to its central square, shrunk to 8 × 8" in texts(page)
        assert len(page.get("vega_lite_chart")) == 1
    else:
        [error] = page.error
        assert error.value.startswith("image: 'mine.png' cannot be read as an image")


def test_what_was_seen_before_is_there_at_once_and_a_changed_file_is_asked_again(models):
    store, names = models
    evaluate()
    kept = sorted((store.folder / ".evaluations").glob("*.npz"))
    resources.library.clear()
    page = app().run()  # not one more run of the page is needed
    assert metric(page, "Accuracy") and sorted((store.folder / ".evaluations").glob("*.npz")) == kept
    path = store.folder / names[1] / "best.keras"
    before, content = metric(page, "Loss"), path.read_bytes()
    path.write_bytes((store.folder / names[0] / "best.keras").read_bytes())
    assert metric(settled(page), "Loss") != before
    path.write_bytes(content)


def test_an_empty_store_says_what_to_do(tmp_path, monkeypatch, models):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path))
    for cached in (resources.store, resources.library):
        cached.clear()
    page = app().run()
    assert "There are no saved models yet" in texts(page)
    for cached in (resources.store, resources.library):
        cached.clear()
