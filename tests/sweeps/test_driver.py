"""The driver with scripted runs: results, faults, and a kill before every single write."""

import json
import os
import sys
from collections import Counter

import pytest
from scripted import SPACE, Scripted, add_epochs, study_in, trains

from explorer.errors import InputError
from explorer.runs.cause import Cause
from explorer.runs.status import COMPLETED, FAILED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED
from explorer.runs.store import RunStore
from explorer.sweeps import study as folder
from explorer.sweeps.driver import MOST_LOST_WORKERS, STOPPED_WORDS, drive
from explorer.sweeps.study import TRIAL_COMPLETED, TRIAL_FAILED, TRIAL_PRUNED, StudyStore
from explorer.sweeps.summary import best_so_far, leaders, outlook, result


def test_every_trial_is_a_run_with_its_settings_and_its_best_epoch(store):
    study = study_in(store)
    executor = Scripted(trains, slots=3)
    assert drive(study, store, lambda: executor) == folder.COMPLETED
    assert executor.abandoned
    trials = study.trials()
    assert [(t.trial, t.state, t.settings, t.value) for t in trials] == [
        (number, TRIAL_COMPLETED, {"depth": number + 1}, (number + 1) / 4) for number in range(6)
    ]
    for trial in trials:
        run = store.get(trial.runs[0])
        assert run.config.depth == trial.settings["depth"]
        assert run.config.epochs == 4
        assert run.trial() == {"study": "s", "trial": trial.trial, "seed": 0}
    assert study.status().status == folder.COMPLETED
    assert study.status().reason == "all 6 trials have finished"
    with pytest.raises(InputError, match="is completed; there is nothing to resume"):
        drive(study, store, lambda: Scripted(trains))


def test_seeds_are_trained_one_after_another_and_their_mean_counts(store):
    def by_seed(run, config):
        add_epochs(run, config, loss=config.seed)
        run.end(COMPLETED, "")

    study = study_in(store, seeds=3, space={"depth": [1]}, settings={"dataset": "digits", "seed": 5})
    drive(study, store, lambda: Scripted(by_seed))
    [trial] = study.trials()
    assert [store.get(name).config.seed for name in trial.runs] == [5, 6, 7]
    assert trial.value == pytest.approx((5 + 6 + 7) / 3 / 4)


def test_the_objective_may_be_accuracy_and_higher_is_better(store):
    study = study_in(store, objective="val_accuracy")
    drive(study, store, lambda: Scripted(trains))
    assert [t.trial for t in leaders(study.spec, study.trials())] == list(range(6))
    assert study.trials()[0].value == pytest.approx(1 / (1 + 1 / 4))


def test_what_fails_is_told_with_its_reason_and_the_sweep_goes_on(store):
    def script(run, config):
        if config.depth == 2:
            run.end(FAILED, "diverged: the loss became NaN")
        elif config.depth == 3:
            run.end(STOPPED, "stopped in epoch 1")
        elif config.depth == 4:
            (run.path / "status.json").write_text("{")
        else:
            trains(run, config)

    study = study_in(store)
    drive(study, store, lambda: Scripted(script))
    told = {t.settings["depth"]: (t.state, t.reason) for t in study.trials()}
    assert told[2] == (TRIAL_FAILED, "diverged: the loss became NaN")
    assert told[3] == (TRIAL_FAILED, "manually: stopped in epoch 1")
    assert told[4][0] == TRIAL_FAILED
    assert "status.json" in told[4][1]
    assert [told[depth][0] for depth in (1, 5, 6)] == [TRIAL_COMPLETED] * 3


