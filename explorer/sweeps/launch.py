"""Start of a study's driver as a separate process, and the final runs of a study's best trial."""

import os
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any

from explorer.config import FIELDS, TrainingConfig
from explorer.files import MOST_BYTES, read_bytes
from explorer.process import Process
from explorer.runs.store import RunStore
from explorer.sweeps.study import ACTIVE, LOG, STARTING, Study, TrialRecord

WINNER_SEEDS = 5


def launch(study: Study, store: RunStore, workers: int, scheduler: str | None = None) -> None:
    """Starts a driver process that outlives this one; its log goes into the study's folder."""
    command = [sys.executable, "-m", "explorer", "sweep", "resume", study.name, "--runs", str(store.folder)]
    command += ["--scheduler", scheduler] if scheduler else ["--workers", str(workers)]
    study.clear_request()
    (study.path / LOG).unlink(missing_ok=True)  # opening a named pipe would block
    with (study.path / LOG).open("w") as log:
        driver = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,  # closing the page must not end it
        )
    process = asdict(Process.of(driver.pid))
    if study.status().status not in ACTIVE:  # the driver has not reported it yet
        study.update(status=STARTING, reason="", process=process, seen=time.time())


def last_words(study: Study) -> str:
    """The last line of the driver's log; empty when there is none."""
    try:
        path = study.path / LOG
        log = read_bytes(path, start=max(0, path.lstat().st_size - MOST_BYTES)).decode(errors="replace")
        lines = log.strip().splitlines()
    except (OSError, ValueError):
        return ""
    return lines[-1].removeprefix("explorer: ") if lines else ""


def scheduler_address() -> str | None:
    """The address of the scheduler for sweeps, from `EXPLORER_SCHEDULER`, or None."""
    return os.environ.get("EXPLORER_SCHEDULER") or None


def winner_name(study: Study) -> str:
    """The prefix of the names of the winner's runs."""
    return f"{study.name.replace(' ', '_')}_winner"


def winner_configs(study: Study, trial: TrialRecord) -> list[TrainingConfig]:
    """A trial's settings for full training, with `WINNER_SEEDS` seeds that start at the trial's own."""
    config = study.spec.space.config(trial.settings)
    longest = max(FIELDS["epochs"].default, config.epochs)
    return [config.with_(epochs=longest, seed=(config.seed + number) % 2**31) for number in range(WINNER_SEEDS)]


def winner_mark(study: Study, trial: TrialRecord) -> dict[str, Any]:
    """What the folder of a winner's run says about its study."""
    return {"study": study.name, "winner": trial.trial}
