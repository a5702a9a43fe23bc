"""A sweep whose runs are trained by a script, for the tests of the driver and of its page."""

from explorer.runs.history import EpochRecord
from explorer.runs.status import COMPLETED, PAUSED, STOPPED
from explorer.sweeps.study import StudyStore
from explorer.sweeps.study_spec import StudySpec
from explorer.workers.run_control import queue_again

SPACE = {"depth": [1, 2, 3, 4, 5, 6]}


class Scripted:
    """Stands for the run queue: every run is trained at once, by a script that gets the run and its configuration."""

    problems: tuple[str, ...] = ()

    def __init__(self, script, slots=1):
        self.script, self.slots = script, slots
        self.ended: set[str] = set()
        self.abandoned = False

    def wait_until_ready(self, seconds):
        return "ready"

    def submit(self, run):
        self.script(run, run.config)
        self.ended.add(run.name)

    def resume(self, run):
        queue_again(run)
        self.submit(run)

    def stop(self, run):
        run.end(STOPPED, "stopped in epoch 3")
        self.ended.add(run.name)

    def pause(self, run):
        run.end(PAUSED, "paused in epoch 3")

    def abandon(self):
        self.abandoned = True

    def wait_for_news(self, seconds):
        ended, self.ended = self.ended, set()
        return ended


def add_epochs(run, config, loss=None, until=None):
    """Goes on with a run as a worker does; its loss says how deep it is and how far."""
    for epoch in range(len(run.history()) + 1, (until or config.epochs) + 1):
        value = (loss or config.depth) / epoch
        run.append(EpochRecord(epoch, value, 0.5, value, 1 / (1 + value), 1e-3, 0.1))


def trains(run, config):
    add_epochs(run, config)
    run.end(COMPLETED, f"trained for {config.epochs} epochs")


def study_in(store, **more):
    values = {"name": "s", "sampler": "grid", "trials": 6, "epochs": 4, "space": SPACE, **more}
    values.setdefault("settings", {"dataset": "digits"})
    return StudyStore(store).create(StudySpec.from_dict(values))
