"""What killed processes leave in run folders is swept by the next writer, and nothing that is being written."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.config import TrainingConfig
from explorer.runs.notes import bin_run, empty_bin
from explorer.runs.run import Run
from explorer.runs.status import QUEUED
from explorer.runs.store import RunStore
from explorer.work_folder import STATUS

ROOT = Path(__file__).parents[2]
DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)

WRITES = """
import sys
from pathlib import Path
from explorer.files import replace_file

with replace_file(Path(sys.argv[1])) as stream:
    stream.write(b"half")
    print("writes", flush=True)
    input()
"""
MAKES = """
import sys
from explorer.config import TrainingConfig
from explorer.runs.store import RunStore

def wait(*arguments, **more):
    print("makes", flush=True)
    input()

sys.addaudithook(lambda event, arguments: wait() if event == "os.rename" and ".status" in str(arguments[0]) else None)
RunStore(sys.argv[1]).create(TrainingConfig(dataset="digits", depth=2, width=20))
"""


def process(script: str, *arguments: object) -> subprocess.Popen:
    """A process that has come to the middle of its work and waits there."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    started = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdout.readline() in ("writes\n", "makes\n")
    return started


def kill(started: subprocess.Popen) -> None:
    started.kill()
    started.communicate()
    assert started.returncode == -signal.SIGKILL


def hidden(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith(".")}


@pytest.fixture
def run(store) -> Run:
    return store.create(DIGITS)


@pytest.mark.parametrize("name", ["checkpoint.npz", "best.keras", STATUS, "notes.json"])
def test_who_takes_a_run_sweeps_what_a_killed_process_was_writing_and_not_what_a_living_one_is(run, name):
    killed, living = process(WRITES, run.path / name), process(WRITES, run.path / name)
    kill(killed)
    (run.path / ".best.marked.keras").write_bytes(b"what the model's file was being made from")
    assert len(hidden(run.path)) == 3
    with run.locked():
        assert hidden(run.path) == {".lock", f".{name}.{living.pid}-{thread_of(run.path, living.pid)}.tmp"}
    living.communicate("\n")
    assert living.returncode == 0 and (run.path / name).read_bytes() == b"half"
    assert hidden(run.path) == {".lock"}


def thread_of(folder: Path, pid: int) -> str:
    [path] = folder.glob(f".*.{pid}-*.tmp")
    return path.name.split("-")[-1].removesuffix(".tmp")


def test_who_makes_a_run_sweeps_half_made_ones_and_not_one_that_is_being_made(store):
    store.folder.mkdir()
    killed, living = process(MAKES, store.folder), process(MAKES, store.folder)
    left = process(WRITES, store.folder / ".index.json")
    kill(killed)
    kill(left)
    assert len(hidden(store.folder)) == 3
    (store.folder / ".bin").mkdir()
    (store.folder / ".mine").mkdir()
    made = store.create(DIGITS)
    assert len(hidden(store.folder) - {".bin", ".mine"}) == 1
    for _ in range(10):  # as often as it stops to tell
        if living.poll() is None:
            living.stdin.write("\n")
    living.communicate()
    assert living.returncode == 0
    assert hidden(store.folder) == {".bin", ".mine"}
    states = {summary.name: summary.state for summary in RunStore(store.folder).list()}
    assert len(states) == 2 and states[made.name] == QUEUED  # the other one's process has ended since


def test_a_bin_that_a_killed_process_was_emptying_is_emptied_with_the_next(store, run):
    bin_run(store.folder, run.name)
    (store.folder / ".bin").rename(store.folder / ".bin-1")
    assert empty_bin(store.folder) == 0
    assert not (store.folder / ".bin-1").exists()
