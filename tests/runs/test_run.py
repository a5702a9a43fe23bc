"""Run folders: several processes at once, what is damaged or left over, and what a list of many costs."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from explorer.config import SCHEMA_VERSION, TrainingConfig
from explorer.errors import InputError, RunError
from explorer.process import Process
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord
from explorer.runs.run import CONFIG, HISTORY, Run
from explorer.runs.status import (
    ACTIVE,
    COMPLETED,
    FAILED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    STATUSES,
    UNREADABLE,
    RunStatus,
)
from explorer.runs.store import RunStore
from explorer.work_folder import LOCK, STATUS
from explorer.workers.run_control import settle_orphans

ROOT = Path(__file__).parents[2]
DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)


def started(script: str, *arguments: object) -> subprocess.Popen:
    """A process of its own that runs a script."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen, told: str = "") -> str:
    """What a process has printed at its end."""
    out, _ = process.communicate(told, timeout=600)
    assert process.returncode == 0
    return out


def process_that_ended() -> Process:
    child = started("input()")
    number = Process(Process.current().host, child.pid, psutil.Process(child.pid).create_time())
    child.communicate("\n")
    return number


def record(epoch: int) -> EpochRecord:
    return EpochRecord(epoch, 2.0 / epoch, 0.5, 3.0 / epoch, 0.25, 1e-3, 0.5)


def states(store: RunStore) -> dict[str, str]:
    return {summary.name: summary.state for summary in store.list()}


# --- Writing and reading at once ----------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from explorer.runs.run import HISTORY, Run
from tests.runs.test_run import record

run, epochs, how = Run(Path(sys.argv[1])), int(sys.argv[2]), sys.argv[3]
for epoch in range(1, epochs + 1):
    if how == "a record at once":
        run.append(record(epoch))
    else:
        with (run.path / HISTORY).open("ab", buffering=0) as stream:
            for number in (record(epoch).to_json() + "\\n").encode():
                stream.write(bytes([number]))
    run.update(epoch=epoch, step=epoch, phase="x" * epoch)
"""


@pytest.mark.parametrize(("how", "epochs"), [("a record at once", 200), ("a byte at a time", 400)])
def test_a_reader_never_sees_half_of_what_is_being_written(store, how, epochs):
    run = store.create(DIGITS)
    (run.path / HISTORY).touch()
    writer = started(WRITER, run.path, epochs, how)
    lengths, halves = set(), 0
    while writer.poll() is None:
        halves += (run.path / HISTORY).read_bytes()[-1:] not in (b"", b"\n")
        history, status = run.history(), run.status()
        assert history == [record(epoch) for epoch in range(1, len(history) + 1)]
        assert status.epoch == status.step == len(status.phase)
        lengths.add(len(history))
    assert writer.returncode == 0 and len(run.history()) == epochs
    assert len(lengths) > 3, "nothing was read while it was being written"
    assert halves or how != "a byte at a time", "no half of a record was ever there"


MAKER = """
import sys
from explorer.config import SCHEMA_VERSION, TrainingConfig
from explorer.runs.store import RunStore

store = RunStore(sys.argv[1])
input()
print(*(store.create(TrainingConfig(dataset="digits", depth=2, width=20)).name for _ in range(int(sys.argv[2]))))
"""


def test_runs_that_threads_and_processes_make_in_one_second_have_names_of_their_own(store):
    store.folder.mkdir()
    makers = [started(MAKER, store.folder, 20) for _ in range(3)]
    for maker in makers:
        maker.stdin.write("\n")
        maker.stdin.flush()
    with ThreadPoolExecutor(8) as pool:
        names = [run.name for run in pool.map(lambda _: store.create(DIGITS), range(60))]
    for maker in makers:
        names += finished(maker).split()
    assert len(names) == len(set(names)) == 120
    assert {path.name for path in store.folder.iterdir()} == set(names)
    seconds = {name.rpartition("_")[0] for name in names}
    assert len(seconds) < 60, "hardly two of them were made in one second"


HOLDER = """
import sys
from pathlib import Path
from explorer.runs.run import Run

with Run(Path(sys.argv[1])).locked():
    print("held", flush=True)
    input()
