"""Questions to the process beside the workers: answers, faults, limits, death."""

import ctypes
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from browser import wait_for

from explorer import scratch
from explorer.errors import FieldError, WorkersError
from explorer.workers import task_process as task_process_module
from explorer.workers.task_process import MOST_PROCESSES, TaskProcess

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def task_process():
    started = TaskProcess()
    yield started
    started.close()


def fail():
    raise FieldError("depth", -1, "a whole number")


def fill_memory():
    held = []
    while True:
        held.append(bytearray(b"x" * 10**8))
        time.sleep(0.02)


def hang():
    time.sleep(60)


def hold_the_lock():
    """Stays in C and keeps Python's lock, as a library that loops: no thread of this process runs any more."""
    ctypes.PyDLL(None).sleep(600)


def fill_the_temporary_folder_and_hold_the_lock():
    Path(tempfile.gettempdir(), "large").write_bytes(b"x" * 1000)
    hold_the_lock()


def write_and_wait(path) -> str:
    """Takes longer than the first turns of the tests below."""
    with Path(path).open("a") as file:
        file.write("begun")
    time.sleep(5)
    return "finished"


class OddError(Exception):
    """Cannot be made again from what it says, as those of many libraries."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def raise_odd_error():
    raise OddError(1, 2)


def left_over() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{scratch.PREFIX}*"))


def test_an_answer_comes_from_another_process(task_process):
    assert task_process.ask(os.getpid).result(200) != os.getpid()


def test_a_fault_of_the_question_is_its_own(task_process):
    with pytest.raises(FieldError, match="depth: -1 is not allowed; it must be a whole number"):
        task_process.ask(fail).result(200)


def test_a_question_that_takes_too_long_is_ended_and_the_next_is_answered(task_process):
    late, following = task_process.ask(hang, seconds=0.5), task_process.ask(abs, -3)
    with pytest.raises(WorkersError, match=r"it took longer than 0.5 s"):
        late.result(200)
    assert following.result(200) == 3


def test_an_error_that_cannot_be_sent_is_told_in_its_words(task_process):
    with pytest.raises(WorkersError, match="OddError: 1 and 2"):
        task_process.ask(raise_odd_error).result(200)
    with pytest.raises(pickle.PicklingError):
        task_process.ask(eval, "lambda: 1").result(200)
    assert task_process.ask(abs, -7).result(200) == 7


def test_a_library_that_keeps_pythons_lock_is_ended_and_what_it_wrote_removed(task_process, tmp_path, monkeypatch):
    pid = task_process.ask(os.getpid).result(200)
    folder = Path(task_process.ask(tempfile.gettempdir).result(200))
    assert folder.is_dir() and folder.name.startswith(scratch.PREFIX)
    with pytest.raises(WorkersError, match=r"it took longer than 1 s and was ended"):
        task_process.ask(fill_the_temporary_folder_and_hold_the_lock, seconds=1).result(200)
    assert not psutil.pid_exists(pid) and not folder.exists()
    assert task_process.ask(abs, -3).result(200) == 3


def test_behind_a_question_that_hangs_the_next_is_answered_at_once():
    task_process = TaskProcess()
    late = task_process.ask(hold_the_lock, seconds=300)
    assert task_process.ask(abs, -3).result(120) == 3
    assert not late.done()
    task_process.close()
    with pytest.raises(WorkersError, match="the process that executed it died"):
        late.result(1)


def test_questions_that_hang_in_every_process_take_turns_with_the_next(monkeypatch):
    monkeypatch.setattr(task_process_module, "TURN_SECONDS", 3.0)
    task_process = TaskProcess()
    hanging = [task_process.ask(hold_the_lock, seconds=300, repeatable=True) for _ in range(MOST_PROCESSES)]
    assert task_process.ask(abs, -3).result(200) == 3
    assert not any(late.done() for late in hanging)
    task_process.close()
    for late in hanging:
        with pytest.raises(WorkersError, match=r"was ended|died"):
            late.result(1)


def test_what_a_question_takes_in_all_its_turns_counts(monkeypatch):
    monkeypatch.setattr(task_process_module, "TURN_SECONDS", 3.0)
    task_process = TaskProcess()
    hanging = [task_process.ask(hold_the_lock, seconds=7, repeatable=True) for _ in range(MOST_PROCESSES + 2)]
    for late in hanging:
        with pytest.raises(WorkersError, match="it took longer than 7 s and was ended"):
            late.result(200)
    assert task_process.ask(abs, -3).result(200) == 3
    task_process.close()


def test_long_questions_that_take_turns_are_all_answered(monkeypatch):
    monkeypatch.setattr(task_process_module, "TURN_SECONDS", 1.0)
    task_process = TaskProcess()
    long = [task_process.ask(write_and_wait, os.devnull, repeatable=True) for _ in range(MOST_PROCESSES + 2)]
    assert [answer.result(200) for answer in long] == ["finished"] * len(long)
    task_process.close()


def test_a_question_that_may_not_be_asked_twice_gives_way_to_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(task_process_module, "TURN_SECONDS", 1.0)
    task_process = TaskProcess()
    files = [tmp_path / str(number) for number in range(MOST_PROCESSES)]
    long = [task_process.ask(write_and_wait, file) for file in files]
    assert task_process.ask(abs, -3).result(200) == 3
    assert [answer.result(200) for answer in long] == ["finished"] * len(long)
    assert [file.read_text() for file in files] == ["begun"] * len(files)
    task_process.close()


def test_a_process_that_dies_while_nothing_is_asked_is_replaced(task_process):
    pid = task_process.ask(os.getpid).result(200)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid))
    assert task_process.ask(os.getpid).result(200) != pid


ASKER = """
import ctypes, os, sys, test_task_process
from explorer.workers.task_process import TaskProcess
if __name__ == "__main__":
    task_process = TaskProcess()
    folder = task_process.ask(test_task_process.tempfile.gettempdir)
    print(task_process.ask(os.getpid).result(120), folder.result(200), flush=True)
    task_process.ask(test_task_process.fill_the_temporary_folder_and_hold_the_lock, seconds=300).result()
