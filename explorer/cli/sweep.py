"""The commands of sweeps: run, stop, resume and show a study; a scheduler, and joining it as a worker."""

import argparse
from contextlib import suppress
from pathlib import Path

from explorer.cli import terminal
from explorer.cli.options import store_of
from explorer.cli.terminal import say
from explorer.errors import FieldError, InputError
from explorer.runs.store import RunStore
from explorer.sweeps import summary
from explorer.sweeps.driver import drive
from explorer.sweeps.study import ACTIVE, STOPPED, Study, StudyStore
from explorer.sweeps.study_spec import read_toml
from explorer.whole_number import whole_number
from explorer.workers.cluster import Settings, Tls, number_of_workers, workers_for_sweeps
from explorer.workers.run_queue import RunQueue

STOP, RESUME, SHOW = "stop", "resume", "show"
# a driver stops within two seconds; a longer wait means that it hangs
SECONDS_TO_STOP = 10.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `sweep`."""
    parser.add_argument("what", metavar="FILE|stop|resume|show", help="a study as a TOML file, or an action on a study")
    parser.add_argument("study", metavar="STUDY", nargs="?", help="name of a study, for stop, resume and show")
    parser.add_argument(
        "--workers",
        type=number_of_workers("workers"),
        metavar="N",
        help="worker processes here, one run each (default: one per core, as far as the free memory goes)",
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of a running Dask scheduler instead")
    add_tls(parser)


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """The options of `worker`."""
    parser.add_argument("--scheduler", metavar="ADDRESS", required=True, help="its address, such as tls://host:8786")
    parser.add_argument(
        "--workers",
        type=number_of_workers("workers"),
        default=1,
        metavar="N",
        help="worker processes, one run each (default 1)",
    )
    add_tls(parser)


def add_scheduler_options(parser: argparse.ArgumentParser) -> None:
    """The options of `scheduler`."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address on which to listen, such as 0.0.0.0 for all (default 127.0.0.1, this machine alone)",
    )
    parser.add_argument(
        "--port", type=whole_number("port", 1, 65_535), default=8786, metavar="N", help="port (default 8786)"
    )
    add_tls(parser)


def add_tls(parser: argparse.ArgumentParser) -> None:
    """The options that name the certificates of a cluster with TLS."""
    parser.add_argument("--tls-ca", metavar="FILE", help="certificate of the authority that signed the others")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate of this machine")
    parser.add_argument("--tls-key", metavar="FILE", help="private key of that certificate")


def add_benchmarks(parser: argparse.ArgumentParser) -> None:
    """The options of `benchmark` that measure sweeps."""
    parser.add_argument("--sweep", action="store_true", help="compare a parallel with a sequential sweep instead")
    parser.add_argument(
        "--saturation",
        type=whole_number("saturation", 1, 100_000),
        metavar="TRIALS",
        help="measure the driver with this many instant trials instead",
    )
    parser.add_argument(
        "--simulated-workers",
        type=whole_number("simulated-workers", 1, 10_000),
        default=200,
        metavar="N",
        help="for --saturation (default 200)",
    )


def benchmark(options: argparse.Namespace) -> bool:
    """Measures sweeps if the options ask for it; returns whether they do."""
    if options.saturation:
        from explorer.benchmarks import driver
        from explorer.benchmarks import sweep as measure

        values = driver.simulate(options.simulated_workers, options.saturation)
        terminal.answer(values, options, measure.lines_of_saturation)
    elif options.sweep:
        from explorer.benchmarks import sweep as measure

        terminal.answer(measure.measure(options.dataset, options.epochs, say), options, measure.lines)
    return bool(options.saturation or options.sweep)


def sweep(options: argparse.Namespace) -> int:
    """Runs, stops, resumes or shows a study; returns the exit status."""
    store = store_of(options)
    studies = StudyStore(store)
    if options.what not in (STOP, RESUME, SHOW):
        if options.study:
            raise InputError(f"unrecognized argument {options.study!r}; only options may follow FILE")
        return _drive(studies.create(read_toml(Path(options.what))), options, store)
    if options.what == SHOW and not options.study:
        return _list(studies, options)
    if not options.study:
        raise InputError(f"study: {options.what} needs the name of a study; list them with `sweep show`")
    study = studies.get(options.study)
    if options.what == SHOW:
        terminal.answer(summary.result(study), options, summary.lines)
        return 0
    return _stop(study, options) if options.what == STOP else _drive(study, options, store)


def _drive(study: Study, options: argparse.Namespace, store: RunStore) -> int:
    needed = tuple(study.spec.space.values("dataset"))
    workers = options.workers or workers_for_sweeps()
    settings = Settings(workers, options.scheduler, tls=tls_of(options), datasets=needed)
    say(f"{study.name}: saved in {study.path}")
    with terminal.stopped_by_signals(study.request_stop, "stopping the study") as received:
        status = drive(study, store, lambda: RunQueue(settings), say)
    terminal.answer(summary.result(study), options, summary.lines)
    return 128 + received[0] if received and status == STOPPED else 0


def _stop(study: Study, options: argparse.Namespace) -> int:
    status = study.status()
    if status.status not in ACTIVE:
        raise InputError(f"study: {study.name!r} is {status.status}; only a running study can be stopped")
    study.request_stop()
    with suppress(TimeoutError):
        terminal.wait_for(lambda: study.status().status not in ACTIVE, SECONDS_TO_STOP)
    values = {"study": study.name, "path": str(study.path), "status": study.status().status, "requested": "stop"}
    outcome = "was asked to stop" if values["status"] in ACTIVE else "is stopped"
    terminal.answer(values, options, lambda values: [f"{values['study']} {outcome}"])
    return 0


def _list(studies: StudyStore, options: argparse.Namespace) -> int:
    rows = [summary.row(study) for study in studies.list()]
    if not rows:
        say(f"no studies in {studies.folder} yet; create one with `python -m explorer sweep FILE`")
    terminal.answer({"folder": str(studies.folder), "studies": rows}, options, summary.lines_of_studies)
    return 0


def worker(options: argparse.Namespace) -> int:
    """Connects worker processes to a scheduler until it is stopped."""
    from explorer.workers.remote import join

    return join.join(options.scheduler, options.workers, tls_of(options), say)


def scheduler(options: argparse.Namespace) -> int:
    """Runs a scheduler for worker processes until it is stopped."""
    from explorer.workers.remote import scheduler

    return scheduler.serve(options.host, options.port, tls_of(options), say)


def tls_of(options: argparse.Namespace) -> Tls | None:
    """The certificates that the options name, or None; raises `FieldError` for a missing file."""
    paths = {"ca": options.tls_ca, "cert": options.tls_cert, "key": options.tls_key}
    if not any(paths.values()):
        return None
    for name, path in paths.items():
        if not path or not Path(path).is_file():
            raise FieldError(f"tls-{name}", path or "", "an existing file; TLS needs ca, cert and key")
    return Tls(**{name: str(Path(path).absolute()) for name, path in paths.items()})