"""


def test_a_run_is_held_by_one_process_until_that_ends_however_it_ends(store):
    run = store.create(DIGITS)
    for end in (lambda holder: holder.kill(), lambda holder: holder.communicate("\n")):
        holder = started(HOLDER, run.path)
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError) as caught, run.locked():
            pass
        assert str(caught.value) == f"run: {run.name!r} is in use by another process; stop that one first"
        end(holder)
        holder.communicate()
        with run.locked(), pytest.raises(InputError), run.locked():  # the same process is refused too
            pass


# --- A new run ----------------------------------------------------------------------------------------


def test_a_new_run_is_its_configuration_and_a_status_in_a_folder_named_after_it(store):
    run = store.create(DIGITS)
    assert re.fullmatch(r"digits_elu_2x20_\d{4}(_\d\d){2}-\d\d(_\d\d){2}_[a-z]{4}", run.name)
    assert {path.name for path in run.path.iterdir()} == {CONFIG, STATUS}
    assert Run(run.path).config == DIGITS
    status = run.status()
    assert (status.status, status.process) == (QUEUED, Process.current())
    assert status.created == status.queued > 1.7e9
    assert run.history() == [] and run.requested() is None


def test_a_run_may_have_a_name_of_its_own(store):
    assert store.create(DIGITS, name="first try").name.startswith("first try_")


def test_a_folder_that_cannot_be_made_is_told_with_its_path(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "runs"
    with pytest.raises(RunError) as caught:
        RunStore(folder).create(DIGITS)
    assert str(caught.value) == f"runs: {str(folder)!r} cannot be written (Not a directory)"


def test_a_status_keeps_every_value_over_json():
    status = RunStatus(
        RUNNING,
        "a reason",
        Cause.FAULT,
        1.5,
        2.5,
        3.5,
        4.5,
        Process("host", 7, 8.5),
        "host",
        "training",
        3,
        4,
        5,
        0.25,
        True,
        99,
        True,
    )
    assert all(value not in (None, "", 0) for value in vars(status).values())
    assert RunStatus.from_dict(json.loads(json.dumps(status.to_dict(), allow_nan=False))) == status


def test_a_history_is_cut_back_to_the_epochs_that_are_kept(store):
    run = store.create(DIGITS)
    assert run.keep_epochs(0) == []
    for epoch in (1, 2, 3):
        run.append(record(epoch))
    with (run.path / HISTORY).open("a") as stream:
        stream.write('{"epoch": 4, "lo')
    assert run.keep_epochs(3) == run.history() == [record(1), record(2), record(3)]
    assert run.keep_epochs(1) == run.history() == [record(1)]
    run.append(record(2))
    assert run.history() == [record(1), record(2)]


# --- Damaged folders ----------------------------------------------------------------------------------

FOLDER, PIPE, LINK, SPARSE = "a folder", "a named pipe", "a link", "20 GiB of nothing"
NEWER = SCHEMA_VERSION + 1

DEEP = b"[" * 100_000 + b"]" * 100_000
HUGE = b"1" + b"0" * 400
GOOD = record(1).to_json().encode() + b"\n"

DAMAGE = [
    (CONFIG, b"", "input data was truncated"),
    (CONFIG, b'{"depth": 2, "wid', "input data was truncated"),
    (CONFIG, b"[]", "expected object, got array"),
    (CONFIG, b"\xff\xfe\x00", "JSON is malformed"),
    (CONFIG, b'{"a": "\xff"}', "it is not UTF-8 text"),
    (CONFIG, b'{"schema_version": %d}' % NEWER, f"schema_version: {NEWER} is not allowed; it must be a whole number"),
    (CONFIG, b'{"flavour": 0.5}', "'flavour' is not allowed; it must be one of dataset, activation"),
    (CONFIG, b'{"depth": 101}', "depth: 101 is not allowed; it must be a whole number from 0 to 100"),
    (CONFIG, b'{"depth": %s}' % HUGE, "depth: 1000"),
    (CONFIG, b'{"depth": NaN}', "JSON is malformed"),
    (CONFIG, b'{"depth": [[2]]}', "depth: [[2]] is not allowed; it must be a whole number"),
    (CONFIG, b'{"a": %s}' % DEEP, "nested too deeply"),
    (CONFIG, FOLDER, "Is a directory"),
    (CONFIG, PIPE, "it is not a regular file"),
    (CONFIG, LINK, "it is a symbolic link"),
    (CONFIG, SPARSE, "it has 21,474,836,480 bytes; at most 1,048,576 are allowed"),
    (STATUS, b"", "input data was truncated"),
    (STATUS, b'{\n  "schema_version": 1,\n  "status": "run', "input data was truncated"),
    (STATUS, b"7", "expected object, got int"),
    (STATUS, b"{}", "object missing required field status"),
    (STATUS, b'{"schema_version": %d, "status": "queued"}' % NEWER, f"schema_version: {NEWER} is not supported"),
    (STATUS, b'{"schema_version": "1", "status": "queued"}', "schema_version: '1' is not supported"),
    (STATUS, b'{"schema_version": %s, "status": "queued"}' % DEEP, "it is nested too deeply"),
    (STATUS, b'{"status": "%s"}' % (b"x" * 200_000), "status: 'xxxx"),
    (STATUS, b'{"status": "dreaming"}', "status: 'dreaming' is not allowed"),
    (STATUS, b'{"status": "queued", "created": "today"}', "created: 'today' is not allowed (expected float, got str)"),
    (STATUS, b'{"status": "queued", "created": 1e300}', "created: 1e+300 is not allowed"),
    (STATUS, b'{"status": "queued", "created": -1}', "created: -1 is not allowed"),
    (STATUS, b'{"status": "queued", "created": Infinity}', "JSON is malformed"),
    (STATUS, b'{"status": "queued", "created": 1e999}', "range"),
    (STATUS, b'{"status": "queued", "created": %s}' % HUGE, "created: 1000"),
    (STATUS, b'{"status": "queued", "process": 7}', "process: 7 is not allowed"),
    (STATUS, b'{"status": "queued", "process": {"host": "here"}}', "object missing required field pid"),
    (STATUS, b'{"status": "queued", "epoch": 1.5}', "epoch: 1.5 is not allowed (expected int, got float)"),
    (STATUS, b'{"status": "queued", "epoch": %s}' % HUGE, "epoch: 1000"),
    (STATUS, b'{"status": "queued", "reason": %s}' % DEEP, "it is nested too deeply"),
    (STATUS, b'{"status": "queued", "reason": "%s"}' % (b"x" * 200_000), "reason: 'xxxx"),
    (STATUS, b'{"status": "queued", "reason": "\\ud800"}', "input data was truncated"),
    (STATUS, b'{"status": "failed", "cause": "no such cause"}', "cause: 'no such cause' is not allowed"),
    (STATUS, b'{"status": "failed", "cause": 3}', "cause: 3 is not allowed"),
    (STATUS, FOLDER, "Is a directory"),
    (STATUS, PIPE, "it is not a regular file"),
    (STATUS, LINK, "it is a symbolic link"),
    (STATUS, SPARSE, "it has 21,474,836,480 bytes"),
    (HISTORY, b"\n", "line 1: input data was truncated"),
    (HISTORY, GOOD + b"{}\n", "line 2: object missing required field epoch"),
    (HISTORY, b'{"epoch": 1, "loss"\n', "line 1: input data was truncated"),
    (HISTORY, b"\xff\n", "line 1: JSON is malformed"),
    (HISTORY, GOOD + GOOD, "line 2: epoch 1 follows epoch 1"),
    (HISTORY, GOOD.replace(b"1", b"9", 1) + GOOD, "line 2: epoch 1 follows epoch 9"),
    (HISTORY, GOOD.replace(b"1", b"0", 1), "line 1: epoch: 0 is not allowed"),
    (HISTORY, GOOD.replace(b"1", HUGE, 1), "line 1: epoch: 1000"),
    (HISTORY, GOOD.replace(b"2.0", b"1e300"), "line 1: loss: 1e+300 is not allowed"),
    (HISTORY, GOOD.replace(b"2.0", b"[" * 100_000), "line 1: expected float | null, got array at loss"),
    (HISTORY, FOLDER, "Is a directory"),
    (HISTORY, PIPE, "it is not a regular file"),
    (HISTORY, LINK, "it is a symbolic link"),
    (HISTORY, SPARSE, "it has 21,474,836,480 bytes"),
]


def damage(run: Run, name: str, content: bytes | str) -> None:
    path = run.path / name
    kept = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    if content == FOLDER:
        path.mkdir()
    elif content == PIPE:
        os.mkfifo(path)
    elif content == LINK:
        path.with_suffix(".elsewhere").write_bytes(kept)
        path.symlink_to(path.with_suffix(".elsewhere"))
    elif content == SPARSE:
        with path.open("wb") as stream:
            stream.truncate(20 << 30)
    else:
        path.write_bytes(content)


@pytest.mark.parametrize(("name", "content", "reason"), DAMAGE, ids=lambda value: str(value)[:40])
def test_a_damaged_run_is_listed_with_its_reason_beside_a_good_one(store, name, content, reason):
    good, bad = store.create(DIGITS), store.create(DIGITS)
    good.append(record(1))
    damage(bad, name, content)
    found = {summary.name: summary for summary in store.list()}
    assert (found[good.name].state, found[good.name].problem) == (QUEUED, "")
    assert found[good.name].records == [record(1)]
    assert found[bad.name].state == UNREADABLE
    assert bad.name in found[bad.name].problem and name in found[bad.name].problem
    assert reason in found[bad.name].problem
    assert str(store.folder) not in found[bad.name].problem and len(found[bad.name].problem) < 600


@pytest.mark.parametrize("name", [CONFIG, STATUS])
def test_a_run_whose_file_is_missing_is_listed_as_unreadable(store, name):
    run = store.create(DIGITS)
    (run.path / name).unlink()
    [summary] = store.list()
    assert summary.state == UNREADABLE
    assert summary.problem == f"{name} of {run.name} cannot be read: it is missing"


def test_a_damaged_run_is_read_again_once_it_is_mended(store):
    run = store.create(DIGITS)
    kept = (run.path / STATUS).read_bytes()
    damage(run, STATUS, b"{")
    assert states(store) == {run.name: UNREADABLE}
    damage(run, STATUS, kept)
    assert states(store) == {run.name: QUEUED}


# --- Listing ------------------------------------------------------------------------------------------


def test_what_is_no_run_is_not_listed(store):
    run = store.create(DIGITS)
    shutil.copytree(run.path, store.folder / ".being_made")
    (store.folder / "README.md").touch()
    (store.folder / "empty").mkdir()
    (store.folder / "other").mkdir()
    (store.folder / "other" / "best.keras").touch()
    (store.folder / "nowhere").symlink_to(store.folder / "gone")
    (store.folder / "round").symlink_to(store.folder / "round")
    assert states(store) == {run.name: QUEUED}


def test_a_folder_that_is_not_there_has_no_runs(tmp_path):
    assert RunStore(tmp_path / "none").list() == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("file", "Not a directory"),
        ("file/below", "Not a directory"),
        ("round", "Too many levels of symbolic links"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_folder_that_cannot_be_read_is_told_with_its_path_and_the_reason(tmp_path, path, reason):
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to(tmp_path / "round")
    folder = tmp_path / path
    with pytest.raises(RunError) as caught:
        RunStore(folder).list()
    assert str(caught.value) == f"runs: {str(folder)!r} cannot be read ({reason})"


def test_the_newest_run_comes_first_and_of_equals_the_last_by_name(store):
    made = [store.create(DIGITS, name=name) for name in "abcd"]
    for run, created in zip(made, (5.0, 9.0, 1.0, 5.0), strict=True):
        run.update(created=created)
    assert [summary.name[0] for summary in store.list()] == ["b", "d", "a", "c"]


LISTER = """
import json
import sys
from explorer.runs.index import INDEX
from explorer.runs.store import RunStore
from tests.runs.test_run import record

