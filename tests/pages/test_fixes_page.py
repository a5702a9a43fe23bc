"""Fixes on a run's page, in Streamlit's test runner, on hand-made folders of the run and of what tries its fixes."""

from urllib.parse import parse_qs

import numpy as np
import pytest
from browser import wait_for
from drawn import texts, whole_app
from made_runs import DIGITS, signals
from streamlit.testing.v1 import AppTest
from worker_processes import compiled

from explorer.diagnosis import Evidence, diagnose
from explorer.fixes import attempts, plan
from explorer.pages import resources
from explorer.runs.cause import Cause
from explorer.runs.fix_mark import read_fix_mark
from explorer.runs.history import EpochRecord
from explorer.runs.run import Run
from explorer.runs.run_summary import summarize
from explorer.runs.status import COMPLETED, FAILED
from explorer.runs.store import RunStore
from explorer.workers.limits import Limits
from explorer.workers.run_queue import READY

SIGMOID = DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform")
SHRINKING = {"gradient_rms": [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 4e-3]}
NORMALIZED, ELU = {"batch_norm": "before_activation"}, {"activation": "elu", "kernel_initializer": "he_normal"}
GLOROT = {"kernel_initializer": "glorot_normal"}


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


@pytest.fixture
def origin(store) -> Run:
    run = store.create(SIGMOID.with_(epochs=4))
    for epoch in range(5):
        run.append_signals(signals(epoch, by_depth=SHRINKING))
    return trained(run, 0.1, 0.1, 0.1, 0.1)


def trained(run: Run, *accuracies: float, cause: Cause = Cause.ALL_EPOCHS) -> Run:
    for epoch, accuracy in enumerate(accuracies, 1):
        run.append_correct(epoch, np.arange(360) < round(360 * accuracy))
        run.append(EpochRecord(epoch, 2.3026, accuracy, 2.3026, accuracy, 1e-3, 0.1))
    run.end(FAILED if cause is Cause.DIVERGED else COMPLETED, "it ended", cause)
    return run


def tried(store, origin: Run, change, *accuracies: float, compared: bool = False, **more) -> Run:
    [run] = attempts.create(store, summarize(origin), [(change, 4)], compared=compared)
    return trained(run, *accuracies, **more)


def app(run: Run, session: str = "") -> AppTest:
    page = whole_app()
    if session:
        page.session_state["browser_session"] = session
    page.query_params.update({"dataset": "digits", "run": run.name})
    page.run()
    assert not page.exception
    return page


def button(page: AppTest, label: str):
    return next((b for b in page.button if b.label == label), None)


def test_what_the_finding_suggests_is_what_these_tests_try(origin):
    found = diagnose(Evidence(origin.config, origin.history(), origin.signals(), origin.status().cause))
    assert [dict(change) for change in plan.plausible(origin.config, found)] == [NORMALIZED, GLOROT, ELU]


def test_a_fix_that_nobody_tried_is_called_untried(store, origin):
    page = app(origin)
    assert "**Fix:** batch normalization before each activation :gray-badge[untried]" in texts(page)
    assert button(page, "Try the fix") and button(page, "Compare all fixes")
    assert "tried:" not in texts(page)


def test_the_network_of_the_first_fix_is_compiled_while_its_finding_is_read(store, origin):
    app(origin)
    normalized = {"depth": SIGMOID.depth, "width": SIGMOID.width, **NORMALIZED}
    wait_for(lambda: any(normalized.items() <= shape.items() for shape in compiled_now()))


def compiled_now() -> list[dict]:
    """What the workers have compiled; nothing while they start."""
    run_queue = resources.run_queue()
    return compiled(run_queue) if run_queue.state == READY else []


def test_one_click_queues_the_fix_and_its_folder_names_origin_and_fix(store, origin):
    page = app(origin)
    button(page, "Try the fix").click().run()
    assert not page.exception
    [run] = [summary.run for summary in store.list() if summary.name != origin.name]
    mark = read_fix_mark(str(run.path))
    assert (mark.origin, dict(mark.change), mark.compared) == (origin.name, NORMALIZED, False)
    assert run.config == origin.config.with_(**NORMALIZED)
    assert page.query_params["run"] in (origin.name, [origin.name])  # the page stays at the run
    resources.run_queue().stop(run)


def test_a_fix_counts_among_the_runs_of_the_person_who_tries_it(store, origin):
    """Who has as many as the server allows is told so, and another person is not held up by them."""
    queue = resources.run_queue()
    long = store.create(SIGMOID.with_(depth=1, width=10, epochs=10_000, patience=10_000))
    queue.submit(long, "one")
    queue.limits = Limits(runs=1)
    try:
        page = app(origin, "one")
        button(page, "Try the fix").click().run()
        assert not page.exception
        assert "you already have 1 queued or running run" in " ".join(error.value for error in page.error)
        assert {summary.name for summary in store.list()} == {origin.name, long.name}
        other = app(origin, "other")
        button(other, "Try the fix").click().run()
        [run] = [summary.run for summary in store.list() if summary.name not in (origin.name, long.name)]
        assert read_fix_mark(str(run.path)).origin == origin.name
    finally:
        queue.limits = Limits()
        for each in store.list():
            queue.stop(each.run)