"""


@pytest.fixture
def short_path():
    """A folder whose path is as short as that of temporary folders elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize(("folder", "forks"), [("short", True), ("long" * 20, False)])
def test_nothing_outlives_a_killed_server_and_the_next_one_removes_what_it_left(
    tmp_path, short_path, monkeypatch, folder, forks
):
    place = short_path / folder
    place.mkdir()
    environment = {
        **os.environ,
        "TMPDIR": str(place),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/support'}:{Path(__file__).parent}",
    }
    script = tmp_path / "asker.py"
    script.write_text(ASKER)
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True) as server:
        pid, scratch_folder = server.stdout.readline().split()
        wait_for((Path(scratch_folder) / "large").exists)  # the question is being worked on
        below = psutil.Process(server.pid).children(recursive=True)
        assert (psutil.Process(int(pid)).ppid() != server.pid) == forks  # else it is a process of its own
        server.kill()
    assert int(pid) in [process.pid for process in below]
    wait_for(lambda: not any(process.is_running() for process in below))
    assert Path(scratch_folder).is_dir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    scratch.sweep()
    assert left_over() == []


def test_the_folder_of_one_that_lives_is_not_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = scratch.ScratchFolder()
    (tmp_path / f"{scratch.PREFIX}link").symlink_to(tmp_path.parent)
    (tmp_path / "other").mkdir()
    second = scratch.ScratchFolder()
    assert kept.path.is_dir() and second.path.is_dir() and (tmp_path / "other").is_dir()
    second.remove()
    kept.remove()
    assert [path.name for path in left_over()] == [f"{scratch.PREFIX}link"]


def test_a_process_that_dies_is_told_and_replaced(task_process):
    with pytest.raises(WorkersError, match="the process that executed it died"):
        task_process.ask(os.kill, task_process.ask(os.getpid).result(200), signal.SIGKILL).result(200)
    assert task_process.ask(abs, -4).result(200) == 4


def test_a_process_that_is_slow_to_be_replaced_is_waited_for(task_process):
    pid = task_process.ask(os.getpid).result(200)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(WorkersError, match="the process that executed it died"):
        task_process.ask(os.kill, pid, signal.SIGKILL).result(200)
    [new] = wait_for(lambda: [c for c in psutil.Process().children(recursive=True) if c.pid not in before])
    new.suspend()
    time.sleep(2)
    new.resume()
    assert task_process.ask(abs, -6).result(200) == 6


def test_a_question_that_is_cancelled_before_its_turn_is_not_asked(task_process, tmp_path):
    first = task_process.ask(time.sleep, 0.5)
    second = task_process.ask(os.mkdir, str(tmp_path / "made"))
    assert second.cancel()
    first.result(200)
    assert task_process.ask(abs, -5).result(200) == 5
    assert not (tmp_path / "made").exists()


def test_a_question_that_takes_too_much_memory_is_ended():
    task_process = TaskProcess(memory_limit=1_500_000_000)
    with pytest.raises(WorkersError, match=r"more than 1\.5 GB of memory"):
        task_process.ask(fill_memory).result(200)
    task_process.close()


def test_where_the_temporary_folder_has_a_long_path_the_process_starts_all_the_same(tmp_path, monkeypatch):
    """A fork is asked for through a socket, whose path the system bounds."""
    deep = tmp_path / ("long" * 20)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    task_process = TaskProcess()
    try:
        parent = task_process.ask(os.getppid).result(timeout=600)
    finally:
        task_process.close()
    assert parent == os.getpid()
