"""`python -m explorer`: real processes where something is trained, calls in this process where nothing is."""

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import heed_ctrl_c, run_here

from explorer.cli.run_report import METRICS, lines_of_result
from explorer.config import FIELDS, TrainingConfig
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED, FAILED, INTERRUPTED, RUNNING, STOPPED
from explorer.runs.store import RunStore

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "explorer"]
# long enough to be interrupted in the middle, and short enough to be trained to its end
WHOLE = ["--dataset", "digits", "--depth", "3", "--width", "64", "--epochs", "80", "--patience", "80"]
WHOLE += ["--learning-rate", "0.0005", "--preset", "bn"]
TINY = ["--dataset", "digits", "--depth", "1", "--width", "8"]
ENDLESS = ["--epochs", 10_000, "--patience", 10_000]


def start(*arguments: object, **more) -> subprocess.Popen:
    """A command in a process of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": heed_ctrl_c, **more}
    return subprocess.Popen([*COMMAND, *map(str, arguments)], cwd=ROOT, text=True, **pipes)


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=600)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def refused(capsys, *arguments: object) -> str:
    """The one line of a command that is refused as bad input."""
    status, out, err = run_here(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("explorer: ") and err.count("\n") == 1
    return err


def the_run(folder: Path) -> Run:
    (summary,) = RunStore(folder).list()
    return summary.run


def wait_for_epochs(folder: Path, count: int, process: subprocess.Popen) -> Run:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and process.poll() is None:
        if folder.exists() and (found := RunStore(folder).list()) and len(found[0].records) >= count:
            return found[0].run
        time.sleep(0.02)
    raise AssertionError(process.communicate())


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[dict, str, Path]:
    """The JSON and the messages of one run that was trained to its end, and the folder of its store."""
    folder = tmp_path_factory.mktemp("whole")
    status, out, err = finish(start("train", *WHOLE, "--runs", folder, "--json"))
    assert status == 0, err
    return json.loads(out), err, folder


# --- training ---------------------------------------------------------------------------------------------


def test_the_json_of_train_says_what_came_of_it(whole):
    told, _, folder = whole
    run = Run(folder / told["run"])
    records = run.history()
    assert (told["status"], told["epochs"]) == (COMPLETED, 80)
    assert (told["reason"], told["cause"]) == ("trained for 80 epochs", "all_epochs")
    assert {name: len(values) for name, values in told["history"].items()} == dict.fromkeys(METRICS, 80)
    assert told["history"]["val_loss"] == [record.val_loss for record in records]
    best = records[told["best_epoch"] - 1]
    assert told["val_loss"] == best.val_loss == min(told["history"]["val_loss"])
    assert told["val_accuracy"] == best.val_accuracy > 0.9
    assert told["selected_by"] == "lowest validation loss"
    assert told["seconds_per_epoch"] == [record.seconds for record in records]
    assert told["compile_seconds"] > 0
    dense = 64 * 64 + 64 + 2 * (64 * 64 + 64) + 64 * 10 + 10
    assert told["parameters"] == dense + 4 * (64 + 3 * 64)
    assert Path(told["path"], "best.keras").exists()


def test_options_win_over_the_preset_and_the_preset_over_defaults(whole):
    config = TrainingConfig.from_dict(whole[0]["config"])
    expected = {"dataset": "digits", "depth": 3, "width": 64, "learning_rate": 5e-4, "epochs": 80, "patience": 80}
    assert config == TrainingConfig(batch_norm="after_activation", **expected)


def test_without_a_terminal_there_is_one_line_an_epoch_and_nothing_of_tensorflow(whole):
    told, err, _ = whole
    lines = err.splitlines()
    assert lines[0] == f"{told['run']}: saved in {told['path']}"
    epochs = lines[1:-1]
    assert [line.split(" · ")[0] for line in epochs] == [f"epoch {n}/80" for n in range(1, 81)]
    assert "at most " in epochs[3] and "best val_loss" in epochs[3]
    assert lines[-1] == f"{told['run']} is completed: trained for 80 epochs"


def test_ctrl_c_keeps_all_and_resume_ends_as_if_nothing_had_happened(whole, tmp_path, capsys):
    process = start("train", *WHOLE, "--runs", tmp_path, "--json")
    run = wait_for_epochs(tmp_path, 3, process)
    # meanwhile no second process gets at it
    assert "is in use by another process" in refused(capsys, "resume", run.name, "--runs", tmp_path)
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)
    told = json.loads(out)
    assert (status, told["status"], run.status().status) == (130, STOPPED, STOPPED)
    assert 3 <= told["epochs"] < 80
    assert f"python -m explorer resume {run.name} --runs {tmp_path}" in err
    assert (run.path / "checkpoint.npz").exists()

    status, out, err = finish(start("resume", run.name, "--runs", tmp_path, "--json"))
    assert status == 0, err
    assert json.loads(out)["history"] == whole[0]["history"]
    assert "is completed; only a run that is paused" in refused(capsys, "resume", run.name, "--runs", tmp_path)


def test_on_a_terminal_there_is_one_moving_line_and_another_process_can_stop_it(tmp_path, capsys):
    ours, theirs = pty.openpty()
    drawn: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(ours, 4096):
                drawn.append(piece)
        except OSError:  # how a terminal ends when nobody has it open any more
            return

    reader = threading.Thread(target=read)
    reader.start()
    process = start("train", *TINY, *ENDLESS, "--runs", tmp_path, stderr=theirs)
    os.close(theirs)
    run = wait_for_epochs(tmp_path, 3, process)
    assert run_here(capsys, "stop", run.name, "--runs", tmp_path) == (0, f"{run.name} was asked to stop\n", "")
    out, _ = process.communicate(timeout=600)
    reader.join()
    os.close(ours)
    assert (process.returncode, run.status().status) == (0, STOPPED)
    assert "stopped after" in out and "lowest validation loss" in out
    shown = b"".join(drawn).decode()
    assert "▓" in shown and "at most " in shown and "/10,000 " in shown and "/45 " in shown
    assert shown.split(f"{run.name} is stopped")[0].count("\n") == 2  # the run's name, and the one line
    assert max(map(len, shown.split("▓", 1)[1].splitlines()[0].split("\r"))) < 80
    assert "is stopped; only a queued, running or paused run" in refused(capsys, "stop", run.name, "--runs", tmp_path)


def test_sigterm_stops_too_and_a_reader_that_has_gone_does_not(tmp_path):
    process = start("train", *TINY, *ENDLESS, "--runs", tmp_path)
    process.stderr.close()
    process.stdout.close()
    run = wait_for_epochs(tmp_path, 3, process)
    process.send_signal(signal.SIGTERM)
    process.wait(600)
    assert run.status().status == STOPPED
    assert process.returncode == 128 + signal.SIGPIPE  # its last words had nobody to go to


def test_a_run_folder_that_takes_no_more_ends_as_failed_and_keeps_its_history(tmp_path):
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    one_step = ["--batch-size", 1437]
    status, out, err = finish(start("train", *TINY, *ENDLESS, *one_step, "--runs", tmp_path, "--json", preexec_fn=full))
    told = json.loads(out)
    assert (status, told["status"]) == (1, FAILED), err
    run = the_run(tmp_path)
    assert run.status().status == FAILED
    assert "File too large" in run.status().reason
    assert told["cause"] == run.status().cause == Cause.DISK_FULL
    assert [record.epoch for record in run.history()] == list(range(1, told["epochs"] + 1))
    assert told["epochs"] > 10


def test_a_penalty_is_named_beside_the_data_loss(tmp_path, capsys):
    """The loss is Keras's, its parts add up to it, and the model's own predictions have the data loss."""
    quick = ["--dataset", "digits", "--depth", 1, "--width", 10, "--epochs", 2, "--runs", tmp_path]
    status, out, _ = run_here(capsys, "train", *quick, "--l2", 0.1, "--json")
    told = json.loads(out)
    assert status == 0 and told["val_penalty"] > 0
    assert told["val_data_loss"] + told["val_penalty"] == pytest.approx(told["val_loss"])
    assert told["history"]["val_penalty"][told["best_epoch"] - 1] == told["val_penalty"]
    [line, *_] = lines_of_result(told)
    assert f"(data loss {told['val_data_loss']:.4f} + penalty {told['val_penalty']:.4f})" in line
    status, out, _ = run_here(capsys, "train", *quick, "--json")
    told = json.loads(out)
    assert told["val_penalty"] == 0 and told["val_data_loss"] == told["val_loss"]
    assert "penalty" not in lines_of_result(told)[0]


def test_evaluating_a_model_that_was_trained_with_label_smoothing_says_that_its_loss_has_none(tmp_path, capsys):
    words = "The losses that its run recorded include label smoothing; this loss does not."
    quick = ["train", *TINY, "--epochs", 1, "--json", "--runs", tmp_path]
    smoothed, plain = (
        json.loads(run_here(capsys, *quick, *more)[1])["run"] for more in (["--label-smoothing", 0.1], [])
    )
    status, out, _ = run_here(capsys, "evaluate", smoothed, "--runs", tmp_path)
    assert status == 0 and out.splitlines()[-1] == words
    assert "label smoothing" not in run_here(capsys, "evaluate", plain, "--runs", tmp_path)[1]


# --- what is listed ---------------------------------------------------------------------------------------


def record(epoch: int, val_loss: float, val_accuracy: float) -> EpochRecord:
    return EpochRecord(epoch, 1.0, 0.5, val_loss, val_accuracy, 1e-3, 0.5)


@pytest.fixture
def listed(tmp_path) -> RunStore:
    """A completed run, one with no finite loss, one whose process has gone, and three that cannot be read."""
    store = RunStore(tmp_path)
    config = TrainingConfig(dataset="digits")
    good, wild, gone, broken, newer, torn = (store.create(config.with_(seed=seed)) for seed in range(6))
    for epoch, loss, accuracy in ((1, 2.0, 0.25), (2, 1.5, 0.4375), (3, 1.75, 0.5)):
        good.append(record(epoch, loss, accuracy))
    good.end(COMPLETED, "all 3 epochs are trained")
    wild.append(record(1, float("nan"), 0.1))
    wild.end(FAILED, "diverged")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    process = gone.status().process
    ended.wait()
    gone.update(status=RUNNING, process=type(process)(process.host, ended.pid, 1.0))
    (broken.path / "config.json").write_text("{")
    (newer.path / "status.json").write_text('{"schema_version": 99}')
    (torn.path / "history.jsonl").write_text("not an epoch\n")
    (tmp_path / "no run").mkdir()
    return store


def test_runs_lists_every_folder_the_unreadable_with_its_reason(listed, capsys):
    status, out, err = run_here(capsys, "runs", "--json", "--runs", listed.folder)
    assert (status, err) == (0, "")
    told = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert told["selected_by"] == "lowest validation loss" and told["folder"] == str(listed.folder)
    rows = sorted(told["runs"], key=lambda row: row["config"]["seed"] if row["config"] else 9)
    good, wild, gone = rows[:3]
    assert (good["status"], good["epochs"], good["best_epoch"]) == (COMPLETED, 3, 2)
    assert (good["val_loss"], good["val_accuracy"]) == (1.5, 0.4375)
    assert (wild["status"], wild["best_epoch"], wild["val_loss"]) == (FAILED, None, None)
    assert gone["status"] == INTERRUPTED
    reasons = " ".join(row["reason"] for row in rows[3:])
    assert [row["status"] for row in rows[3:]] == ["unreadable"] * 3
    assert all(name in reasons for name in ("config.json", "schema_version: 99", "line 1"))


def test_the_table_of_runs_names_the_selection_rule_and_fits_together(listed, capsys):
    status, out, _ = run_here(capsys, "runs", "--runs", listed.folder)
    lines = out.splitlines()
    assert status == 0 and "lowest validation loss" in lines[0]
    assert lines[1].split() == ["run", "name", "status", "epochs", "best", "val_loss", "val_accuracy", "created"]
    good = next(line for line in lines if " completed " in line)
    assert good.partition(" completed ")[2].split()[:4] == ["3", "2", "1.5000", "43.75%"]
    assert "  Digits ELU " in good
    assert good.index("1.5000") + 6 == lines[1].index("val_loss") + 8
    assert sum("cannot be read" in line for line in lines) == 3


def test_the_table_of_runs_has_the_data_loss_where_a_loss_includes_a_penalty(listed, capsys):
    heavy = listed.create(TrainingConfig(dataset="digits", l2=0.05))
    heavy.append(replace(record(1, 1.3, 0.5), val_penalty=0.5))
    heavy.end(COMPLETED, "all is trained")
    _, out, _ = run_here(capsys, "runs", "--runs", listed.folder)
    lines = out.splitlines()
    assert "val_data_loss: val_loss without the L2 penalty" in lines
    rows = [line.partition(" completed ")[2].split()[2:5] for line in lines if " completed " in line]
    assert sorted(rows) == [["1.3000", "50.00%", "0.8000"], ["1.5000", "43.75%", "1.5000"]]


def test_the_table_of_runs_says_that_losses_with_different_label_smoothing_differ(listed, capsys):
    words = "Validation losses include label smoothing, which differs between these runs; their accuracies do not."
    assert "label smoothing" not in run_here(capsys, "runs", "--runs", listed.folder)[1]
    listed.create(TrainingConfig(dataset="digits", label_smoothing=0.1)).append(record(1, 1.4, 0.5))
    assert words in run_here(capsys, "runs", "--runs", listed.folder)[1].splitlines()
    assert json.loads(run_here(capsys, "runs", "--runs", listed.folder, "--json")[1])["caution"] == words


def test_no_runs_yet_is_no_fault(tmp_path, capsys):
    status, out, err = run_here(capsys, "runs", "--runs", tmp_path / "none")
    assert (status, out) == (0, "") and "no runs in " in err
    assert json.loads(run_here(capsys, "runs", "--json", "--runs", tmp_path / "none")[1])["runs"] == []


def test_a_waiting_run_is_stopped_at_once(store, capsys):
    run = store.create(TrainingConfig(dataset="digits"))
    status, out, _ = run_here(capsys, "stop", run.name, "--runs", store.folder, "--json")
    assert (status, json.loads(out)["status"]) == (0, STOPPED)
    assert run.requested() == "stop"  # for a worker that has just taken it


def test_runs_come_from_the_environment_and_a_path_is_a_name_too(store, capsys, monkeypatch):
    run = store.create(TrainingConfig(dataset="digits"))
    monkeypatch.setenv("EXPLORER_RUNS", str(store.folder))
    assert json.loads(run_here(capsys, "runs", "--json")[1])["runs"][0]["run"] == run.name
    monkeypatch.delenv("EXPLORER_RUNS")
    assert run_here(capsys, "stop", run.path)[0] == 0


def test_data_says_where_it_is_and_that_it_is_intact(capsys):
    status, out, err = run_here(capsys, "data", "digits", "--json")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert told["images"] == {"train": 1437, "validation": 360, "test": 0} and Path(told["path"]).exists()
    assert "is already on this machine and verified" in run_here(capsys, "data", "digits")[1]


# --- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--depth", "deep"], "depth: 'deep' is not allowed; it must be a whole number from 0 to 100"),
        (["train", "--depth", "2.5"], "depth: '2.5' is not allowed; it must be a whole number"),
        (["train", "--depth", "101"], "depth: 101 is not allowed; it must be a whole number from 0 to 100"),
        (["train", "--depth", "-1"], "depth: -1 is not allowed"),
        (["train", "--depth"], "depth: '' is not allowed; it must be a whole number from 0 to 100"),
        (["train", "--width", "9" * 5000], "is not allowed; it must be a whole number from 1 to 2,048"),
        (["train", "--learning-rate", "nan"], "learning_rate: nan is not allowed; it must be a number from 1e-07"),
        (["train", "--learning-rate", "-inf"], "learning_rate: -inf is not allowed"),
        (["train", "--learning-rate", "-1e-5"], "learning_rate: -1e-05 is not allowed"),
        (["train", "--l2", "-1e-5"], "l2: -1e-05 is not allowed; it must be a number from 0 to 1"),
        (["train", "--l2"], "l2: '' is not allowed; it must be a number from 0 to 1"),
        (["train", "--learning-rate", "1e999"], "learning_rate: inf is not allowed"),
        (["train", "--activation", "relux"], "activation: 'relux' is not allowed; it must be one of elu, selu"),
        (["train", "--kernel-initializer", "x"], "kernel_initializer: 'x' is not allowed; it must be one of he_normal"),
        (["train", "--batch-norm", "maybe"], "batch_norm: 'maybe' is not allowed; it must be one of off"),
        (["train", "--dataset", "imagenet"], "dataset: 'imagenet' is not allowed; it must be one of cifar10, digits"),
        (["train", "--preset", "best"], "preset: 'best' is not allowed; it must be one of elu, bn, selu"),
        (["train", "--dept", "3"], "unrecognized argument '--dept'; usage: python -m explorer train"),
        (["train", "--depth", "100", "--width", "2048", "--batch-size", "8192"], "choose fewer layers or units"),
        (["train", "--runs"], "--runs: expected one argument"),
        (["train", "--runs", ""], "runs: '' is not allowed; it must be the path of a folder"),
        (["train", "--dataset", "digits", "--runs", __file__], "it must be the path of a folder"),
        (["runs", "more"], "unrecognized argument 'more'"),
        (["runs", "--json=yes"], "--json"),
        (["resume", "nowhere"], "run: 'nowhere' does not exist; it must be the name of a run in"),
        (["resume", "x" * 300], "does not exist"),
        (["resume", ""], "run: '' does not exist"),
        (["resume"], "required: RUN"),
        (["stop", "../nowhere"], "run: '../nowhere' does not exist"),
        (["data", "--from", "/nowhere"], "from: '/nowhere' is not allowed; it must be an existing file or folder"),
        (["data", "digits", "--from", __file__], "it must be omitted"),
        (["data", "imagenet"], "dataset: 'imagenet' is not allowed"),
        (["benchmark", "--epochs", "0"], "epochs: 0 is not allowed"),
        (["benchmark", "--preset", "best"], "preset: 'best' is not allowed"),
        (["benchmark", "--watchers", "0"], "watchers: '0' is not allowed"),
        (["learn"], "invalid choice: 'learn' (choose from 'train', 'range-test', 'resume'"),
        ([], "required: COMMAND"),
    ],
)
def test_bad_input_is_told_in_one_line_with_what_is_allowed(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    assert said in refused(capsys, *arguments)
    assert not (tmp_path / "runs").exists()


def test_faults_are_one_line_too(capsys, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    for command in (["train", "--dataset", "digits"], ["runs"]):
        status, out, err = run_here(capsys, *command, "--runs", file / "below")
        assert (status, out, err.count("\n")) == (1, "", 1) and str(file) in err
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path))
    status, out, err = run_here(capsys, "train", "--runs", tmp_path / "runs")
    assert (status, out) == (1, "") and not (tmp_path / "runs").exists()
    assert err == "explorer: CIFAR-10 is not on this machine yet; download it with `python -m explorer data cifar10`\n"


def test_a_damaged_run_is_not_resumed(listed, capsys):
    unreadable = next(summary for summary in listed.list() if "config.json" in summary.problem)
    unreadable.run.end(INTERRUPTED, "")
    status, _, err = run_here(capsys, "resume", unreadable.name, "--runs", listed.folder)
    assert (status, err.count("\n")) == (1, 1) and "config.json" in err
    assert unreadable.run.status().status == INTERRUPTED


def test_a_fault_of_the_program_is_one_line_unless_asked_for_more(tmp_path):
    run = RunStore(tmp_path).create(TrainingConfig(dataset="digits"))
    (run.path / "status.json").unlink()
    (run.path / "status.json").mkdir()
    command = [*COMMAND, "stop", str(run.path)]
    quiet = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert quiet.returncode == 1 and quiet.stderr.count("\n") == 1 and "status.json" in quiet.stderr
    loud = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "EXPLORER_DEBUG": "1"})
    assert loud.returncode == 1 and "Traceback" in loud.stderr


def test_a_closed_pipe_and_a_full_disk_at_standard_output_end_quietly(listed):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        assert finish(start("runs", "--runs", listed.folder, stdout=closed))[::2] == (128 + signal.SIGPIPE, "")
    with Path("/dev/full").open("w") as full:
        status, _, err = finish(start("runs", "--runs", listed.folder, stdout=full))
    assert (status, err) == (1, "explorer: No space left on device\n")


def test_every_field_is_an_option_of_train_with_its_bounds_in_the_help(capsys):
    status, out, _ = run_here(capsys, "train", "--help")
    words = " ".join(out.split())
    assert status == 0
    for field in FIELDS.values():
        assert field.flag in words
        assert f"({field.allowed}; default {field.default})".replace(" ", "") in out.replace(" ", "").replace("\n", "")
    assert "--no-batch-norm" in words and "130 or 143" in words


# --- The range test -----------------------------------------------------------------------------------


def test_a_range_test_says_its_rate_and_every_point(capsys):
    small = ["--depth", "1", "--width", "10", "--input-scaling", "unit", "--optimizer", "sgd"]
    status, out, _ = run_here(capsys, "range-test", "--dataset", "digits", *small, "--json")
    told = json.loads(out)
    assert status == 0 and f"{told['rate']:g}" in told["words"]
    assert told["config"]["depth"] == 1 and told["points"][0]["rate"] == pytest.approx(1e-6)
    assert told["turn"] in [point["rate"] for point in told["points"]]


def test_a_range_test_of_a_bad_setting_is_refused(capsys):
    status, out, err = run_here(capsys, "range-test", "--width", "0")
    assert (status, out) == (2, "") and err.startswith("explorer: width: 0 is not allowed")