opened = []

def hear(event, arguments):
    if event == "open" and str(arguments[0]).startswith(sys.argv[1]) and INDEX not in str(arguments[0]):
        opened.append(str(arguments[0]))

sys.addaudithook(hear)
store, told = RunStore(sys.argv[1]), []
for _ in range(3):
    opened.clear()
    found = store.list()
    told.append((len(found), list(opened), sum(len(summary.records) for summary in found)))
    if len(told) == 2:
        found[0].run.append(record(2))
print(json.dumps(told))
"""


def test_of_a_thousand_runs_only_what_has_changed_is_read_again(store):
    first = store.create(DIGITS)
    first.append(record(1))
    for number in range(999):
        shutil.copytree(first.path, store.folder / f"copy_{number}")
    (count, opened, epochs), again, changed = json.loads(finished(started(LISTER, store.folder)))
    assert (count, len(opened), epochs) == (1000, 3000, 1000)
    assert again == [1000, [], 1000]
    count, opened, epochs = changed
    assert (count, epochs) == (1000, 1001)
    assert len({Path(path).parent for path in opened}) == 1
    assert sorted(Path(path).name for path in opened) == [CONFIG, HISTORY, STATUS]


def test_a_run_that_is_gone_is_no_longer_listed(store):
    one, other = store.create(DIGITS), store.create(DIGITS)
    assert len(store.list()) == 2
    shutil.rmtree(one.path)
    assert states(store) == {other.name: QUEUED}


def test_a_replaced_status_of_the_same_size_in_the_same_tick_is_noticed(store):
    run = store.create(DIGITS)
    run.update(status=PAUSED)
    before = (run.path / STATUS).stat()
    assert states(store) == {run.name: PAUSED}
    run.update(status=FAILED, cause=None)
    os.utime(run.path / STATUS, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (run.path / STATUS).stat().st_size == before.st_size
    assert states(store) == {run.name: FAILED}


# --- Whose process has ended --------------------------------------------------------------------------


def processes() -> dict[str, tuple[Process | None, bool]]:
    """Processes that may answer for a run, and whether each is known to have ended."""
    here, gone = Process.current(), process_that_ended()
    return {
        "this one": (here, False),
        "one that ended": (gone, True),
        "this one after the clock was set back": (replace(here, started=here.started + 7200), False),
        "this one as an earlier version wrote it": (Process(here.host, here.pid, here.started), False),
        "one whose number is used again": (replace(here, ticks=here.ticks - 1), True),
        "one of the machine's last boot": (replace(here, boot="00000000-0000-4000-8000-000000000000"), True),
        "a reused number as an earlier version wrote it": (Process(here.host, here.pid, here.started - 3600), True),
        "a number that no process has": (replace(here, pid=2**80), True),
        "a negative number": (replace(here, pid=-1), True),
        "one of another machine": (replace(gone, host="another machine"), False),
        "none": (None, False),
    }


@pytest.mark.parametrize("name", list(processes()))
@pytest.mark.parametrize("status", ACTIVE)
def test_an_active_run_is_interrupted_when_its_process_is_known_to_have_ended(name, status):
    process, ended = processes()[name]
    before = RunStatus(status, process=process, phase="training", epoch=3)
    seen = before.seen_now()
    if ended:
        reason = "its process ended before the run did"
        assert seen == replace(before, status=INTERRUPTED, reason=reason, cause=Cause.PROCESS_ENDED, phase="")
    else:
        assert seen is before


@pytest.mark.parametrize("status", [status for status in STATUSES if status not in ACTIVE])
def test_a_run_that_is_not_active_stays_as_it_is_when_its_process_has_ended(status):
    before = RunStatus(status, process=process_that_ended())
    assert before.seen_now() is before


def test_a_process_that_nobody_has_waited_for_has_ended():
    child = started("")
    number = Process(Process.current().host, child.pid, psutil.Process(child.pid).create_time())
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert number.ended()
    child.communicate()


def test_a_list_notices_that_a_process_has_ended_although_no_file_has_changed(store):
    run, child = store.create(DIGITS), started("input()")
    run.update(
        status=RUNNING,
        process=Process(Process.current().host, child.pid, psutil.Process(child.pid).create_time()),
    )
    written = (run.path / STATUS).read_bytes()
    assert states(store) == {run.name: RUNNING}
    child.kill()
    child.communicate()
    assert states(store) == {run.name: INTERRUPTED}
    assert run.status().status == INTERRUPTED
    assert (run.path / STATUS).read_bytes() == written


TRAINER = """
import sys
from pathlib import Path
from explorer.process import Process
from explorer.runs.run import Run

