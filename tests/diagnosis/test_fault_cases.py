"""Trains every case of the gallery: each has its own finding in time and no other's, and its fix works."""

from pathlib import Path

import pytest
from drawn import page_alone, texts

from explorer.charts.epoch_axes import EPOCH, guessing
from explorer.charts.training_curves import curve_frame, drawn_rows
from explorer.config import TrainingConfig
from explorer.diagnosis import NOTE, PROBLEM, Evidence, diagnose
from explorer.diagnosis.fault_cases import CASES, Case, case
from explorer.diagnosis.lessons import LESSONS
from explorer.errors import FieldError
from explorer.pages import resources
from explorer.presets import PRESETS
from explorer.runs.history import VALIDATION
from explorer.runs.run import Run
from explorer.runs.store import RunStore
from explorer.runs.twin import differences
from explorer.training import program_cache
from explorer.training.program_shape import Shape
from explorer.workers import worker

# cases of one shape share a compiled program
BY_SHAPE = sorted(CASES.values(), key=lambda case: str(Shape.of(case.config)))
# on digits, a rising validation loss costs no accuracy, as the case says, so it is a note
HARMLESS = {"overfitting"}
OWN = {case.finding for case in CASES.values()} - {None}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains a configuration once, in this process, where TensorFlow is imported and each shape compiled once."""
    store = RunStore(tmp_path_factory.mktemp("gallery"))
    runs: dict[TrainingConfig, Run] = {}

    def train(config: TrainingConfig) -> Run:
        if config not in runs:
            runs[config] = store.create(config)
            worker.execute(runs[config])
        return runs[config]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(program_cache, "KEPT_PROGRAMS", len(CASES) * 2)
        yield train


def findings_after(run: Run, epoch: int) -> dict[str, str]:
    """The findings of a run's first epochs: severity by name."""
    records, whole = run.history()[:epoch], len(run.history()) <= epoch
    signals = [signals for signals in run.signals() if signals.epoch <= epoch]
    cause = run.status().cause if whole else None
    return {f.name: f.severity for f in diagnose(Evidence(run.config, records, signals, cause))}


def assert_own_finding(run: Run, case: Case) -> None:
    """The case's own finding appears within its epochs and stays; no other case's finding ever appears."""
    for epoch in range(len(run.history()) + 1):
        grave = {name for name, severity in findings_after(run, epoch).items() if severity != NOTE}
        assert grave & OWN <= {case.finding}, f"epoch {epoch}"
    for epoch in (min(case.within, len(run.history())), len(run.history())):
        findings = findings_after(run, epoch)
        if case.finding in HARMLESS:
            assert next(iter(findings)) == case.finding
        else:
            assert findings.get(case.finding, NOTE) != NOTE


@pytest.mark.parametrize("name", [case.name for case in BY_SHAPE if case.finding])
def test_a_bad_case_shows_its_own_fault_and_no_other(trained, name):
    assert_own_finding(trained(CASES[name].config), CASES[name])


@pytest.mark.parametrize("name", [case.name for case in BY_SHAPE if case.finding])
def test_a_fault_depends_on_no_seed(trained, name):
    """Nor on a machine: different rounding changes a run as another seed does."""
    assert_own_finding(trained(CASES[name].config.with_(seed=7)), CASES[name])


@pytest.mark.parametrize("name", [case.name for case in BY_SHAPE if case.finding is None])
def test_a_good_case_has_no_problem_and_learns(trained, name):
    run = trained(CASES[name].config)
    for epoch in range(len(run.history()) + 1):
        assert PROBLEM not in findings_after(run, epoch).values()
    assert run.history()[-1].val_accuracy > 0.85


# those whose fixed network is of the shape of another case, or small: the others are looked at by hand
@pytest.mark.parametrize(
    "name",
    [
        *("zeros", "dying_relu", "rate_too_high", "rate_too_low", "nan", "saturated", "random_normal"),
        *("l2", "dropout", "clipping", "schedule", "giant_batch"),
    ],
)
def test_a_fix_works(trained, name):
    before, after = trained(CASES[name].config), trained(CASES[name].fixed_config)
    assert CASES[name].finding not in findings_after(after, len(after.history()))
    best = max((record.val_accuracy for record in before.history()), default=0.0)
    assert max(record.val_accuracy for record in after.history()) > best


@pytest.mark.parametrize("name", ["sigmoid", "zeros", "nan", "raw_pixels", "saturated", "random_normal", "selu_he"])
def test_a_bad_case_shows_its_own_fault_on_cifar10_too(trained, cifar10, name):
    epochs = max(1, min(2, CASES[name].within))
    run = trained(CASES[name].config.with_(dataset="cifar10", epochs=epochs, batch_size=128))
    assert_own_finding(run, CASES[name])


