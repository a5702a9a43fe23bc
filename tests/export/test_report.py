"""The HTML report of runs: what it says, and that it is harmless and readable anywhere."""

import base64
import re
import shutil
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import HANGS, chromium, wait_for
from own_data import added

from explorer.config import FIELDS, TrainingConfig
from explorer.data.own import registry
from explorer.errors import InputError, RunError
from explorer.evaluation.library import Library
from explorer.export.evaluating import Evaluated, evaluator
from explorer.export.report import report
from explorer.export.run_findings import findings_of
from explorer.runs import comparison
from explorer.runs.decision_boundary import SIDE
from explorer.runs.history import EpochRecord, best_epoch
from explorer.runs.notes import Annotation
from explorer.runs.run import Run
from explorer.runs.run_summary import summarize
from explorer.runs.run_table import run_table
from explorer.runs.status import COMPLETED, STOPPED
from explorer.runs.store import RunStore
from explorer.workers import worker
from explorer.workers.task_process import TaskProcess

# sigmoid on raw pixels: there is something to find
CONFIG = TrainingConfig(dataset="digits", depth=6, width=12, activation="sigmoid", epochs=2, learning_rate=1e-3)
HOSTILE = "</script><img src=x onerror=document.title='hacked'>\"'&{{7*7}}"


