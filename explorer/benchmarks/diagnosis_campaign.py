"""A campaign of injected faults on the workers: groups in order, each appended to a file from which it continues."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from explorer.benchmarks import diagnosis, diagnosis_trials
from explorer.code_version import code_hash
from explorer.errors import InputError, RunError, WorkersError
from explorer.files import append_line, why
from explorer.plain_text import to_json
from explorer.workers.cluster import Settings, connect, kill_workers

# what the results depend on: another version of it begins another file
CODE = ("activations.py", "config.py", "benchmarks", "data", "diagnosis", "runs", "training")
MOST_LOST_WORKERS = 3
LOOK_SECONDS = 1.0
# A compiled program leaks some 60 MB (tensorflow issue 61791): a worker process that holds more than this is renewed.
MOST_MEMORY = 1_500_000_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a campaign measures; groups depend on all of it but the number of `configurations`."""

    configurations: int
    seed: int
    dataset: str
    epochs: int

    def file(self, folder: Path) -> Path:
        """The campaign's file in a folder."""
        return folder / f"{self.dataset}-{self.epochs}-seed-{self.seed}-{code_hash(*CODE)[:10]}.jsonl"


def measure(plan: Plan, folder: Path, settings: Settings, say: Say = lambda text: None) -> dict[str, Any]:
    """The report of a campaign, which continues where an earlier process left it.

    Raises `RunError` for a file that cannot be read or written, `InputError` if another process is at work on it,
    `WorkersError` if the workers cannot be started or keep dying.
    """
    path = plan.file(folder)
    with _held(path):
        known = _read(path)
        groups = diagnosis.needed(_in_order(known), plan.configurations)
        if groups is None:
            say(f"{len(known)} groups are there already; saving in {path}")
            groups = _on_workers(plan, path, known, settings, say)
    return {"dataset": plan.dataset, "seed": plan.seed, "epochs": plan.epochs, **diagnosis.report(groups)}


def _in_order(known: dict[int, Any]) -> Iterator[dict[str, Any]]:
    """The groups from the first one on, up to the first that is missing."""
    number = 0
    while number in known:
        yield known[number]
        number += 1


# --- the file -----------------------------------------------------------------------------------------------


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keeps a second campaign off the file; the lock ends with the process."""
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _cut_unfinished(stream)
            yield
    except BlockingIOError:
        raise InputError(f"campaign: {path.name} is being measured by another process") from None
    except OSError as error:
        raise RunError(f"campaign: {path} cannot be written ({why(error)})") from error


def _cut_unfinished(stream: Any) -> None:
    """Removes the part of a last line that a killed process left."""
    stream.seek(0)
    content = stream.read()
    if content and not content.endswith(b"\n"):
        stream.truncate(content.rfind(b"\n") + 1)


def _read(path: Path) -> dict[int, Any]:
    known = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            group = json.loads(line)
            known[group["group"]] = group
        except (ValueError, KeyError, TypeError):
            raise RunError(f"campaign: line {number} of {path} is damaged; remove the file to start again") from None
    return known


# --- the workers --------------------------------------------------------------------------------------------


def _on_workers(plan: Plan, path: Path, known: dict[int, Any], settings: Settings, say: Say) -> list[dict[str, Any]]:
    try:
        client, cluster = connect(settings)
    except Exception as error:
        raise WorkersError(f"the workers could not be started: {error or type(error).__name__}") from error
    try:
        return _Campaign(plan, path, known, client, say).run()
    finally:
        kill_workers(cluster)  # they may be training groups that are not needed any more
        for part in (client, cluster):
            if part is not None:
                with suppress(Exception):  # the results are on disk; what fails here would only hide an error
                    part.close()


class _Campaign:
    """One campaign on the workers of a Dask client; `run` returns the groups that its report needs."""

    def __init__(self, plan: Plan, path: Path, known: dict[int, Any], client: Any, say: Say):
        self._plan, self._path, self._known, self._client, self._say = plan, path, known, client, say
        self._futures: dict[Any, int] = {}
        self._lost: dict[int, int] = {}
        self._references = {name: value for group in known.values() for name, value in group["references"].items()}

    def run(self) -> list[dict[str, Any]]:
        from distributed import wait

        while (groups := diagnosis.needed(_in_order(self._known), self._plan.configurations)) is None:
            self._fill()
            with suppress(TimeoutError):
                for future in wait(list(self._futures), LOOK_SECONDS, return_when="FIRST_COMPLETED").done:
                    self._settle(future, self._futures.pop(future))
        return groups

    def _fill(self) -> None:
        """Keeps every worker busy with the next groups."""
        open_groups = {*self._known, *self._futures.values()}
        number = 0
        for _ in range(sum(self._client.nthreads().values()) - len(self._futures)):
            while number in open_groups:
                number += 1
            open_groups.add(number)
            self._submit(number)

    def _submit(self, number: int) -> None:
        plan = self._plan
        arguments = plan.seed, number, plan.dataset, plan.epochs, self._references
        self._futures[self._client.submit(diagnosis_trials.train_group, *arguments, pure=False)] = number

    def _settle(self, future: Any, number: int) -> None:
        from distributed import KilledWorker

        try:
            trained = future.result()
        except KilledWorker:
            self._lost[number] = self._lost.get(number, 0) + 1
            if self._lost[number] >= MOST_LOST_WORKERS:
                raise WorkersError(
                    f"campaign: {MOST_LOST_WORKERS} workers died while training group {number}"
                ) from None
            return self._submit(number)
        self._keep(number, trained.group)
        if trained.memory > MOST_MEMORY:
            self._client.restart_workers([trained.worker], raise_for_error=False)

    def _keep(self, number: int, group: dict[str, Any]) -> None:
        line = to_json(group)
        append_line(self._path, line)
        self._known[number] = json.loads(line)
        self._references |= group["references"]
        kept = sum(each["kept"] for every in self._known.values() for each in every["faulty"])
        self._say(f"group {number}: {kept} of {self._plan.configurations} faults measured")


def default_settings() -> Settings:
    """The workers of `EXPLORER_WORKERS` or `EXPLORER_SCHEDULER`, else one for each core."""
    settings = Settings.from_environment()
    if os.environ.get("EXPLORER_WORKERS") or settings.scheduler:
        return settings
    return Settings(**{**asdict(settings), "workers": max(1, os.cpu_count() or 1), "tls": None})
