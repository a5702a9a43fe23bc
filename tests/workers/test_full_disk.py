"""A disk that fills up under a run, a real one: a small file system in a mount namespace of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# the command line's run alone is larger than what is left at first
MOUNTED = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" -c "$3" "$1"'

COMMON = """
import json, subprocess, sys
from pathlib import Path
from browser import wait_for
from explorer.config import TrainingConfig
from explorer.runs.store import RunStore

folder = Path(sys.argv[1])
store = RunStore(folder / "runs")
LONG = TrainingConfig(dataset="digits", depth=2, width=20, epochs=10_000, patience=10_000)

def fill(left=0):
    with open(folder / "ballast", "wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(1024))
        except OSError:
            stream.truncate(max(0, stream.tell() - left))

def free():
    (folder / "ballast").unlink()
"""

RUN_QUEUE = (
    COMMON
    + """
from explorer.workers.cluster import Settings
from explorer.workers.run_control import resumable
from explorer.workers.run_queue import RunQueue

if __name__ == "__main__":
    run_queue, told = RunQueue(Settings(workers=1)), {}
    assert run_queue.wait_until_ready(120) == "ready", run_queue.message
    run = store.create(LONG)
    run_queue.submit(run)
    wait_for(lambda: len(run.history()) > 2)
    fill()
    wait_for(lambda: run.status().status != "running")
    told["full"] = [run.status().status, run.written_status().status, resumable(run)]
    epochs = len(run.history())
    free()
    wait_for(lambda: run.written_status().status != "running")
    told["free"] = [run.written_status().status, run.status().reason, run.status().cause]
    run_queue.resume(run)
    wait_for(lambda: len(run.history()) > epochs + 2)
    fill()
    run_queue.stop(run)
    told["stop"] = run.requested()
    free()
    wait_for(lambda: run.status().status not in ("running", "queued"))
    told["ended"] = run.status().status
    told["epochs"] = [record.epoch for record in run.history()] == list(range(1, len(run.history()) + 1))
    told["left"] = [path.name for path in run.path.glob(".*.tmp")]
    print(json.dumps(told))
    run_queue.close()
"""
)

COMMAND = (
    COMMON
    + """
import shlex
settings = "--dataset digits --depth 2 --width 20 --epochs 30 --patience 30 --runs"
train = [sys.executable, "-m", "explorer", "train", *settings.split(), str(store.folder)]
fill(left=LEFT)
done = subprocess.run(train, capture_output=True, text=True)
told = {"full": [done.returncode, done.stderr]}
free()
[summary] = store.list()
told["seen"] = summary.state
told["checkpoint"] = summary.run.has_checkpoint()
last = next(line for line in done.stderr.splitlines() if "resume with: " in line)
again = shlex.split(last.partition("resume with: ")[2])
done = subprocess.run([sys.executable, *again[1:]], capture_output=True, text=True)
told["resumed"] = [done.returncode, summary.run.status().status, len(summary.run.history()), done.stderr]
print(json.dumps(told))
"""
)


def on_a_small_disk(script: str, tmp_path: Path) -> dict:
    can = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True)
    if can.returncode:
        pytest.skip("this user may mount nothing")
    command = ["unshare", "-m", "sh", "-c", MOUNTED, "sh", str(tmp_path), sys.executable, script]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/support'}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_disk_that_fills_up_under_the_run_queue_leaves_no_run_running_for_ever(tmp_path):
    told = on_a_small_disk(RUN_QUEUE, tmp_path)
    assert told["full"][0] in ("interrupted", "failed") and told["full"][2]
    assert told["free"][0] in ("interrupted", "failed") and "No space left on device" in told["free"][1]
    assert told["free"][2] == {"interrupted": "end_not_written", "failed": "disk_full"}[told["free"][0]]
    assert told["stop"] == "stop" and told["ended"] in ("stopped", "failed", "interrupted")
    assert told["epochs"] and told["left"] == []


# room for a few epochs (a model of 33 kB, once more while it is replaced, and a checkpoint), or not even for the first
@pytest.mark.parametrize(("left", "checkpoint"), [(120_000, True), (40_000, False)])
def test_the_command_line_says_how_to_go_on_after_a_disk_that_was_full(tmp_path, left, checkpoint):
    told = on_a_small_disk(COMMAND.replace("LEFT", str(left)), tmp_path)
    status, err = told["full"]
    assert status == 1 and "No space left on device" in err and "Traceback" not in err
    assert told["seen"] in ("interrupted", "failed") and told["checkpoint"] is checkpoint
    assert told["resumed"][:3] == [0, "completed", 30], told["resumed"]
