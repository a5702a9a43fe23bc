"""The models that come with the software, and `python -m explorer evaluate`."""

import json
import subprocess
import sys

import pytest
from browser import ROOT

from explorer.cli import main
from explorer.evaluation import model_process
from explorer.evaluation.saved_models import find, saved_models
from explorer.presets import PRESETS
from explorer.runs import cost_estimate
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore

SHIPPED = RunStore(ROOT / "models")
# validation accuracy in the notebook
REACHED = {"elu": 0.443, "bn": 0.508, "selu": 0.465}
README = (ROOT / "models" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PRESETS)
def test_a_shipped_model_is_its_preset_trained_to_the_end(name, cifar10):
    run = SHIPPED.get(name)
    status = run.status()
    assert run.config == PRESETS[name].config
    assert (status.status, status.shipped, status.host, status.process) == (COMPLETED, True, "", None)
    files = subprocess.run(["git", "ls-files", f"models/{name}"], cwd=ROOT, capture_output=True, text=True, check=True)
    kept = {"best.keras", "config.json", "history.jsonl", "signals.jsonl", "status.json"}
    assert {line.rpartition("/")[2] for line in files.stdout.splitlines()} == kept
    assert sum((run.path / file).stat().st_size for file in kept) < 3e6

    best = find(SHIPPED, name).run.best
    found = model_process.predict(find(SHIPPED, name).request())
    evaluation = found.evaluation(cifar10)
    assert evaluation.accuracy == pytest.approx(best.val_accuracy, abs=3e-4)
    assert evaluation.accuracy >= REACHED[name]
    assert evaluation.loss == pytest.approx(best.val_loss, rel=1e-4)
    low, high = evaluation.accuracy_interval
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
    assert f"| {best.epoch} ({len(run.history())}) | {best.val_loss:.4f} |" in row
    for share in (best.val_accuracy, high, evaluation.calibration_error):
        assert f"{100 * share:.2f}%" in row
    assert f"({100 * low:.2f} to" in row


def test_shipped_runs_are_offered_but_never_taken_for_trained_here():
    offered = {model.name for model in saved_models(SHIPPED)}
    assert set(PRESETS) <= offered
    shipped = [summary for summary in SHIPPED.list() if summary.name in PRESETS]
    for preset in PRESETS.values():
        assert cost_estimate.predicted_seconds(preset.config, shipped)[1] is False
        before = SHIPPED.trained_before(preset.config)
        assert before is None or before.name not in PRESETS


def test_the_command_tells_the_figures_as_json(tmp_path, digits):
    path = tmp_path / "mine.keras"
    _save_digits_model(path)
    command = [sys.executable, "-m", "explorer", "evaluate", str(path), "--runs", str(tmp_path), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["model"] == "mine.keras" and told["split"] == "validation" and told["images"] == 360
    assert told["accuracy_interval"][0] < told["accuracy"] < told["accuracy_interval"][1]
    assert {"loss", "per_class", "confusion_matrix", "calibration_error"} <= set(told)
    hits = sum(row[number] for number, row in enumerate(told["confusion_matrix"]))
    assert told["accuracy"] == pytest.approx(hits / 360)
    # asked again it comes from what was kept, without a process
    kept = next((tmp_path / ".evaluations").glob("*.npz"))
    assert kept.stat().st_size > 360 * 10 * 4


def _save_digits_model(path):
    import keras

    keras.utils.set_random_seed(5)
    layers = [keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    keras.Sequential(layers).save(path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "model: 'nothing' does not exist"),
        (["a.keras", "--split", "train"], "split: 'train' is not allowed; it must be one of validation, test"),
        (["a.keras", "--scaling", "log"], "scaling: 'log' is not allowed; it must be one of automatic, raw"),
        (["link.keras"], "is a link that points outside the models folder"),
    ],
)
def test_bad_input_to_the_command_is_one_line(tmp_path, capsys, arguments, words):
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "a.keras").write_bytes(b"x")
    (tmp_path / "b.keras").write_bytes(b"x")
    (runs / "link.keras").symlink_to(tmp_path / "b.keras")
    assert main.main(["evaluate", *arguments, "--runs", str(runs)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("explorer: ") and words in said.err and said.err.count("\n") == 1
