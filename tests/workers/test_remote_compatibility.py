"""Whether machines agree, and how a run's files travel, without any network."""

import shutil

import pytest

from explorer import code_version
from explorer.benchmarks.driver import simulate
from explorer.benchmarks.sweep import scheduling
from explorer.runs.run import CHECKPOINT, HISTORY
from explorer.runs.status import RunStatus
from explorer.work_folder import LOCK, REQUEST
from explorer.workers.remote import compatibility, worker
from explorer.workers.remote.compatibility import disagreement, facts

OWN = {
    "host": "here",
    "python": "3.11",
    "keras": "3.15.1",
    "tensorflow": "2.21.0",
    "numpy": "2.4.6",
    "explorer": "abc",
    "data": {"digits": "d1", "cifar10": None},
}


def test_equal_machines_agree():
    other = {**OWN, "host": "there", "data": {"digits": "d1", "cifar10": "c1"}}
    assert disagreement(OWN, other, "tcp://there:1") == ""
    assert disagreement(facts(["digits"]), facts(["digits"]), "x") == ""


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({"keras": "3.14.0"}, "its keras is 3.14.0, here it is 3.15.1"),
        ({"tensorflow": None}, "its tensorflow is not installed, here it is 2.21.0"),
        ({"python": "3.12"}, "its python is 3.12, here it is 3.11"),
        ({"explorer": "xyz"}, "its code differs from the code here; install the same version there"),
        (
            {"data": {"digits": None, "cifar10": "c1"}},
            "it has no intact digits data; download it there with `python -m explorer data digits`",
        ),
        ({"data": {"digits": "d2", "cifar10": "c1"}}, "its digits data differs from the data here"),
    ],
)
def test_what_differs_is_said_in_one_sentence(differs, words):
    other = {**OWN, "host": "there", "data": {"digits": "d1", "cifar10": "c1"}, **differs}
    told = disagreement(OWN, other, "tcp://there:1")
    assert told.startswith("the worker tcp://there:1 on there is not used: ")
    assert words in told


def test_the_code_hash_changes_with_any_file(tmp_path, monkeypatch):
    package = tmp_path / "explorer"
    shutil.copytree(code_version.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before, of_data = compatibility.code_hash(), code_version.code_hash("data")
    monkeypatch.setattr(code_version, "PACKAGE", package)
    changed = code_version.code_hash.__wrapped__  # reads anew
    assert (changed(), changed("data")) == (before, of_data)
    (package / "training" / "model.py").open("a").write("# changed\n")
    assert changed() != before
    assert changed("data") == of_data


def test_only_what_has_changed_travels(tmp_path):
    (tmp_path / HISTORY).write_text("one\ntwo\nhal")
    for name in (CHECKPOINT, LOCK, REQUEST, ".x.tmp"):
        (tmp_path / name).write_text("content")
    (tmp_path / "logs" / "train").mkdir(parents=True)
    (tmp_path / "logs" / "train" / "events").write_text("e")
    first = worker.changes(tmp_path, {})
    assert set(first.files) == {HISTORY, CHECKPOINT, "logs/train/events"}
    assert first.files[HISTORY] == b"one\ntwo\n"  # the line that is being written waits
    assert worker.changes(tmp_path, first.stamps).files == {}
    with (tmp_path / HISTORY).open("a") as stream:
        stream.write("f\n")
    assert worker.changes(tmp_path, first.stamps).files == {HISTORY: b"one\ntwo\nhalf\n"}


def test_files_arrive_as_they_were_sent(tmp_path):
    sent = {HISTORY: b"a\n", CHECKPOINT: b"\x00\xff", "logs/train/events": b"e"}
    worker.write_files(tmp_path, sent)
    assert worker.changes(tmp_path, {}).files == sent


# --- measurements -----------------------------------------------------------------------------------------


def test_scheduling_counts_the_time_between_runs():
    """Two workers: 0–10 and 0–4; then 5–9 after the first end and 10.5–12 after the second."""
    times = [(0, 10), (0, 4), (5, 9), (10.5, 12)]
    statuses = [RunStatus("completed", started=float(s), ended=float(e)) for s, e in times]
    found = scheduling(statuses, 2)
    assert found["seconds"] == 12
    assert found["busy_seconds"] == 10 + 4 + 4 + 1.5
    assert found["gap_seconds"] == (5 - 4) + (10.5 - 9)
    assert found["overhead"] == pytest.approx(2.5 / 22)


def test_a_simulated_study_counts_every_trial_once():
    told = simulate(workers=20, trials=60)
    assert told["counted_once"]
    assert (told["workers"], told["trials"]) == (20, 60)
    assert 0 < told["trials_a_second"] < 100_000
