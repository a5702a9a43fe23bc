"""The commands of sweeps: run, stop, resume and show a study, and join a cluster as a worker."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from explorer.cli import terminal
from explorer.cli.terminal import say
from explorer.errors import FieldError, InputError
from explorer.runs.store import RunStore
from explorer.sweeps import summary
from explorer.sweeps.driver import drive
from explorer.sweeps.study import ACTIVE, STOPPED, Study, StudyStore
from explorer.sweeps.study_spec import read_toml
from explorer.workers.cluster import Settings, Tls
from explorer.workers.run_queue import RunQueue

STOP, RESUME, SHOW = "stop", "resume", "show"
# a driver stops within two seconds; a longer wait means that it hangs
SECONDS_TO_STOP = 10.0

Answer = Callable[[dict[str, Any], argparse.Namespace, Callable[[dict], list[str]]], None]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `sweep`."""
    parser.add_argument("what", metavar="FILE|stop|resume|show", help="a study as a TOML file, or an action on a study")
    parser.add_argument("study", metavar="STUDY", nargs="?", help="name of a study, for stop, resume and show")
    parser.add_argument("--workers", type=_workers, metavar="N", help="worker processes here, one run each (default 1)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of a running Dask scheduler instead")
    add_tls(parser)


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """The options of `worker`."""
    parser.add_argument("--scheduler", metavar="ADDRESS", required=True, help="its address, such as tls://host:8786")
    parser.add_argument(
        "--workers", type=_workers, default=1, metavar="N", help="worker processes, one run each (default 1)"
    )
    add_tls(parser)


def add_tls(parser: argparse.ArgumentParser) -> None:
    """The options that name the certificates of a cluster with TLS."""
    parser.add_argument("--tls-ca", metavar="FILE", help="certificate of the authority that signed the others")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate of this machine")
    parser.add_argument("--tls-key", metavar="FILE", help="private key of that certificate")


def add_benchmarks(parser: argparse.ArgumentParser) -> None:
    """The options of `benchmark` that measure sweeps."""
    parser.add_argument("--sweep", action="store_true", help="measure a parallel and a sequential sweep instead")
    parser.add_argument(
        "--saturation",
        type=int,
        metavar="TRIALS",
        help="measure the driver with this many instant trials instead",
    )
    parser.add_argument(
        "--simulated-workers",
        type=int,
        default=200,
        metavar="N",
        help="for --saturation (default 200)",
    )


def benchmark(options: argparse.Namespace, answer: Answer) -> bool:
    """Measures sweeps if the options ask for it; returns whether they do."""
    if options.saturation:
        from explorer.benchmarks import driver
        from explorer.benchmarks import sweep as measure

        for name, most in (("saturation", 100_000), ("simulated_workers", 10_000)):
            if not 1 <= getattr(options, name) <= most:
                raise FieldError(name.replace("_", "-"), getattr(options, name), f"a whole number from 1 to {most:,}")
        values = driver.simulate(options.simulated_workers, options.saturation)
        answer(values, options, measure.lines_of_saturation)
    elif options.sweep:
        from explorer.benchmarks import sweep as measure

        answer(measure.measure(options.dataset, options.epochs, say), options, measure.lines)
    return bool(options.saturation or options.sweep)


def sweep(options: argparse.Namespace, store: RunStore, answer: Answer) -> int:
    """Runs, stops, resumes or shows a study; returns the exit status."""
    studies = StudyStore(store)
    if options.what not in (STOP, RESUME, SHOW):
        if options.study:
            raise InputError(f"unrecognized argument {options.study!r}; only options may follow FILE")
        return _drive(studies.create(read_toml(Path(options.what))), options, store, answer)
    if options.what == SHOW and not options.study:
        return _list(studies, options, answer)
    if not options.study:
        raise InputError(f"study: {options.what} needs the name of a study; list them with `sweep show`")
    study = studies.get(options.study)
    if options.what == SHOW:
        answer(summary.result(study), options, summary.lines)
        return 0
    return _stop(study, options, answer) if options.what == STOP else _drive(study, options, store, answer)


def _drive(study: Study, options: argparse.Namespace, store: RunStore, answer: Answer) -> int:
    needed = tuple(study.spec.space.values("dataset"))
    settings = Settings(options.workers or 1, options.scheduler, tls=tls_of(options), datasets=needed)
    say(f"{study.name}: saved in {study.path}")
    with stopped_by_signals(study) as received:
        status = drive(study, store, lambda: RunQueue(settings), say)
    answer(summary.result(study), options, summary.lines)
    sys.stdout.flush()
    sys.stderr.flush()
    # the workers have ended and everything is on disk; the interpreter's own cleanup would take seconds
    os._exit(128 + received[0] if received and status == STOPPED else 0)


def _stop(study: Study, options: argparse.Namespace, answer: Answer) -> int:
    status = study.status()
    if status.status not in ACTIVE:
        raise InputError(f"study: {study.name!r} is {status.status}; only a running study can be stopped")
    study.request_stop()
    with suppress(TimeoutError):
        terminal.wait_for(lambda: study.status().status not in ACTIVE, SECONDS_TO_STOP)
    values = {"study": study.name, "path": str(study.path), "status": study.status().status, "requested": "stop"}
    outcome = "was asked to stop" if values["status"] in ACTIVE else "is stopped"
    answer(values, options, lambda values: [f"{values['study']} {outcome}"])
    return 0


def _list(studies: StudyStore, options: argparse.Namespace, answer: Answer) -> int:
    rows = [summary.row(study) for study in studies.list()]
    if not rows:
        say(f"no studies in {studies.folder} yet; create one with `python -m explorer sweep FILE`")
    answer({"folder": str(studies.folder), "studies": rows}, options, summary.lines_of_studies)
    return 0


def worker(options: argparse.Namespace) -> int:
    """Connects worker processes to a scheduler until it is stopped."""
    from explorer.workers.remote import join

    return join.join(options.scheduler, options.workers, tls_of(options), say)


def tls_of(options: argparse.Namespace) -> Tls | None:
    """The certificates that the options name, or None; raises `FieldError` for a missing file."""
    paths = {"ca": options.tls_ca, "cert": options.tls_cert, "key": options.tls_key}
    if not any(paths.values()):
        return None
    for name, path in paths.items():
        if not path or not Path(path).is_file():
            raise FieldError(f"tls-{name}", path or "", "an existing file; TLS needs ca, cert and key")
    return Tls(**{name: str(Path(path).absolute()) for name, path in paths.items()})


@contextmanager
def stopped_by_signals(study: Study) -> Iterator[list[int]]:
    """Turns Ctrl-C and SIGTERM into a request to stop the study; yields the list of signals received."""
    received: list[int] = []

    def ask(number: int, frame: object) -> None:
        received.append(number)
        signal.signal(number, before[number])
        with suppress(OSError):
            os.write(sys.stderr.fileno(), b"\nstopping the sweep; press Ctrl-C again to exit at once\n")
        with suppress(OSError):
            study.request_stop()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in [number for number, handler in before.items() if handler != signal.SIG_IGN]:
        signal.signal(number, ask)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _workers(text: str) -> int:
    most = max(1, os.cpu_count() or 1)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise FieldError("workers", text, f"a whole number from 1 to {most}, the number of cores of this machine")
    return int(text)