def test_the_best_two_wait_for_room_and_nobody_is_told_of_a_limit(store, origin):
    for change, reached in ((NORMALIZED, 0.5), (GLOROT, 0.1), (ELU, 0.8)):
        tried(store, origin, change, 0.1, 0.1, 0.1, reached, compared=True)
    queue = resources.run_queue()
    long = store.create(SIGMOID.with_(depth=1, width=10, epochs=10_000, patience=10_000))
    queue.submit(long, "one")
    queue.limits = Limits(runs=1)
    try:
        page = app(origin, "one")
        assert "The best fix is activation ELU" in texts(page) and not page.error
        assert not [s for s in store.list() if (mark := read_fix_mark(str(s.run.path))) and len(mark.change) == 3]
    finally:
        queue.limits = Limits()
        queue.stop(long)


def test_the_result_is_shown_again_whenever_the_run_is_opened(store, origin):
    tried(store, origin, NORMALIZED, 0.2, 0.5, 0.8, 0.9)
    page = app(origin)
    shown = texts(page)
    assert "tried: it helps" in shown and "untried" not in shown
    assert (
        "With batch normalization before each activation: 90.00% instead of 10.00% after 4 epochs (same start" in shown
    )
    assert "+80.00 points (95% interval" in shown
    assert any(
        "accuracy by epoch without and with the fix" in str(chart.proto) for chart in page.get("vega_lite_chart")
    )
    assert button(page, "Try the fix") is None and button(page, "Try again") is None  # it would be the same again


def test_a_run_and_the_run_of_its_fix_lead_to_each_other(store, origin):
    fix = tried(store, origin, NORMALIZED, 0.2, 0.5, 0.8, 0.9)
    assert linked(app(origin)) == {fix.name}
    assert linked(app(fix)) == {origin.name}


def linked(page: AppTest) -> set[str]:
    """The runs to whose pages links lead."""
    queries = [parse_qs(link.proto.query_string) for link in page.get("page_link")]
    return {query["run"][0] for query in queries if "run" in query}


@pytest.mark.parametrize(
    ("accuracies", "cause", "badge", "words"),
    [
        ([0.1, 0.1, 0.1, 0.05], Cause.ALL_EPOCHS, "it does not help", "5.00% instead of 10.00%"),
        ([0.1, 0.1, 0.1, 0.105], Cause.ALL_EPOCHS, "inconclusive", "instead of 10.00%"),
        ([0.1], Cause.DIVERGED, "it does not help", "training diverges"),
    ],
)
def test_a_fix_that_does_not_help_says_so(store, origin, accuracies, cause, badge, words):
    tried(store, origin, NORMALIZED, *accuracies, cause=cause)
    shown = texts(app(origin))
    assert f"tried: {badge}" in shown and words in shown


def test_a_fix_without_a_result_can_be_tried_again(store, origin):
    tried(store, origin, NORMALIZED, 0.1, cause=Cause.OUT_OF_MEMORY)
    page = app(origin)
    assert button(page, "Try again") and "ended without a result" in texts(page)


def test_a_comparison_of_which_a_part_failed_is_shown_and_that_part_can_be_trained_again(store, origin):
    for change, reached in ((NORMALIZED, 0.5), (GLOROT, 0.1)):
        tried(store, origin, change, 0.1, 0.1, 0.1, reached, compared=True)
    tried(store, origin, ELU, 0.1, cause=Cause.PROCESS_ENDED, compared=True)
    page = app(origin)
    assert "The best fix is batch normalization before each activation." in texts(page)
    before = {summary.name for summary in store.list()}
    button(page, "Compare all fixes").click().run()
    again = [summary.run for summary in store.list() if summary.name not in before]  # it may have ended already
    assert [dict(read_fix_mark(str(run.path)).change) for run in again] == [ELU]
    resources.run_queue().stop(again[0])


def test_all_fixes_are_ranked_and_the_winner_goes_into_the_sidebar(store, origin):
    both = {**NORMALIZED, **ELU}
    for change, reached in ((NORMALIZED, 0.5), (GLOROT, 0.1), (ELU, 0.8), (both, 0.9)):
        tried(store, origin, change, 0.1, 0.1, 0.1, reached, compared=True)
    page = app(origin)
    shown = texts(page)
    best = "activation ELU, initializer He normal, batch normalization before each activation"
    assert f"**The best fix is {best}.**" in shown
    places = [shown.index(f"{number}. With") for number in (1, 2, 3, 4)]
    assert places == sorted(places) and "1. With activation ELU, initializer He normal, batch norm" in shown
    assert "on the same 360 validation images" in shown
    assert shown.count("ELU needs a matching initializer.") == 1
    assert places[1] < shown.index("ELU needs a matching initializer.") < places[2], "beside the fix that needs both"
    assert button(page, "Compare all fixes") is None
    next(b for b in page.button if b.label.startswith("Use activation ELU")).click().run()
    assert not page.exception
    chosen = {name: page.selectbox(key=name).value for name in both}
    assert chosen == both and page.session_state["input_scaling"] == "standardized"


def test_the_best_two_are_queued_once_when_the_others_have_ended(store, origin):
    tried(store, origin, NORMALIZED, 0.1, 0.1, 0.1, 0.5, compared=True)
    tried(store, origin, GLOROT, 0.1, 0.1, 0.1, 0.1, compared=True)
    tried(store, origin, ELU, 0.1, 0.1, 0.1, 0.8, compared=True)
    page = app(origin)
    page.run()
    pairs = [s.run for s in store.list() if (m := read_fix_mark(str(s.run.path))) and len(m.change) == 3]
    assert len(pairs) == 1 and pairs[0].config == origin.config.with_(**NORMALIZED, **ELU)
    resources.run_queue().stop(pairs[0])
