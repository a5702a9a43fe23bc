"""Questions to the process beside the workers: answers, faults, limits, death."""

import os
import signal
import tempfile
import time

import psutil
import pytest
from browser import wait_for

from explorer.desk import Desk
from explorer.errors import EngineError, FieldError


@pytest.fixture(scope="module")
def desk():
    started = Desk()
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


def test_an_answer_comes_from_another_process(desk):
    assert desk.ask(os.getpid).result(60) != os.getpid()


def test_a_fault_of_the_question_is_its_own(desk):
    with pytest.raises(FieldError, match="depth: -1 is not allowed; it must be a whole number"):
        desk.ask(fail).result(60)


def test_a_question_that_takes_too_long_is_ended_and_the_next_is_answered(desk):
    late, following = desk.ask(hang, seconds=0.5), desk.ask(abs, -3)
    with pytest.raises(EngineError, match=r"it took longer than 0.5 s"):
        late.result(60)
    assert following.result(60) == 3


def test_a_process_that_dies_is_told_and_replaced(desk):
    with pytest.raises(EngineError, match="the process that worked on it died"):
        desk.ask(os.kill, desk.ask(os.getpid).result(60), signal.SIGKILL).result(60)
    assert desk.ask(abs, -4).result(60) == 4


def test_a_process_that_is_slow_to_be_replaced_is_waited_for(desk):
    """On a busy machine the new process may take longer than the 15 s after which Dask gives one up."""
    pid = desk.ask(os.getpid).result(60)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(EngineError, match="the process that worked on it died"):
        desk.ask(os.kill, pid, signal.SIGKILL).result(60)
    [new] = wait_for(lambda: [c for c in psutil.Process().children(recursive=True) if c.pid not in before])
    new.suspend()
    time.sleep(16)
    new.resume()
    assert desk.ask(abs, -6).result(60) == 6


def test_a_question_that_is_cancelled_before_its_turn_is_not_asked(desk, tmp_path):
    first = desk.ask(time.sleep, 0.5)
    second = desk.ask(os.mkdir, str(tmp_path / "made"))
    assert second.cancel()
    first.result(60)
    assert desk.ask(abs, -5).result(60) == 5
    assert not (tmp_path / "made").exists()


def test_a_question_that_takes_too_much_memory_is_ended():
    desk = Desk(memory_limit=1_500_000_000)
    with pytest.raises(EngineError, match=r"more than 1\.5 GB of memory"):
        desk.ask(fill_memory).result(60)
    desk.close()


def test_where_the_temporary_folder_has_a_long_path_the_process_starts_all_the_same(tmp_path, monkeypatch):
    """A fork is asked for through a socket, whose path the system bounds."""
    deep = tmp_path / ("long" * 20)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    desk = Desk()
    try:
        parent = desk.ask(os.getppid).result(timeout=60)
    finally:
        desk.close()
    assert parent == os.getpid()