def test_a_trial_whose_workers_die_goes_on_but_not_for_ever(store):
    def script(run, config):
        add_epochs(run, config, until=len(run.history()) + 1)
        if len(run.history()) == config.epochs:
            run.end(COMPLETED, "")
        else:
            run.end(INTERRUPTED, "its worker process died")

    fine = study_in(store, name="fine", epochs=MOST_LOST_WORKERS + 1, space={"depth": [1]})
    drive(fine, store, lambda: Scripted(script))
    assert fine.trials()[0].state == TRIAL_COMPLETED
    assert len(store.get(fine.trials()[0].runs[0]).history()) == MOST_LOST_WORKERS + 1

    bad = study_in(store, name="bad", epochs=MOST_LOST_WORKERS + 2, space={"depth": [1]})
    drive(bad, store, lambda: Scripted(script))
    [trial] = bad.trials()
    assert (trial.state, trial.runs) == (TRIAL_FAILED, [trial.runs[0]])
    assert "4 workers ended while training it" in trial.reason


def test_a_pruned_trial_is_told_as_such_and_its_run_says_why(store):
    study = study_in(store, pruner="median", epochs=5)
    drive(study, store, lambda: Scripted(trains))
    states = [t.state for t in study.trials()]
    assert states == [TRIAL_COMPLETED] * 4 + [TRIAL_PRUNED] * 2  # each is worse than the one before
    pruned = study.trials()[-1]
    assert pruned.reason == "pruned by median: worse than the median of the other trials after epoch 1"
    assert pruned.value is None


def test_a_run_that_is_pruned_while_it_trains_is_stopped(store):
    def script(run, config):
        add_epochs(run, config, until=3 if config.depth > 4 else None)
        run.end(*((COMPLETED, "") if config.depth <= 4 else (RUNNING, "")))

    study = study_in(store, pruner="median", epochs=5)
    drive(study, store, lambda: Scripted(script))
    pruned = study.trials()[-1]
    status = store.get(pruned.runs[0]).status()
    assert (status.status, status.reason, status.cause) == (STOPPED, pruned.reason, Cause.PRUNED)


def test_no_trial_begins_when_the_time_is_up(store):
    study = study_in(store, minutes=1)
    study.update(seconds=60.0)
    drive(study, store, lambda: Scripted(trains))
    assert study.trials() == []
    assert study.status().reason == "the limit of 1 minutes was reached; 0 of 6 trials were started"


def test_stop_writes_open_trials_down_and_resume_goes_on_with_them(store):
    study = study_in(store)

    def script(run, config):
        if config.depth == 3:
            add_epochs(run, config, until=2)
            run.update(status=RUNNING)
            study.request_stop()
        else:
            trains(run, config)

    assert drive(study, store, lambda: Scripted(script)) == folder.STOPPED
    assert [t.state for t in study.trials()] == [TRIAL_COMPLETED, TRIAL_COMPLETED, folder.TRIAL_RUNNING]
    run = store.get(study.trials()[2].runs[0])
    assert (run.status().status, run.status().reason) == (PAUSED, STOPPED_WORDS)
    assert run.status().cause == Cause.SWEEP_STOPPED
    assert drive(study, store, lambda: Scripted(trains)) == folder.COMPLETED
    assert [t.state for t in study.trials()] == [TRIAL_COMPLETED] * 6
    assert len(store.list()) == 6
    assert [r.epoch for r in run.history()] == [1, 2, 3, 4]


def test_a_sweep_that_an_earlier_version_stopped_is_resumed(store):
    """Its runs have no cause, only the sentence of that version; one paused by hand counts as failed, as ever."""
    reasons = {2: "the sweep was stopped; it goes on here when the sweep is resumed", 3: "paused in epoch 2"}
    study = study_in(store, space={"depth": [1, 2, 3]})

    def script(run, config):
        add_epochs(run, config, until=2)
        run.update(status=RUNNING)
        study.request_stop()

    assert drive(study, store, lambda: Scripted(script, slots=3)) == folder.STOPPED
    for trial in study.trials():
        path = store.get(trial.runs[0]).path / "status.json"
        status = json.loads(path.read_text())
        assert status.pop("cause") == "sweep_stopped"
        status["reason"] = reasons.get(trial.settings["depth"], status["reason"])
        path.write_text(json.dumps(status))
    assert drive(study, RunStore(store.folder), lambda: Scripted(trains)) == folder.COMPLETED
    states = {t.settings["depth"]: (t.state, t.reason) for t in study.trials()}
    assert states[1] == states[2] == (TRIAL_COMPLETED, "")
    assert states[3] == (TRIAL_FAILED, "manually: paused in epoch 2")