class Tags(HTMLParser):
    """Every tag with its attributes, and the text between."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(content.decode())

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append((tag, dict(attributes)))


def text_of(content: bytes) -> str:
    """The text that a reader sees."""
    without = re.sub(rb"<(script|style)\b.*?</\1>", b"", content, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without.decode())).split())


def no_evaluation(run: Run) -> Evaluated:
    return Evaluated(problem="it has no saved model")


def made(store: RunStore, accuracy: float, status: str = COMPLETED, **settings) -> Run:
    """A run of three epochs that was not really trained."""
    run = store.create(TrainingConfig(dataset="digits", depth=2, width=20, epochs=3).with_(**settings))
    for epoch in (1, 2, 3):
        run.append(EpochRecord(epoch, 2.0 / epoch, accuracy, 2.1 / epoch + 1 - accuracy, accuracy, 1e-3, 0.1))
    run.end(status, "all 3 epochs are trained")
    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Run, bytes]:
    """A trained run with a hostile name, and its report with the evaluation of its model."""
    store = RunStore(tmp_path_factory.mktemp("runs"))
    run = store.create(CONFIG)
    assert worker.execute(run) == COMPLETED
    run.annotate(Annotation(HOSTILE[:80], (), f"noted {HOSTILE}"))
    tasks = TaskProcess()
    try:
        return run, report([run], evaluator(Library(store, tasks)))
    finally:
        tasks.close()


def test_it_states_settings_result_findings_metrics_and_how_it_was_selected(trained):
    run, content = trained
    text, best = text_of(content), best_epoch(run.history())
    assert f"Validation accuracy {best.val_accuracy:.2%} Validation loss {best.val_loss:.4f}" in text
    assert "the epoch with the lowest validation loss, on 360 validation images, from one seed (1)" in text
    for name, field in FIELDS.items():
        assert (f"{field.label}:" in text) == field.matters(vars(CONFIG)), name
    findings = findings_of(run)
    assert findings and all(finding.evidence in text for finding in findings)
    assert text.count("Learn more") == len(findings)
    # the metrics are those of the saved model, which is of the best epoch
    assert re.search(
        rf"The saved model of epoch {best.epoch} on 360 validation images\. Accuracy {best.val_accuracy:.2%} ", text
    )
    matrix = re.search(r"Rows are true classes.*?</table>", content.decode(), re.DOTALL)[0]
    counts = [int(cell) for cell in re.findall(r"<td[^>]*>([\d,]+)</td>", matrix)]
    assert len(counts) == 100 and sum(counts) == 360


def test_it_asks_for_nothing_from_elsewhere_and_runs_only_its_own_scripts(trained):
    _, content = trained
    tags = Tags(content).tags
    for tag, attributes in tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("href", "src", "action", "data") or value.startswith("data:"), (tag, name)
    policy = next(a["content"] for tag, a in tags if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'") and re.search(r"script-src 'sha256-[\w+/=]+'$", policy)
    assert "unsafe-eval" not in policy
    assert [a for tag, a in tags if tag == "script"] == [{"type": "application/json", "id": "charts"}, {}]
    assert "<title></script" not in content.decode() and HOSTILE[:80] in text_of(content)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_reader_on_a_phone_sees_everything_and_nothing_leaves_the_page(trained, tmp_path, scripts):
    path = tmp_path / "report.html"
    path.write_bytes(trained[1])
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 400, "height": 800}, java_script_enabled=scripts)
        page = context.new_page()
        page.set_default_timeout(1000 * HANGS)
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.append(request.url) if _leaves(request.url, path) else None)
        page.goto(path.as_uri())
        if not scripts:
            assert page.locator("figure img").count() == 4
            return
        # not `wait_for_function`: it evaluates text, which the report's policy does not allow
        wait_for(lambda: page.locator("figure svg").count() == 4 and page.locator("img").count() == 0)
        lines = page.locator("figure svg .mark-line path").evaluate_all("all => all.map(one => one.getAttribute('d'))")
        # training and validation in both charts of curves, and each chart of the inside in two epochs
        assert len([line for line in lines if line.count("L") >= 1]) == 8
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert page.title() != "hacked"
        box = page.locator("figure svg").first.bounding_box()
        assert 250 < box["width"] <= 400
    assert faults == []


def _leaves(url: str, path: Path) -> bool:
    return not url.startswith("data:") and url != path.as_uri()


def test_a_model_of_an_earlier_epoch_is_named(trained, tmp_path):
    """A process was killed between writing the history and the model."""
    store = RunStore(tmp_path)
    run = Run(shutil.copytree(trained[0].path, tmp_path / "run"))
    last = run.history()[-1]
    run.append(replace(last, epoch=last.epoch + 1, val_loss=last.val_loss / 2))
    tasks = TaskProcess()
    try:
        text = text_of(report([run], evaluator(Library(store, tasks))))
    finally:
        tasks.close()
    assert f"The saved model of epoch {best_epoch(trained[0].history()).epoch} on 360 validation images. Note:" in text
    assert "the best epoch of the run is 3, but its model was not saved" in text


def test_a_run_without_model_or_epochs_has_a_report_too(store):
    run = store.create(CONFIG)
    text = text_of(report([run], no_evaluation))
    assert "No epoch has a finite validation loss." in text
    assert "The saved model was not evaluated: it has no saved model." in text


def test_a_run_on_points_has_its_decision_boundary_and_calls_them_so(store):
    run = store.create(TrainingConfig(dataset="spirals", depth=1, width=4, epochs=1))
    run.append(EpochRecord(1, 0.6, 0.7, 0.6, 0.7, 1e-3, 1.0))
    assert "Decision boundary" not in report([run], no_evaluation).decode()
    run.append_boundary(1, np.linspace(0, 1, SIDE * SIDE))
    html = report([run], no_evaluation).decode()
    picture = html.split("<h2>Decision boundary</h2>")[1].split("<h2>")[0]
    drawn = base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', picture)[1]).decode()
    assert drawn.count('aria-roledescription="circle"') > 100 and len(set(re.findall(r'fill="(rgb[^"]+)"', drawn))) > 20
    assert "after epoch 1, with training points" in picture and "data-chart" not in picture
    text = text_of(html.encode())
    assert "on 400 validation points, from one seed" in text and "validation images" not in text


def test_the_decision_boundary_of_points_that_are_gone_is_explained(store, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "_learned", {})
    path = tmp_path / "plane.csv"
    path.write_text("a,b,label\n" + "".join(f"{n},{n * n},{n % 2}\n" for n in range(20)))
    description = added(path, "plane")
    run = store.create(TrainingConfig(dataset=description.full_name, depth=1, width=4, epochs=1))
    run.append(EpochRecord(1, 0.6, 0.7, 0.6, 0.7, 1e-3, 1.0))
    run.append_boundary(1, np.linspace(0, 1, SIDE * SIDE))
    assert "data:image/svg" in report([run], no_evaluation).decode()
    registry.remove(description)
    text = text_of(report([run], no_evaluation))
    assert "It was not drawn: the data set plane" in text and "is not on this machine; add it with" in text


# --- Several runs -----------------------------------------------------------------------------------------


def test_several_runs_are_compared_with_their_statistics(store):
    better = [made(store, 0.80 + seed / 100, seed=seed, depth=5) for seed in (1, 2, 3)]
    worse = [made(store, 0.70 + seed / 200, seed=seed) for seed in (1, 2, 3)]
    stopped = made(store, 0.5, STOPPED, seed=4)
    content = report([*worse, *better, stopped], no_evaluation)
    text = text_of(content)
    table = comparison.grouped(run_table([summarize(run) for run in (*worse, *better, stopped)]))
    by_seed = [comparison.results_by_seed(table, group) for group in (1, 0)]
    verdict = comparison.verdict(comparison.paired_difference(*by_seed), "“depth 5”", "“depth 2”")
    assert "excludes zero" in verdict and verdict in text
    assert "standard deviation over 3 seeds" in text
    assert "Runs that were not trained to the end are left out: 1." in text
    assert text.index("depth 5") < text.index("depth 2")
    assert content.count(b"<details>") == 7
    assert len(re.findall(rb"data-chart=", content)) == 2


def test_several_runs_on_points_are_not_said_to_be_on_images(store):
    runs = [made(store, 0.8 + seed / 100, seed=seed, dataset="moons") for seed in (1, 2)]
    text = text_of(report(runs, no_evaluation))
    assert "from the choice of 400 validation points" in text
    # that is the name of a setting
    assert not re.search(r"\bimages?\b", text)


def test_a_loss_with_a_penalty_is_there_without_it_too(store):
    heavy = store.create(CONFIG.with_(l2=0.05))
    heavy.append(EpochRecord(1, 1.5, 0.5, 1.3, 0.5, 1e-3, 0.1, val_penalty=0.5))
    heavy.end(COMPLETED, "all is trained")
    light = made(store, 0.5)
    alone = text_of(report([heavy], no_evaluation))
    assert "Validation data loss" in alone and "1.3000" in alone and "0.8000" in alone
    assert "Validation data loss" not in text_of(report([light], no_evaluation))
    both = text_of(report([heavy, light], no_evaluation))
    assert "Validation data loss" in both and "1.3000" in both and "0.8000" in both
    assert "Validation data loss" not in text_of(report([light, made(store, 0.6)], no_evaluation))


def test_a_loss_with_label_smoothing_says_so(store):
    plain, smoothed = made(store, 0.5), made(store, 0.6, label_smoothing=0.1)
    alone = "These losses include label smoothing; the loss of the metrics below does not."
    assert alone in text_of(report([smoothed], no_evaluation)) and alone not in text_of(report([plain], no_evaluation))
    both = "Validation losses include label smoothing, which differs between these runs"
    assert both in text_of(report([plain, smoothed], no_evaluation))
    assert both not in text_of(report([plain, made(store, 0.7)], no_evaluation))


def test_runs_of_several_data_sets_are_never_compared(store):
    runs = [made(store, 0.5), made(store, 0.5, dataset="cifar10")]
    with pytest.raises(InputError, match="the runs are of several data sets, which cannot be compared"):
        report(runs, no_evaluation)


def test_an_unreadable_run_is_named(store):
    runs = [made(store, 0.5), made(store, 0.5)]
    (runs[1].path / "history.jsonl").write_text("{}\n")
    with pytest.raises(RunError, match=rf"history.jsonl of {runs[1].name} cannot be read"):
        report(runs, no_evaluation)