def test_the_exploding_case_explodes_and_its_chart_shows_it(trained):
    case = CASES["exploding"]
    run, chance = trained(case.config), guessing("loss", 10)
    first, *_, output = run.signals()[0].layers
    assert first.gradient_rms > 100 * output.gradient_rms
    losses = [record.val_loss for record in run.history()]
    assert losses[0] > 1000 * chance and len(losses) == case.config.epochs
    rows = drawn_rows(curve_frame(run.name, run.history()), "loss", chance)
    drawn = rows[(rows["kind"] == EPOCH) & (rows["split"] == VALIDATION)]["drawn"].dropna()
    # what is above the axis is said, and what comes down from there is on it
    assert [note for note in rows["note"].dropna() if "epoch 1 has" in note and "validation" in note]
    assert len(drawn) >= len(losses) // 2 and drawn.iloc[0] == max(drawn) > 2 * chance


def test_the_rise_of_the_overfitting_case_is_seen_in_its_chart(trained):
    run = trained(CASES["overfitting"].config)
    rows = drawn_rows(curve_frame(run.name, run.history()), "loss", guessing("loss", 10))
    validation = rows[(rows["kind"] == EPOCH) & (rows["split"] == VALIDATION)]["drawn"].dropna()
    lowest = validation.idxmin()
    rise = validation.loc[lowest:].max() - validation.loc[lowest]
    assert rise > 0.15 * (rows["drawn"].max() - min(0.0, rows["drawn"].min()))


@pytest.mark.parametrize("name", PRESETS)
def test_the_notebooks_presets_raise_no_false_alarm(trained, name):
    run = trained(PRESETS[name].config.with_(dataset="digits", epochs=30))
    for epoch in range(len(run.history()) + 1):
        problems = {name for name, severity in findings_after(run, epoch).items() if severity == PROBLEM}
        assert problems <= {"overfitting"}, f"epoch {epoch}"


@pytest.mark.parametrize("name", PRESETS)
def test_the_notebooks_presets_run_to_their_end_on_cifar10_raise_no_false_alarm(name):
    """Checks the runs that are shipped, which were trained until early stopping."""
    run = RunStore(Path(__file__).parents[2] / "models").get(name)
    assert run.config == PRESETS[name].config and len(run.history()) > 25
    assert [signals.epoch for signals in run.signals()] == list(range(len(run.history()) + 1))
    for epoch in range(len(run.history()) + 1):
        problems = {name for name, severity in findings_after(run, epoch).items() if severity == PROBLEM}
        assert problems <= {"overfitting"}, f"epoch {epoch}"


@pytest.mark.parametrize("name", [case.name for case in BY_SHAPE])
def test_the_page_of_a_trained_case_is_drawn(trained, name, monkeypatch):
    """Each with its own findings, which may have the same name as a case."""
    case, run = CASES[name], trained(CASES[name].config)
    monkeypatch.setenv("EXPLORER_RUNS", str(run.path.parent))
    resources.store.clear()
    page = page_alone("gallery")
    page.query_params["case"] = name
    page.session_state["answers"] = {name: (case.right, None)}
    page.run()
    resources.store.clear()
    assert not page.exception
    assert case.reveal in texts(page)
    title = "Dying ReLU" if name == "dying_relu" else case.finding and LESSONS[case.finding].title
    assert title is None or f"**{title}**" in texts(page)
    # inside the network, the epoch that shows the fault best
    shown = LESSONS[case.finding].epoch if case.finding else None
    for slider in page.slider:
        assert slider.key == f"case_{name}_epoch" and slider.value == (slider.max if shown is None else shown)


# --- What needs no training ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_asks_before_it_tells(case):
    assert len(case.answers) >= 3 and 0 <= case.right < len(case.answers)
    assert case.question.endswith("?") and len(set(case.answers)) == len(case.answers)
    assert case.title not in case.answers and case.reveal and case.fixed
    assert set(differences(case.config, case.fixed_config)) == set(case.fix) and len(case.fix) == 1
    assert case.config.dataset == "digits" and case.config.epochs <= 60


def test_there_are_a_dozen_bad_and_good_ones_and_the_right_answer_is_not_always_the_same():
    assert len(CASES) >= 12
    assert sum(case.finding is None for case in CASES.values()) >= 2
    assert {case.right for case in CASES.values()} == {0, 1, 2}


def test_an_unknown_case_is_refused_with_the_known_ones():
    with pytest.raises(FieldError, match="case: 'nobody' is not allowed; it must be one of sigmoid, "):
        case("nobody")