run = Run(Path(sys.argv[1]))
with run.locked():
    run.update(status="running", process=Process.current())
    print("trains", flush=True)
    input()
print("lives on", flush=True)
input()
"""


def training(store: RunStore) -> tuple[Run, subprocess.Popen]:
    run = store.create(DIGITS)
    process = started(TRAINER, run.path)
    assert process.stdout.readline() == "trains\n"
    return run, process


@pytest.mark.parametrize("seconds", [-86_400, -2, 2, 86_400])
@pytest.mark.parametrize("version", ["this", "an earlier"])
def test_a_stepped_clock_interrupts_no_run_whose_process_trains_it(store, seconds, version):
    """What a step of the clock changes is by how much the time that is on record differs from what the system says."""
    run, process = training(store)
    written = json.loads((run.path / STATUS).read_text())
    written["process"]["started"] += seconds
    if version == "an earlier":
        del written["process"]["boot"], written["process"]["ticks"]
    (run.path / STATUS).write_text(json.dumps(written))
    assert states(store) == {run.name: RUNNING} and run.status().status == RUNNING
    settle_orphans(RunStore(store.folder))
    assert json.loads((run.path / STATUS).read_text()) == written
    process.kill()
    process.communicate()
    assert states(store) == {run.name: INTERRUPTED} and run.status().status == INTERRUPTED


def test_the_start_in_this_boot_is_what_the_system_says():
    """Against psutil, which reads the same from the system and adds the boot time."""
    here = Process.current()
    assert here.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert here.ticks / os.sysconf("SC_CLK_TCK") + psutil.boot_time() == pytest.approx(here.started, abs=1.5)


def test_a_run_that_its_living_process_let_go_of_is_interrupted(store):
    """As after a disk that was full, when the end could not be written."""
    run, process = training(store)
    assert run.status().status == RUNNING
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "lives on\n"
    assert psutil.pid_exists(run.status().process.pid)
    assert states(store) == {run.name: INTERRUPTED}
    assert run.status().reason == "its process could not record how it ended"
    assert run.status().cause == Cause.END_NOT_WRITTEN
    process.communicate("\n")


def test_who_looks_at_a_run_is_in_nobodys_way(store):
    run = store.create(DIGITS)
    with run.locked():
        pass
    with ThreadPoolExecutor(4) as pool:
        lookers = [Run(run.path) for _ in range(4)]  # as in other processes: who holds a run does not look at its lock
        looks = [pool.submit(lambda looker=looker: [looker.held() for _ in range(2000)]) for looker in lookers]
        for _ in range(50):
            with run.locked():
                pass
        assert {seen for look in looks for seen in look.result()} <= {True, False}


# --- What was trained, and what waits -----------------------------------------------------------------


def test_only_a_completed_run_of_the_equal_configuration_was_trained_before(store):
    for status in STATUSES:
        if status != COMPLETED:
            store.create(DIGITS).update(status=status)
    store.create(DIGITS.with_(seed=2)).end(COMPLETED, "")
    damaged = store.create(DIGITS)
    damaged.end(COMPLETED, "")
    damage(damaged, HISTORY, b"?\n")
    assert store.trained_before(DIGITS) is None

    older, newer = store.create(DIGITS), store.create(DIGITS)
    for run, created in ((older, 1e9), (newer, 2e9)):
        run.end(COMPLETED, "")
        run.update(created=created)
    assert store.trained_before(DIGITS).name == newer.name
    assert store.trained_before(TrainingConfig.from_dict(DIGITS.to_dict())).name == newer.name
    assert store.trained_before(DIGITS.with_(learning_rate=5.000001e-5)) is None


# --- Requests -----------------------------------------------------------------------------------------


def test_the_latest_request_counts_until_it_is_forgotten(store):
    run = store.create(DIGITS)
    run.request("pause")
    run.request("stop")
    assert Run(run.path).requested() == "stop"
    run.clear_request()
    run.clear_request()
    assert run.requested() is None
    assert not (run.path / LOCK).exists()


def test_a_stop_needs_no_space_on_the_disk(store):
    """An empty file asks to stop: it is all that a disk takes that is full, here one of no bytes a file."""
    run = store.create(DIGITS)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(RunError, match="cannot be written"):
            run.request("pause")
        assert run.requested() is None
        run.request("stop")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert run.requested() == "stop"