def test_settings_that_do_not_go_together_fail_their_trial_alone(store, monkeypatch):
    from explorer.sweeps.search_space import Space

    real = Space.config

    def picky(self, drawn, **more):
        if drawn["depth"] == 2:
            raise InputError("depth: 2 does not go with this")
        return real(self, drawn, **more)

    monkeypatch.setattr(Space, "config", picky)
    study = study_in(store)
    drive(study, store, lambda: Scripted(trains))
    assert [t.state for t in study.trials()].count(TRIAL_COMPLETED) == 5
    assert study.trials()[1].reason == "depth: 2 does not go with this"


def test_only_one_driver_at_a_time(store):
    study = study_in(store)
    with study.locked(), pytest.raises(InputError, match="is being driven by another process"):
        drive(study, store, lambda: Scripted(trains))


def test_a_name_that_is_taken_is_told(store):
    study_in(store)
    with pytest.raises(InputError, match="'s' already exists"):
        study_in(store)
    assert [study.name for study in StudyStore(store).list()] == ["s"]


# --- killed at every write --------------------------------------------------------------------------------


def in_child(act) -> int:
    """Runs a function in a process of its own, as a driver is; returns its exit status."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(number: int, place: str) -> None:
    """Ends this process without a word just before it opens, makes, moves or removes its n-th file below a place."""
    count = 0

    def hook(event, arguments):
        nonlocal count
        watched = event in ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate")
        if watched and str(arguments[0]).startswith(place):
            if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
                return
            count += 1
            if count == number:
                os._exit(9)

    sys.addaudithook(hook)


def test_killed_before_any_write_every_trial_is_there_once(tmp_path):
    """For each write of a small sweep: a driver that dies just before it, and one that goes on."""
    expected = None
    for number in range(1, 1000):
        store = RunStore(tmp_path / str(number))
        values = {"sampler": "random", "trials": 2, "epochs": 2, "space": {**SPACE, "width": {"low": 1, "high": 2000}}}
        study = study_in(store, **values)

        def first(store=store, study=study, number=number):
            kill_at(number, str(store.folder))
            drive(study, store, lambda: Scripted(trains, slots=2))

        code = in_child(first)
        if code == 0:
            break
        assert code == 9
        assert in_child(lambda store=store, study=study: drive(study, store, lambda: Scripted(trains, slots=2))) == 0
        told = [(t.trial, t.state, t.settings, t.value) for t in study.trials()]
        expected = expected or told
        assert told == expected
        assert Counter(s.run.trial()["trial"] for s in RunStore(store.folder).list()) == {0: 1, 1: 1}
        assert {len(s.run.history()) for s in store.list()} == {2}
    assert number > 40
    assert [(trial, state) for trial, state, *_ in expected] == [(0, TRIAL_COMPLETED), (1, TRIAL_COMPLETED)]


# --- what is told -----------------------------------------------------------------------------------------


def test_outlook_of_a_study(store):
    study = study_in(store)
    drive(study, store, lambda: Scripted(trains))
    status = study.status()
    trials = study.trials()
    view = outlook(study.spec, folder.StudyStatus(folder.RUNNING, seconds=30, seen=100.0), trials[:3], now=110.0)
    assert (view.through, view.planned, view.fraction) == (3, 6, 0.5)
    assert (view.seconds, view.seconds_left) == (40.0, pytest.approx(40.0))
    assert outlook(study.spec, status, trials, 0.0).fraction == 1.0


def test_best_so_far_follows_the_order_of_the_ends(store):
    study = study_in(store, space={"depth": [3, 1, 2]})
    drive(study, store, lambda: Scripted(trains))
    assert best_so_far(study.spec, study.trials()) == [(1, 0.75, 0.75), (2, 0.25, 0.25), (3, 0.5, 0.25)]
    told = result(study)
    assert told["best"]["settings"] == {"depth": 1}
    assert told["trials_by_state"]["completed"] == 3
    assert QUEUED not in told["trials_by_state"]
