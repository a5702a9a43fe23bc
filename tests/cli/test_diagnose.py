"""`python -m explorer diagnose`: the findings of a run, as JSON and to read, and the effect of each fix."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_runs import DIGITS, history, signals

from explorer.cli import main
from explorer.diagnosis import Evidence, diagnose
from explorer.fixes.plan import plausible
from explorer.runs.fix_mark import read_fix_mark
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED
from explorer.workers import worker

SIGMOID = DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform")
ELU = {"activation": "elu", "kernel_initializer": "he_normal"}
SHRINKING = {"gradient_rms": [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 4e-3]}
KEYS = {"name", "title", "severity", "since_epoch", "evidence", "why", "fix", "fixes"}


def command(capsys, *arguments: object) -> tuple[int, str, str]:
    status = main.main(["diagnose", *map(str, arguments)])
    return status, *capsys.readouterr()


def ended(store, config=SIGMOID, records=None, by_depth=None) -> Run:
    run = store.create(config)
    records = history(*[2.3026] * 4, accuracy=0.1) if records is None else records
    for epoch in range(len(records) + 1):
        run.append_signals(signals(epoch, by_depth=by_depth))
    for record in records:
        run.append(record)
    run.end(COMPLETED, "all is trained")
    return run


def test_the_json_holds_every_finding_the_most_important_first(store, capsys):
    run = ended(store, SIGMOID.with_(input_scaling="raw"), history(*[9.0] * 4, accuracy=0.1), SHRINKING)
    status, out, _ = command(capsys, run.name, "--runs", store.folder, "--json")
    told = json.loads(out)
    expected = diagnose(Evidence(run.config, run.history(), run.signals(), run.status().cause))
    assert status == 0 and told["run"] == run.name
    assert [finding["name"] for finding in told["findings"]] == [finding.name for finding in expected] != []
    assert all(set(finding) == KEYS for finding in told["findings"])
    first = told["findings"][0]
    assert (first["severity"], first["since_epoch"]) == (expected[0].severity, expected[0].since)
    assert (first["evidence"], first["why"], first["fix"]) == (
        expected[0].evidence,
        expected[0].why,
        dict(expected[0].change),
    )


def test_every_fix_is_given_with_the_reason_for_its_settings(store, capsys):
    run = ended(store, by_depth=SHRINKING)
    [told] = json.loads(command(capsys, run.name, "--runs", store.folder, "--json")[1])["findings"]
    assert told["fixes"] == [
        {"fix": {"batch_norm": "before_activation"}, "reason": ""},
        {"fix": {"kernel_initializer": "glorot_normal"}, "reason": ""},
        {"fix": ELU, "reason": "ELU needs a matching initializer."},
    ]
    assert told["fix"] == told["fixes"][0]["fix"] and "matching initializer" not in told["why"]


def test_the_text_says_what_why_and_that_the_fix_is_untried(store, capsys):
    run = ended(store, by_depth=SHRINKING)
    status, out, _ = command(capsys, run.path, "--runs", store.folder)
    assert status == 0
    assert "1. Vanishing gradients (problem, before training)" in out
    assert "one part in 4,000,000 of the output layer's" in out
    assert "Fix, untried: batch normalization off → " in out


def test_a_run_without_findings_says_so(store, capsys):
    run = ended(store, DIGITS, history(1.2, 0.5, 0.3, accuracy=0.95))
    assert command(capsys, run.name, "--runs", store.folder)[:2] == (0, f"{run.name}: no problems so far\n")
    assert json.loads(command(capsys, run.name, "--runs", store.folder, "--json")[1])["findings"] == []


def test_a_run_that_has_just_been_created_has_findings_of_its_settings_at_most(store, capsys):
    run = store.create(DIGITS.with_(kernel_initializer="zeros"))
    told = json.loads(command(capsys, run.name, "--runs", store.folder, "--json")[1])
    assert [finding["name"] for finding in told["findings"]] == ["symmetric"]


@pytest.mark.parametrize("arguments", [["nothing"], [], ["a", "b"], ["nothing", "--fix"]])
def test_bad_input_is_one_sentence(store, capsys, arguments):
    status, out, err = command(capsys, *arguments, "--runs", store.folder)
    assert (status, out, err.count("\n")) == (2, "", 1) and err.startswith("explorer: ")


def test_a_damaged_run_is_one_sentence(store, capsys):
    run = ended(store)
    (run.path / "config.json").write_text("{")
    status, out, err = command(capsys, run.name, "--runs", store.folder)
    assert (status, out) == (1, "") and err.startswith(f"explorer: config.json of {run.name} cannot be read")


# --- trying the fixes -----------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]


def test_all_fixes_are_trained_and_ranked_and_the_best_two_together(store, capsys):
    """The real command, with its own workers; called again it trains nothing."""
    config = SIGMOID.with_(depth=12, width=64, epochs=6)
    run = store.create(config)
    worker.execute(run)
    command_line = [sys.executable, "-m", "explorer", "diagnose", run.name, "--runs", str(store.folder)]
    done = subprocess.run([*command_line, "--try", "--json"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    told = json.loads(done.stdout)
    fixes = [fix["fix"] for fix in told["fixes"]]
    singles = plausible(config, diagnose(Evidence(config, run.history(), run.signals(), run.status().cause)))
    assert ELU in singles
    assert {fix["reason"] for fix in told["fixes"] if fix["fix"] == ELU} == {"ELU needs a matching initializer."}
    assert all(bool(fix["reason"]) is (len(fix["fix"]) > 1) for fix in told["fixes"] if fix["fix"] in singles)
    assert all(fix in fixes for fix in singles) and len(fixes) == len(singles) + 1
    accuracies = [fix["after"]["val_accuracy"] for fix in told["fixes"]]
    assert accuracies == sorted(accuracies, reverse=True) and accuracies[0] > 0.5
    before = run.history()[-1]
    for fix in told["fixes"]:
        assert fix["before"] == {"val_accuracy": before.val_accuracy, "val_loss": before.val_loss, "epoch": 6}
        assert fix["interval"][0] <= fix["difference"] <= fix["interval"][1]
        mark = read_fix_mark(str(store.folder / fix["tried_by"]))
        assert (mark.origin, dict(mark.change)) == (run.name, fix["fix"])
    [finding] = [finding for finding in told["findings"] if finding["name"] == "vanishing"]
    proven = next(fix for fix in told["fixes"] if fix["fix"] == finding["fix"])
    assert (finding["before"], finding["after"]) == (proven["before"], proven["after"])
    runs = len(store.list())
    status, out, _ = command(capsys, run.name, "--try", "--runs", store.folder)
    assert status == 0 and len(store.list()) == runs
    assert "on 360 validation images" in out and "95% interval" in out and "untried" not in out
    assert out.splitlines()[-1].startswith("The best fix is ") and out.count("ELU needs a matching initializer.") == 1


def test_a_run_without_fixes_trains_nothing(store, capsys):
    run = ended(store, DIGITS, history(1.2, 0.5, 0.3, accuracy=0.95))
    status, out, _ = command(capsys, run.name, "--try", "--json", "--runs", store.folder)
    assert (status, json.loads(out)) == (0, {"run": run.name, "findings": [], "fixes": []})
    assert len(store.list()) == 1


def test_a_number_of_epochs_that_is_not_allowed_is_one_sentence(store, capsys):
    status, out, err = command(capsys, "a", "--try", "--epochs", "0", "--runs", store.folder)
    assert (status, out) == (2, "") and "epochs" in err and err.count("\n") == 1
