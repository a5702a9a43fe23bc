"""What comes and goes on a page moves nothing below it, so that open popovers stay open and charts do not flicker."""

import pytest
from drawn import page_alone
from scripted import Scripted, study_in, trains
from streamlit.testing.v1 import AppTest

from explorer.config import TrainingConfig
from explorer.diagnosis.fault_cases import CASES
from explorer.runs.history import EpochRecord
from explorer.runs.status import COMPLETED, STOPPED
from explorer.sweeps.driver import drive

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20, epochs=3)


def place_of(page: AppTest, wanted: str) -> tuple[int, ...]:
    """The places of a widget, by its key, or of the first element of a type, and of all that it lies in.

    That is how Streamlit finds it again.
    """

    def search(block, place):
        for number, child in block.children.items():
            if wanted in (getattr(child, "key", None), getattr(child, "type", None)):
                return (*place, number)
            if hasattr(child, "children") and (found := search(child, (*place, number))):
                return found
        return None

    found = search(page.main, ())
    assert found, wanted
    return found


def drawn(name: str, state: dict | None = None, **query: str) -> AppTest:
    page = page_alone(name)
    page.query_params.update(query)
    for key, value in (state or {}).items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def trained(store, status=COMPLETED):
    run = store.create(DIGITS)
    for epoch in (1, 2, 3):
        run.append(EpochRecord(epoch, 2.0 / epoch, 0.5, 2.1 / epoch, 0.5, 5e-5, 0.1))
    run.end(status, "")
    return run


def test_a_message_and_other_settings_move_nothing_of_a_run(store):
    run = trained(store)
    plain = drawn("train", run=run.name)
    told = drawn("train", {"message": "Something."}, run=run.name)
    assert [error.value for error in told.error] == ["Something."]
    other = drawn("train", run=run.name, width="30")
    assert "train_other" in {button.key for button in other.button}
    before = drawn("train", {"trained_before": run.name}, run=run.name)
    assert len(before.success) == 1
    for key in ("again", "run_part", "take_home_model"):
        assert {place_of(page, key) for page in (plain, told, other, before)} == {place_of(plain, key)}, key


def test_the_end_of_a_run_moves_nothing_below_its_progress(store):
    running, ended = trained(store, STOPPED), trained(store)
    pages = [drawn("train", run=run.name) for run in (running, ended)]
    assert place_of(pages[0], "run_part") == place_of(pages[1], "run_part")


def test_a_message_moves_nothing_of_a_sweep(store):
    study = study_in(store, trials=3, space={"depth": [1, 2, 3]})
    drive(study, store, lambda: Scripted(trains))
    plain, told = drawn("sweep", study="s"), drawn("sweep", {"message": "Something."}, study="s")
    study.update(problems=["one worker is not used"])
    problem = drawn("sweep", study="s")
    assert len(problem.warning) == 1
    for page in (told, problem):
        for key in ("train_winner", "dataframe", "vega_lite_chart"):
            assert place_of(page, key) == place_of(plain, key)


@pytest.mark.parametrize("answered", [False, True])
def test_a_message_and_the_score_move_nothing_of_the_gallery(store, answered):
    case = next(iter(CASES.values()))
    plain = drawn("gallery")
    page = drawn("gallery", {"message": "Something."} if not answered else {}, case=case.name,
                 answers=f"{case.name}.0" if answered else "")  # fmt: skip
    assert place_of(page, f"answer_{case.name}") == place_of(plain, f"answer_{case.name}")
    sidebars = [{button.key for button in each.sidebar.button} for each in (plain, page)]
    assert sidebars[1] - sidebars[0] == ({"score_again"} if answered else set())
